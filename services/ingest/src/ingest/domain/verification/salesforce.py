"""Salesforce outbound messages are not signed.

What there is: the organisation's id in the body, compared on its first fifteen characters (the same organisation is
written with fifteen and with eighteen), and, where secrets are configured, one of them as the query parameter `token`
or as the last segment of the path below the public URL. The address that Salesforce calls is the place for it.
"""

from urllib.parse import parse_qs, unquote, urlsplit

from ingest.domain.rejection import Rejected, RejectionReason
from ingest.domain.salesforce_message import SHORT_ID_LENGTH, UnreadableMessage, parse
from ingest.domain.secret import Secret, any_matches
from ingest.domain.sources import Source

TOKEN_PARAMETER = "token"  # noqa: S105 - the parameter's name, not its value


def verify(source: Source, *, url: str, body: bytes) -> None:
    """Check the token first: an unreadable body of a stranger is a stranger's."""
    if source.secrets:
        _check_token(source, url)
    try:
        message = parse(body)
    except UnreadableMessage as error:
        raise Rejected(RejectionReason.MALFORMED_BODY, str(error)) from error
    wanted = Secret((source.account or "")[:SHORT_ID_LENGTH])
    if source.account is not None and not wanted.matches(message.organization_id[:SHORT_ID_LENGTH]):
        raise Rejected(RejectionReason.WRONG_ACCOUNT, "OrganizationId is not the configured account")


def _check_token(source: Source, url: str) -> None:
    given = _token_in(url, source.public_url)
    if given is None:
        raise Rejected(
            RejectionReason.MISSING_CREDENTIALS,
            f"the address has no {TOKEN_PARAMETER!r} parameter; the endpoint URL in Salesforce must end in one",
        )
    if not any_matches(source.secrets, given):
        raise Rejected(RejectionReason.BAD_CREDENTIALS, "the address does not hold the configured token")


def _token_in(url: str, public_url: str) -> str | None:
    parts = urlsplit(url)
    in_query = parse_qs(parts.query, max_num_fields=50).get(TOKEN_PARAMETER)
    if in_query:
        return in_query[0]
    base = urlsplit(public_url).path.rstrip("/")
    return unquote(parts.path[len(base) + 1 :]) or None if parts.path.startswith(f"{base}/") else None

"""Schemes in which both sides hold one secret: HTTP Basic, bearer token, a header, or an HMAC of the body."""

import base64
import binascii
import hmac
from collections.abc import Mapping

from ingest.domain.rejection import Rejected, RejectionReason
from ingest.domain.secret import Secret, any_matches
from ingest.domain.sources import Source


def verify_basic(source: Source, *, headers: Mapping[str, str]) -> None:
    """HTTP Basic (RFC 7617): user name and password, in UTF-8."""
    given = _authorization(headers, scheme="basic")
    try:
        pair = base64.b64decode(given, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Rejected(RejectionReason.BAD_CREDENTIALS, "Authorization: Basic does not hold base64") from error
    user = source.authentication.username or ""
    expected = [Secret(f"{user}:{secret.reveal()}") for secret in source.secrets]
    if not any_matches(expected, pair):
        raise Rejected(RejectionReason.BAD_CREDENTIALS, "user name or password is not the configured one")


def verify_bearer(source: Source, *, headers: Mapping[str, str]) -> None:
    """`Authorization: Bearer <secret>`."""
    if not any_matches(source.secrets, _authorization(headers, scheme="bearer")):
        raise Rejected(RejectionReason.BAD_CREDENTIALS, "the bearer token is not the configured one")


def verify_header(source: Source, *, headers: Mapping[str, str]) -> None:
    """The secret itself in a header."""
    name = source.authentication.header or ""
    given = headers.get(name)
    if given is None:
        raise Rejected(RejectionReason.MISSING_CREDENTIALS, f"header {name} is missing")
    if not any_matches(source.secrets, given):
        raise Rejected(RejectionReason.BAD_CREDENTIALS, f"header {name} does not hold the configured secret")


def verify_hmac(source: Source, *, headers: Mapping[str, str], body: bytes) -> None:
    """HMAC-SHA256 of the raw body in a header, hexadecimal or base64, after a fixed prefix."""
    scheme = source.authentication
    name = scheme.header or ""
    given = headers.get(name)
    if given is None:
        raise Rejected(RejectionReason.MISSING_SIGNATURE, f"header {name} is missing")
    if not given.startswith(scheme.prefix):
        raise Rejected(RejectionReason.MALFORMED_SIGNATURE, f"header {name} does not begin with {scheme.prefix!r}")
    signature = given.removeprefix(scheme.prefix)
    digests = [hmac.digest(secret.reveal().encode(), body, "sha256") for secret in source.secrets]
    if scheme.encoding == "hex":
        signature = signature.lower()
        expected = [Secret(digest.hex()) for digest in digests]
    else:
        expected = [Secret(base64.b64encode(digest).decode()) for digest in digests]
    if not any_matches(expected, signature):
        raise Rejected(RejectionReason.BAD_SIGNATURE, f"header {name} is not the body's HMAC")


def _authorization(headers: Mapping[str, str], *, scheme: str) -> str:
    value = headers.get("authorization")
    if value is None:
        raise Rejected(RejectionReason.MISSING_CREDENTIALS, "Authorization is missing")
    given_scheme, _, credentials = value.partition(" ")
    if given_scheme.lower() != scheme:
        raise Rejected(RejectionReason.MISSING_CREDENTIALS, f"Authorization is not of scheme {scheme}")
    return credentials.strip()

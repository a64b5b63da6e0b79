"""What must hold within one source beyond the shape of its keys."""

import base64
import binascii
from collections.abc import Iterator
from urllib.parse import urlsplit

from ingest.adapters.sources_explained import guess
from ingest.adapters.sources_schema import RuleModel, SourceModel
from ingest.adapters.yaml_places import Path
from ingest.domain.receipt import NEVER_KEPT
from ingest.domain.sources import AuthMethod, SourceKind
from ingest.domain.translators.expressions import BadExpression, compiled
from ingest.domain.translators.rule_events import EVENT_FIELDS

Finding = tuple[Path, str]
"""A place below the source, and what is wrong there and how to cure it."""

_FIXED: dict[SourceKind, AuthMethod] = {
    SourceKind.HUBSPOT: AuthMethod.HUBSPOT,
    SourceKind.SALESFORCE_OUTBOUND_MESSAGE: AuthMethod.SALESFORCE,
    SourceKind.PIPEDRIVE: AuthMethod.BASIC,
    SourceKind.STANDARD_WEBHOOKS: AuthMethod.STANDARD_WEBHOOKS,
}
_BY_RULES = (SourceKind.STANDARD_WEBHOOKS, SourceKind.JSON, SourceKind.CLOUDEVENTS)
_NEEDS_NO_SECRET = (AuthMethod.NONE, AuthMethod.SALESFORCE)
_PLACEHOLDERS = ("{account}", "{object}", "{id}")


def auth_method(source: SourceModel) -> AuthMethod | None:
    """How the source's senders prove themselves; None where the file does not say and the kind leaves a choice."""
    fixed = _FIXED.get(source.kind)
    if fixed is not None:
        return fixed
    return AuthMethod(source.verify_.method) if source.verify_.method else None


def findings(source: SourceModel) -> Iterator[Finding]:
    """Everything that is wrong with the source."""
    yield from _address(source)
    yield from _authentication(source)
    yield from _headers(source)
    yield from _mapping(source)
    for index, rule in enumerate(source.mapping.rules):
        yield from ((("mapping", "rules", index, *path), text) for path, text in _rule(rule))


def _address(source: SourceModel) -> Iterator[Finding]:
    try:
        parts = urlsplit(source.public_url)
    except ValueError:
        yield ("public_url",), "it is no address"
        return
    if parts.scheme not in ("https", "http") or not parts.hostname:
        yield ("public_url",), f"it must be the whole address, such as https://in.example.com/webhooks/{source.name}"
    if parts.query or parts.fragment or parts.username or parts.password:
        yield ("public_url",), "leave out user, query and fragment; they are no part of where requests arrive"
    if source.mapping.lead_url is not None and "{id}" not in source.mapping.lead_url:
        yield ("mapping", "lead_url"), f"it must hold {{id}}; known are {', '.join(_PLACEHOLDERS)}"


def _authentication(source: SourceModel) -> Iterator[Finding]:
    method, verify = auth_method(source), source.verify_
    if method is None:
        choice = "basic, bearer, header, hmac-sha256 or standard-webhooks (none, if anybody may send, is written too)"
        yield ("verify", "method"), f"kind {source.kind.value} needs verify.method: {choice}"
        return
    if source.kind in _FIXED and verify.method not in (None, method.value):
        yield ("verify", "method"), f"kind {source.kind.value} is always verified by {method.value}; leave method out"
    if method is AuthMethod.BASIC and not verify.username:
        yield ("verify", "username"), "HTTP Basic needs it: the user name that the sender was given"
    if method in (AuthMethod.HEADER, AuthMethod.HMAC_SHA256) and not verify.header:
        yield ("verify", "method"), f"{method.value} needs verify.header, the name of the header"
    if not source.secrets and method not in _NEEDS_NO_SECRET:
        yield ("secrets",), f"{method.value} needs secrets: add a list such as [{{env: {_variable(source.name)}}}]"
    if source.secrets and method is AuthMethod.NONE:
        yield ("secrets",), "verify.method is none, so no secret is ever asked for; choose a method or drop them"
    if method is AuthMethod.SALESFORCE and source.account is None:
        yield ("account",), "Salesforce signs nothing: give account, the organisation's id (00D…), to compare with"


def _variable(name: str) -> str:
    return f"{name.upper().replace('-', '_')}_SECRET"


def _headers(source: SourceModel) -> Iterator[Finding]:
    for index, name in enumerate(source.keep_headers):
        if name.lower() in NEVER_KEPT:
            yield ("keep_headers", index), f"{name} is never kept: it would let readers of the stream act as the sender"


def _mapping(source: SourceModel) -> Iterator[Finding]:
    mapping, kind = source.mapping, source.kind
    if mapping.touch_properties and kind is not SourceKind.HUBSPOT:
        yield ("mapping", "touch_properties"), "only HubSpot rolls activities up into properties; use activities"
    if kind in (SourceKind.STANDARD_WEBHOOKS, SourceKind.JSON) and not mapping.rules:
        yield ("mapping", "rules"), f"kind {kind.value} needs rules: without them nothing that comes in means anything"
    if mapping.rules and kind not in _BY_RULES:
        yield ("mapping", "rules"), f"kind {kind.value} is translated by what is known of it; rules are for JSON"
    if mapping.each is not None:
        yield from _expression(("mapping", "each"), mapping.each)


def _rule(rule: RuleModel) -> Iterator[Finding]:
    for name in ("lead", "when", "id", "occurred_at"):
        value = getattr(rule, name)
        if value is not None:
            yield from _expression((name,), value)
    for name, value in rule.fields.items():
        yield from _expression(("fields", name), value)
    known = EVENT_FIELDS.get(rule.type)
    if known is None:
        hint = guess(rule.type, EVENT_FIELDS) or f"; known: {', '.join(EVENT_FIELDS)}"
        yield ("type",), f"{rule.type!r} is no lead event{hint}"
        return
    for name in sorted(known.required - set(rule.fields)):
        yield ("fields",) if rule.fields else ("type",), f"{rule.type} needs the field {name!r}"
    if not known.free:
        for name in sorted(set(rule.fields) - known.required - known.optional):
            takes = ", ".join(sorted(known.required | known.optional)) or "no fields"
            yield ("fields", name), f"{rule.type} has no field {name!r}; it takes {takes}"


def _expression(path: Path, expression: str) -> Iterator[Finding]:
    try:
        compiled(expression)
    except BadExpression as error:
        yield path, str(error)


def is_webhook_secret(secret: str) -> bool:
    """Whether a Standard Webhooks secret is base64, after `whsec_` or bare."""
    try:
        return bool(base64.b64decode(secret.removeprefix("whsec_") + "==", validate=False))
    except (binascii.Error, ValueError):
        return False

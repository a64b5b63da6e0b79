"""The SOAP envelope of a Salesforce outbound message: read it, and take the session id out of it.

Parsed without document type or entities. A `SessionId` is a live login of the Salesforce user who configured the
message: it is removed before anything is stored.
"""

import re
from collections.abc import Mapping
from xml.etree.ElementTree import Element, ParseError, tostring

import msgspec
from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

from ingest.domain.json_body import text_id

_OUTBOUND = "{http://soap.sforce.com/2005/09/outbound}"
_XSI = "{http://www.w3.org/2001/XMLSchema-instance}"
_SESSION = re.compile(rb"(<((?:[\w.-]+:)?SessionId)(?:\s[^>]*)?>).*?(</\2\s*>)", re.DOTALL)
_CHECKSUM_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
SHORT_ID_LENGTH = 15


class UnreadableMessage(ValueError):  # noqa: N818 - named after what it is about
    """The body is no outbound message; the text says why."""


class Notification(msgspec.Struct, frozen=True, kw_only=True):
    """One record as it is now. Fields are those that the administrator chose; None where the record has no value."""

    id: str | None
    object_type: str
    fields: Mapping[str, str | None]


class OutboundMessage(msgspec.Struct, frozen=True, kw_only=True):
    """All notifications of one request, in their order."""

    organization_id: str
    notifications: tuple[Notification, ...]


def parse(body: bytes) -> OutboundMessage:
    """Read the envelope. Raises `UnreadableMessage`."""
    notifications = _notifications_of(_root(body))
    organization = _text(notifications.find(f"{_OUTBOUND}OrganizationId"))
    if organization is None:
        raise UnreadableMessage("OrganizationId is missing")
    found = tuple(_notification(one) for one in notifications.iterfind(f"{_OUTBOUND}Notification"))
    return OutboundMessage(organization_id=organization, notifications=found)


def without_session_id(body: bytes) -> bytes:
    """The same envelope with an empty `SessionId`. Raises `UnreadableMessage`.

    The rest stays byte for byte, unless the session id stands in a form that only a parser finds (another encoding,
    a character reference): then the whole envelope is written anew.
    """
    root = _root(body)
    sessions = _sessions(root)
    if not sessions:
        return body
    blanked = _SESSION.sub(rb"\1\3", body)
    if _holds_none(blanked):
        return blanked
    for element in sessions:
        element.clear()
    return bytes(tostring(root, encoding="utf-8"))


def long_id(value: str) -> str:
    """A record id in its 18 character form; the last three only say which of the first fifteen are upper case."""
    if len(value) != SHORT_ID_LENGTH:
        return value
    suffix = ""
    for start in (0, 5, 10):
        bits = sum(1 << offset for offset, char in enumerate(value[start : start + 5]) if "A" <= char <= "Z")
        suffix += _CHECKSUM_LETTERS[bits]
    return value + suffix


def _root(body: bytes) -> Element:
    try:
        return fromstring(body, forbid_dtd=True, forbid_entities=True, forbid_external=True)
    except DefusedXmlException as error:
        raise UnreadableMessage(f"XML with a document type or entities is refused ({type(error).__name__})") from error
    except (ParseError, ValueError, LookupError) as error:
        raise UnreadableMessage(f"the body is not XML: {error}") from error


def _notifications_of(root: Element) -> Element:
    found = next(iter(root.iter(f"{_OUTBOUND}notifications")), None)
    if found is None:
        raise UnreadableMessage("there is no notifications element of Salesforce's outbound namespace in the body")
    return found


def _notification(element: Element) -> Notification:
    record = element.find(f"{_OUTBOUND}sObject")
    if record is None:
        return Notification(id=_text(element.find(f"{_OUTBOUND}Id")), object_type="", fields={})
    object_type = record.get(f"{_XSI}type", "").rpartition(":")[2]
    fields = {_local(field): _text(field) for field in record}
    return Notification(id=_text(element.find(f"{_OUTBOUND}Id")), object_type=object_type, fields=fields)


def _sessions(root: Element) -> list[Element]:
    """Every SessionId, in whichever namespace, that has something in it."""
    return [one for one in root.iter() if _local(one) == "SessionId" and "".join(one.itertext()).strip()]


def _holds_none(body: bytes) -> bool:
    try:
        return not _sessions(_root(body))
    except UnreadableMessage:
        return False


def _local(element: Element) -> str:
    return str(element.tag).rpartition("}")[2]


def _text(element: Element | None) -> str | None:
    return None if element is None else (element.text or "").strip() or None


def record_id(value: str | None, *, place: str) -> str:
    """A record id that must be there, in its long form."""
    return long_id(text_id(value, place=place))

"""HubSpot as it delivers webhooks: thin events in a batch, signed with version 3 of its signatures."""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import datetime, timedelta

from deploy.demo.cast import Crm, Lead, Owner
from deploy.demo.dialect import Fact
from deploy.demo.stories import Assigned, Called, Created, Disqualified

PORTAL = 4400127
APP = 880031
SUBSCRIPTIONS = {
    "contact.creation": 5001,
    "lifecyclestage": 5002,
    "hubspot_owner_id": 5003,
    "hs_lead_status": 5004,
    "hs_last_logged_call_date": 5005,
    "hs_full_name_or_email": 5006,
    "company": 5007,
}


class HubSpot:
    """`public_url` is what HubSpot was told to call, and signs; a proxy may stand between it and ingest."""

    def __init__(self, *, secret: str, public_url: str) -> None:
        self._secret = secret.encode()
        self._public_url = public_url

    def body(self, lead: Lead, fact: Fact, *, at: datetime, created_at: datetime) -> bytes:  # noqa: ARG002 - Dialect
        """A batch with one event, or, for a creation, six of the same instant with the creation last."""
        return json.dumps([_event(lead, at, place, each) for place, each in enumerate(_told(lead, fact, at))]).encode()

    def again(self, body: bytes) -> bytes:
        """HubSpot counts its attempts in the body; all else stays."""
        return json.dumps(
            [{**event, "attemptNumber": event["attemptNumber"] + 1} for event in json.loads(body)]
        ).encode()

    def headers(self, body: bytes, *, now: datetime) -> dict[str, str]:
        """`X-HubSpot-Signature-v3` over method, public URL, body and timestamp."""
        timestamp = str(_milliseconds(now))
        signed = b"POST" + self._public_url.encode() + body + timestamp.encode()
        signature = base64.b64encode(hmac.new(self._secret, signed, hashlib.sha256).digest()).decode()
        return {
            "Content-Type": "application/json",
            "X-HubSpot-Signature-v3": signature,
            "X-HubSpot-Request-Timestamp": timestamp,
        }


def _told(lead: Lead, fact: Fact, at: datetime) -> list[Mapping[str, object]]:
    match fact:
        case Created(owner=owner):
            return [
                _property("lifecyclestage", "marketingqualifiedlead", source="AUTOMATION_PLATFORM"),
                _property("hubspot_owner_id", owner.id_in(Crm.HUBSPOT), source="AUTOMATION_PLATFORM"),
                _property("hs_full_name_or_email", lead.name, source="FORM"),
                _property("company", lead.company, source="FORM"),
                {"subscriptionType": "contact.creation", "changeSource": "FORM", "changeFlag": "CREATED"},
            ]
        case Assigned(owner=owner):
            return [_property("hubspot_owner_id", owner.id_in(Crm.HUBSPOT), source="CRM_UI")]
        case Called(by=by, ago_seconds=ago):
            performed = str(_milliseconds(at - timedelta(seconds=ago)))
            return [_property("hs_last_logged_call_date", performed, source="CRM_UI", by=by)]
        case Disqualified(by=by):
            return [_property("hs_lead_status", "UNQUALIFIED", source="CRM_UI", by=by)]


def _property(name: str, value: str, *, source: str, by: Owner | None = None) -> Mapping[str, object]:
    told: dict[str, object] = {
        "subscriptionType": "contact.propertyChange",
        "propertyName": name,
        "propertyValue": value,
        "changeSource": source,
    }
    if by is not None and by.hubspot_user is not None:
        told["sourceId"] = f"userId:{by.hubspot_user}"
    return told


def _event(lead: Lead, at: datetime, place: int, told: Mapping[str, object]) -> dict[str, object]:
    object_id = contact_id(lead)
    digest = hashlib.sha256(f"{object_id}:{at.isoformat()}:{place}".encode()).digest()
    return {
        "eventId": int.from_bytes(digest[:4], "big"),
        "subscriptionId": SUBSCRIPTIONS[str(told.get("propertyName", told["subscriptionType"]))],
        "portalId": PORTAL,
        "appId": APP,
        "occurredAt": _milliseconds(at),
        "attemptNumber": 0,
        "objectId": object_id,
        **told,
    }


def contact_id(lead: Lead) -> int:
    """HubSpot's id of the lead."""
    return 51_000_000 + lead.number


def _milliseconds(instant: datetime) -> int:
    return round(instant.timestamp() * 1000)

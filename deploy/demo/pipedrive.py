"""Pipedrive as it delivers webhooks: version 2 bodies behind HTTP Basic."""

import base64
import json
import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta

from deploy.demo.cast import Crm, Lead
from deploy.demo.dialect import Fact
from deploy.demo.stories import Assigned, Called, Created, Disqualified

COMPANY = "6600412"
WEBHOOK = "330071"
NAMESPACE = uuid.UUID("6b0f8d52-6d4a-4c0e-9a55-0d2f2f6a7c11")


class Pipedrive:
    """A company that works with the Leads Inbox and logs its calls as activities of the lead."""

    def __init__(self, *, username: str, password: str) -> None:
        self._authorization = "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()

    def body(self, lead: Lead, fact: Fact, *, at: datetime, created_at: datetime) -> bytes:
        """One change: what is now, what was before (changed fields only), and about whom, by whom, when."""
        match fact:
            case Created(owner=owner):
                data = _lead(lead, owner.id_in(Crm.PIPEDRIVE), at, created_at)
                content = _envelope("create", "lead", data, previous=None, at=at)
            case Assigned(owner=owner, before=before):
                data = _lead(lead, owner.id_in(Crm.PIPEDRIVE), at, created_at)
                previous = {"owner_id": int(before.id_in(Crm.PIPEDRIVE))}
                content = _envelope("change", "lead", data, previous=previous, at=at)
            case Called():
                content = _envelope("create", "activity", _call(lead, fact, at), previous=None, at=at)
            case Disqualified(by=by):
                data = _lead(lead, by.id_in(Crm.PIPEDRIVE), at, created_at) | {"is_archived": True}
                content = _envelope("change", "lead", data, previous={"is_archived": False}, at=at)
        return json.dumps(content).encode()

    def again(self, body: bytes) -> bytes:
        """Pipedrive counts its attempts in the body; the id stays."""
        content = json.loads(body)
        content["meta"]["attempt"] += 1
        return json.dumps(content).encode()

    def headers(self, body: bytes, *, now: datetime) -> dict[str, str]:  # noqa: ARG002 - Dialect
        """User and password; Pipedrive signs nothing."""
        return {"Content-Type": "application/json", "Authorization": self._authorization}


def _envelope(
    action: str, entity: str, data: Mapping[str, object], *, previous: Mapping[str, object] | None, at: datetime
) -> dict[str, object]:
    delivery = str(uuid.uuid5(NAMESPACE, f"{entity}:{data['id']}:{at.isoformat()}"))
    return {
        "data": data,
        "previous": previous,
        "meta": {
            "action": action,
            "attempt": 1,
            "change_source": "app",
            "company_id": COMPANY,
            "correlation_id": str(uuid.uuid5(NAMESPACE, f"correlation:{delivery}")),
            "entity": entity,
            "entity_id": str(data["id"]),
            "host": "demo.pipedrive.com",
            "id": delivery,
            "is_bulk_edit": False,
            "permitted_user_ids": [],
            "timestamp": _stamp(at),
            "type": "general",
            "user_id": str(data["owner_id"]),
            "version": "2.0",
            "webhook_id": WEBHOOK,
            "webhook_owner_id": "23100",
        },
    }


def _lead(lead: Lead, owner: str, at: datetime, created_at: datetime) -> dict[str, object]:
    return {
        "id": lead_id(lead),
        "title": lead.name,
        "owner_id": int(owner),
        "creator_id": 23100,
        "person_id": 900_000 + lead.number,
        "organization_id": None,
        "source_name": "Web forms",
        "origin": "WebForm",
        "label_ids": [],
        "is_archived": False,
        "was_seen": True,
        "value": None,
        "expected_close_date": None,
        "next_activity_id": None,
        "add_time": _stamp(created_at),
        "update_time": _stamp(at),
    }


def _call(lead: Lead, fact: Called, at: datetime) -> dict[str, object]:
    performed = at - timedelta(seconds=fact.ago_seconds)
    return {
        "id": 700_000 + lead.number,
        "type": "call",
        "subject": f"Call with {lead.name}",
        "done": True,
        "marked_as_done_time": performed.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "owner_id": int(fact.by.id_in(Crm.PIPEDRIVE)),
        "lead_id": lead_id(lead),
        "deal_id": None,
        "person_id": 900_000 + lead.number,
        "org_id": None,
        "due_date": performed.strftime("%Y-%m-%d"),
        "due_time": None,
        "duration": None,
        "active_flag": True,
        "add_time": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "update_time": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }


def lead_id(lead: Lead) -> str:
    """Pipedrive's id of the lead: leads there have UUIDs."""
    return str(uuid.uuid5(NAMESPACE, f"lead:{lead.number}"))


def _stamp(instant: datetime) -> str:
    return instant.strftime("%Y-%m-%dT%H:%M:%S.") + f"{instant.microsecond // 1000:03d}Z"

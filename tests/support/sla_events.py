"""SLA events with invented people, to be varied by keyword."""

from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from shared.events.envelope import OwnerKind
from shared.events.identity import identifier
from shared.events.sla import (
    AnySlaEvent,
    Escalation,
    HolderTime,
    ObligationAtRisk,
    ObligationBreached,
    ObligationCancelled,
    ObligationExcused,
    ObligationMet,
    ObligationMetLate,
    ObligationOpened,
    ObligationRetracted,
    Party,
    SlaEvent,
)

E = TypeVar("E", bound=SlaEvent)

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
DEADLINE = START + timedelta(hours=1)
OWNER = Party(id="301", name="Mara Lind", kind=OwnerKind.USER, team="Inbound", zone="Europe/Paris", slack="U0MARALIND")
MANAGER = Party(id="900", name="Theo Brandt", kind=OwnerKind.USER, slack="U0THEOBRANDT")
QUEUE = Party(id="q1", name="Inbound queue", kind=OwnerKind.QUEUE, team="Inbound")
ESCALATION = Escalation(team="Inbound", channel="C0INBOUND", manager=MANAGER)
LEAD = "hubspot:515:contact:77"


def opened(**changes: object) -> ObligationOpened:
    """A clock started at 09:00."""
    return _make(ObligationOpened, START, "Juno Vale waits for a first touch: within 1 h.", **changes)


def at_risk(**changes: object) -> ObligationAtRisk:
    """15 minutes are left."""
    summary = "Juno Vale still waits for a first touch: 15 min of business time left; Mara Lind holds the lead."
    return _make(ObligationAtRisk, DEADLINE - timedelta(minutes=15), summary, **{"warning": "15m left", **changes})


def breached(**changes: object) -> ObligationBreached:
    """The hour is over."""
    summary = "Nobody has contacted Juno Vale within 1 h; Mara Lind has held the lead for 50 min of business time."
    return _make(ObligationBreached, DEADLINE, summary, **changes)


def met(**changes: object) -> ObligationMet:
    """Touched in time."""
    return _make(ObligationMet, DEADLINE - timedelta(minutes=5), "Juno Vale was contacted: in time.", **changes)


def met_late(**changes: object) -> ObligationMetLate:
    """Touched 12 minutes too late."""
    late: dict[str, object] = {"business_seconds": 4320.0, **changes}
    return _make(ObligationMetLate, DEADLINE + timedelta(minutes=12), "Juno Vale was contacted late.", **late)


def cancelled(**changes: object) -> ObligationCancelled:
    """The lead was recycled."""
    reason: dict[str, object] = {"reason": "the lead was sent back to marketing", **changes}
    return _make(
        ObligationCancelled,
        DEADLINE + timedelta(minutes=20),
        "First touch of Juno Vale no longer counts: the lead was sent back to marketing.",
        **reason,
    )


def excused(**changes: object) -> ObligationExcused:
    """The office was closed that day."""
    reason: dict[str, object] = {"reason": "the office was closed by a storm", "author": "Theo Brandt", **changes}
    return _make(ObligationExcused, DEADLINE, "First touch of Juno Vale is excused.", **reason)


def retracted(of: AnySlaEvent, **changes: object) -> ObligationRetracted:
    """A touch of 09:30 turned up."""
    fields: dict[str, object] = {
        "id": identifier(of.obligation, "retracted", of.id),
        "obligation": of.obligation,
        "lead": of.lead,
        "retracts": of.id,
        "retracted_type": str(of.__struct_config__.tag),
        "reason": "a call at 09:30 was logged later",
        **changes,
    }
    return _make(
        ObligationRetracted,
        DEADLINE + timedelta(minutes=30),
        "Taken back: First touch of Juno Vale was announced as breached, but a call at 09:30 was logged later.",
        **fields,
    )


def _make(kind: type[E], at: datetime, summary: str, /, **changes: object) -> E:
    lead = str(changes.get("lead", LEAD))
    obligation = str(changes.get("obligation", identifier(lead, "first_touch", "1")))
    fields: dict[str, Any] = {
        "id": identifier(obligation, str(kind.__struct_config__.tag)),
        "obligation": obligation,
        "lead": lead,
        "lead_name": "Juno Vale",
        "clock": "first_touch",
        "clock_name": "First touch",
        "cycle": 1,
        "agreement": "Sales and marketing",
        "agreement_version": "3",
        "segment": "default",
        "calendar": "office",
        "started_at": START,
        "deadline": DEADLINE,
        "target_seconds": 3600.0,
        "occurred_at": at,
        "announced_at": at,
        "business_seconds": max(0.0, (at - START).total_seconds()),
        "wall_seconds": max(0.0, (at - START).total_seconds()),
        "summary": summary,
        "holder": OWNER,
        "holders": (
            HolderTime(
                holder=QUEUE,
                since=START,
                to=START + timedelta(minutes=10),
                business_seconds=600.0,
                wall_seconds=600.0,
            ),
            HolderTime(
                holder=OWNER,
                since=START + timedelta(minutes=10),
                to=None,
                business_seconds=3000.0,
                wall_seconds=3000.0,
            ),
        ),
        "escalation": ESCALATION,
        "crm_url": "https://app.example.com/contacts/515/contact/77",
        "source": "hubspot",
    }
    return kind(**{**fields, **changes})

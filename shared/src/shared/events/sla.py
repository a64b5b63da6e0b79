"""SLA events: what became of a promise on a lead.

An obligation is one run of one clock on one lead. Its `obligation` id is `identifier(lead, clock, cycle)`, so every
replay names it alike. Every SLA event's own id is derived from the obligation, the transition and its ordinal.
"""

from datetime import datetime
from typing import ClassVar

import msgspec

from shared.events.envelope import OwnerKind


class Party(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """Somebody an obligation concerns: a person, a queue or a party of the agreement (`kind` None).

    `slack` is a Slack member id or channel id where the agreement names one.
    """

    id: str
    name: str
    kind: OwnerKind | None = None
    team: str | None = None
    zone: str | None = None
    slack: str | None = None
    email: str | None = None


class HolderTime(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """How long somebody held the clock, up to `to` (None: still holding)."""

    holder: Party
    since: datetime
    to: datetime | None
    business_seconds: float
    wall_seconds: float


class Escalation(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """Whom a broken promise concerns: the team, its channel and its manager."""

    team: str
    channel: str | None = None
    manager: Party | None = None


class SlaEvent(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type", gc=False):
    """What every SLA event says.

    `occurred_at` is the transition's event time (a breach: the deadline), `announced_at` when the engine decided to
    say so. `summary` is one line that a manager understands. `late` marks what was announced only after an outage.
    `round` counts the runs of one clock in one cycle (attempts, touches in turn). Seconds are counted from `started_at`
    to `occurred_at`.
    """

    type: ClassVar[str]

    id: str
    obligation: str
    lead: str
    lead_name: str
    clock: str
    clock_name: str
    cycle: int
    agreement: str
    agreement_version: str
    segment: str
    calendar: str
    started_at: datetime
    deadline: datetime
    target_seconds: float
    occurred_at: datetime
    announced_at: datetime
    business_seconds: float
    wall_seconds: float
    summary: str
    holder: Party
    holders: tuple[HolderTime, ...] = ()
    escalation: Escalation | None = None
    crm_url: str | None = None
    source: str | None = None
    late: bool = False
    traceparent: str | None = None
    round: int = 1


class ObligationOpened(SlaEvent, frozen=True, kw_only=True, omit_defaults=True, tag="obligation.opened", gc=False):
    """A clock started."""


class ObligationAtRisk(SlaEvent, frozen=True, kw_only=True, omit_defaults=True, tag="obligation.at_risk", gc=False):
    """The deadline is near; `warning` names the warning of the agreement (such as `75%` or `15m left`)."""

    warning: str


class ObligationBreached(SlaEvent, frozen=True, kw_only=True, omit_defaults=True, tag="obligation.breached", gc=False):
    """The deadline passed unmet. `occurred_at` is the deadline, whatever the polling."""


class ObligationMet(SlaEvent, frozen=True, kw_only=True, omit_defaults=True, tag="obligation.met", gc=False):
    """Kept in time."""


class ObligationMetLate(SlaEvent, frozen=True, kw_only=True, omit_defaults=True, tag="obligation.met_late", gc=False):
    """Done after all, after the deadline."""


class ObligationCancelled(
    SlaEvent, frozen=True, kw_only=True, omit_defaults=True, tag="obligation.cancelled", gc=False
):
    """The promise no longer applies, and why."""

    reason: str


class ObligationExcused(SlaEvent, frozen=True, kw_only=True, omit_defaults=True, tag="obligation.excused", gc=False):
    """The deadline passed unmet, and an exception of the agreement excuses it: why, and by whose word."""

    reason: str
    author: str = ""


class ObligationRetracted(
    SlaEvent, frozen=True, kw_only=True, omit_defaults=True, tag="obligation.retracted", gc=False
):
    """Something announced has proved wrong: which announcement is taken back, and why.

    `retracts` is the id of the SLA event taken back, `retracted_type` its type.
    """

    retracts: str
    retracted_type: str
    reason: str


class LeadForgotten(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type", tag="lead.forgotten", gc=False
):
    """The person behind a lead asked to be deleted, and the engine has forgotten what it knew.

    Whoever keeps something about the lead removes what is personal; what was promised still counts. It is said on the
    lead's key, so after it nothing personal of the lead follows. `occurred_at` is when the deletion was asked for.
    """

    id: str
    lead: str
    source: str
    occurred_at: datetime
    announced_at: datetime


AnySlaEvent = (
    ObligationOpened
    | ObligationAtRisk
    | ObligationBreached
    | ObligationMet
    | ObligationMetLate
    | ObligationCancelled
    | ObligationExcused
    | ObligationRetracted
)
"""Any SLA event; decode with `decode`."""

Saying = AnySlaEvent | LeadForgotten
"""Whatever stands on `sla.events`; decode with `decode_any`."""

_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[AnySlaEvent] = msgspec.json.Decoder(AnySlaEvent)
_any_decoder: msgspec.json.Decoder[Saying] = msgspec.json.Decoder(Saying)


def event_type(event: SlaEvent | LeadForgotten) -> str:
    """The event's type as it stands on the wire, such as `obligation.breached`."""
    return str(event.__struct_config__.tag)


def encode(event: Saying) -> bytes:
    """One event as JSON."""
    return _encoder.encode(event)


def decode(data: bytes | memoryview) -> AnySlaEvent:
    """One event from JSON.

    Raises `msgspec.ValidationError` (names the field) or `msgspec.DecodeError` (not JSON).
    """
    return _decoder.decode(data)


def decode_any(data: bytes | memoryview) -> Saying:
    """Whatever stands on the stream, from JSON. Raises as `decode` does."""
    return _any_decoder.decode(data)

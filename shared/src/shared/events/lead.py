"""Lead events: what happened to a lead in a CRM, in one vocabulary for all CRMs.

The tag field `type` names the event. `occurred_at` is event time and decides; arrival time never does.
All instants are aware UTC datetimes. `id` is deterministic: the same change gives the same id on redelivery.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar

import msgspec

from shared.events.envelope import Actor, ChangeOrigin, Channel, Direction, Owner, TimeSource

Scalar = str | int | float | bool | None


class Event(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type", gc=False):
    """What every lead event says about itself.

    `source` is the configured name of the CRM connection, `account` the portal or organisation in that CRM, `lead`
    the key under which all events of one lead are ordered, `raw_id` the id of the raw request it came from and
    `traceparent` the W3C trace context of that request. `reading` tells readings of one raw request apart: 0 as it was
    received, else when it was replayed (Unix time in milliseconds). Of two events with one id the later reading counts.
    """

    type: ClassVar[str]

    id: str
    source: str
    account: str
    lead: str
    occurred_at: datetime
    time_source: TimeSource
    received_at: datetime
    raw_id: str
    actor: Actor | None = None
    origin: ChangeOrigin = ChangeOrigin.UNKNOWN
    traceparent: str | None = None
    reading: int = 0

    @property
    def at(self) -> datetime:
        """The instant that decides in a lead's history."""
        return self.occurred_at


class LeadCreated(Event, frozen=True, kw_only=True, omit_defaults=True, tag="lead.created", gc=False):
    """The lead came to be in the CRM, with what was known of it then."""

    attributes: Mapping[str, Scalar] = {}
    url: str | None = None


class LeadAttributesChanged(
    Event, frozen=True, kw_only=True, omit_defaults=True, tag="lead.attributes_changed", gc=False
):
    """Fields that segments and people care about took these values. `name` is how people call the lead."""

    attributes: Mapping[str, Scalar]
    url: str | None = None


class LeadStageChanged(Event, frozen=True, kw_only=True, omit_defaults=True, tag="lead.stage_changed", gc=False):
    """The lead entered a stage: canonical (the mapping's word) and raw (the CRM's)."""

    stage: str
    raw_stage: str


class LeadAssigned(Event, frozen=True, kw_only=True, omit_defaults=True, tag="lead.assigned", gc=False):
    """The lead has this owner from now on; None: it has none any more."""

    owner: Owner | None


class LeadAccepted(Event, frozen=True, kw_only=True, omit_defaults=True, tag="lead.accepted", gc=False):
    """Sales accepted the lead (SAL)."""


class LeadRejected(Event, frozen=True, kw_only=True, omit_defaults=True, tag="lead.rejected", gc=False):
    """Sales sent the lead back."""

    reason: str | None = None


class LeadDisposed(Event, frozen=True, kw_only=True, omit_defaults=True, tag="lead.disposed", gc=False):
    """Sales said what became of the lead: qualified, disqualified or recycled (the mapping's word)."""

    disposition: str
    reason: str | None = None


class LeadConverted(Event, frozen=True, kw_only=True, omit_defaults=True, tag="lead.converted", gc=False):
    """The lead became a contact, and perhaps a deal."""

    contact: str | None = None
    deal: str | None = None


class LeadMerged(Event, frozen=True, kw_only=True, omit_defaults=True, tag="lead.merged", gc=False):
    """This lead was merged into another; one such event is written on the losing lead's key."""

    into: str


class LeadDeleted(Event, frozen=True, kw_only=True, omit_defaults=True, tag="lead.deleted", gc=False):
    """The lead is gone from the CRM. `privacy`: personal data must go as well."""

    privacy: bool = False


class TouchLogged(Event, frozen=True, kw_only=True, omit_defaults=True, tag="touch.logged", gc=False):
    """Somebody touched the lead. `performed_at` decides, `occurred_at` is when the CRM wrote it down.

    `touch` is the activity's own key: a later event about the same activity (planned, then done) replaces it.
    """

    touch: str
    channel: Channel
    direction: Direction
    performed_at: datetime
    performed_by: Actor | None = None
    completed: bool = True
    automated: bool = False
    outcome: str | None = None

    @property
    def at(self) -> datetime:
        return self.performed_at


class DealEvent(Event, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """What deal events share. `amount` is a decimal number as text, `currency` an ISO 4217 code."""

    deal: str
    amount: str | None = None
    currency: str | None = None


class DealCreated(DealEvent, frozen=True, kw_only=True, omit_defaults=True, tag="deal.created", gc=False):
    """An opportunity was opened."""

    stage: str | None = None
    raw_stage: str | None = None


class DealStageChanged(DealEvent, frozen=True, kw_only=True, omit_defaults=True, tag="deal.stage_changed", gc=False):
    """The opportunity entered a stage."""

    stage: str
    raw_stage: str


class DealWon(DealEvent, frozen=True, kw_only=True, omit_defaults=True, tag="deal.won", gc=False):
    """The opportunity was won."""


class DealLost(DealEvent, frozen=True, kw_only=True, omit_defaults=True, tag="deal.lost", gc=False):
    """The opportunity was lost."""

    reason: str | None = None


class DealReopened(DealEvent, frozen=True, kw_only=True, omit_defaults=True, tag="deal.reopened", gc=False):
    """A closed opportunity is open again."""


class JoinEdge(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """Whether one lead stands merged into the next on a route, as its own events have it.

    Of two words about one edge the greater `version` counts, then the one that it stands, then the earlier `at_us`:
    when the lead was merged away (Unix time in microseconds).
    """

    version: int
    stands: bool
    at_us: int


class LeadJoined(Event, frozen=True, kw_only=True, omit_defaults=True, tag="lead.joined", gc=False):
    """What is known of a lead that was merged into this one: the sla-engine's own word, on the winning lead's key.

    `route` leads from the lead whose facts these are to the one that was merged into `lead`; `edges` has one entry for
    each lead on it. `facts` are some of that lead's facts, as the engine stores them (arrays; new fields go at their
    end); `readings` the reading of each that is not 0. Facts add up: words may come in any order and number. Where an
    edge does not stand, none of the route's facts counts any more.
    """

    route: tuple[str, ...]
    edges: tuple[JoinEdge, ...]
    facts: tuple[Any, ...] = ()
    readings: Mapping[str, int] = {}


LeadEvent = (
    LeadCreated
    | LeadAttributesChanged
    | LeadStageChanged
    | LeadAssigned
    | LeadAccepted
    | LeadRejected
    | LeadDisposed
    | LeadConverted
    | LeadMerged
    | LeadDeleted
    | LeadJoined
    | TouchLogged
    | DealCreated
    | DealStageChanged
    | DealWon
    | DealLost
    | DealReopened
)
"""Any lead event; decode with `decode`."""

_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[LeadEvent] = msgspec.json.Decoder(LeadEvent)


def event_type(event: Event) -> str:
    """The event's type as it stands on the wire, such as `lead.created`."""
    return str(event.__struct_config__.tag)


def encode(event: LeadEvent) -> bytes:
    """One event as JSON."""
    return _encoder.encode(event)


def decode(data: bytes | memoryview) -> LeadEvent:
    """One event from JSON.

    Raises `msgspec.ValidationError` (names the field) or `msgspec.DecodeError` (not JSON).
    """
    return _decoder.decode(data)

"""Facts: lead events reduced to what judgement and explanation need, small enough to be stored by the million.

Raw payloads, labels and addresses are not kept. `at_us` is the instant that decides; facts of one instant apply in
`ORDER`, then by event id. On disk a fact is a MessagePack array, so new fields go at the end, with defaults.
"""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from shared.events import lead as events
from shared.events.envelope import Actor, ActorKind, Channel, Direction, Owner, OwnerKind
from shared.events.lead import Scalar
from sla_engine.domain.instants import to_us


class Fact(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What every fact says: when, and by which event."""

    at_us: int
    id: str


class Created(Fact, frozen=True, array_like=True, tag=0, gc=False):
    """The lead came to be."""

    attributes: dict[str, Scalar] = {}
    url: str | None = None


class Attributes(Fact, frozen=True, array_like=True, tag=1, gc=False):
    """Attributes took these values."""

    attributes: dict[str, Scalar] = {}
    url: str | None = None


class Stage(Fact, frozen=True, array_like=True, tag=2, gc=False):
    """The lead entered a canonical stage."""

    stage: str = ""
    raw_stage: str = ""


class Assigned(Fact, frozen=True, array_like=True, tag=3, gc=False):
    """The lead has this owner; `kind` None: none."""

    kind: OwnerKind | None = None
    owner_id: str = ""
    name: str | None = None
    team: str | None = None

    @property
    def owner(self) -> Owner | None:
        """The owner, as the event named it."""
        return None if self.kind is None else Owner(kind=self.kind, id=self.owner_id, name=self.name, team=self.team)


class Touch(Fact, frozen=True, array_like=True, tag=4, gc=False):
    """An activity, by its latest report. `reported_us` is when the CRM wrote that report down."""

    touch: str = ""
    channel: Channel = Channel.OTHER
    direction: Direction = Direction.UNKNOWN
    completed: bool = True
    automated: bool = False
    by_kind: ActorKind | None = None
    by_id: str | None = None
    by_name: str | None = None
    outcome: str | None = None
    reported_us: int = 0


class Accepted(Fact, frozen=True, array_like=True, tag=5, gc=False):
    """Sales accepted the lead."""

    by_id: str | None = None


class Rejected(Fact, frozen=True, array_like=True, tag=6, gc=False):
    """Sales sent the lead back."""

    reason: str | None = None
    by_id: str | None = None


class Disposed(Fact, frozen=True, array_like=True, tag=7, gc=False):
    """Sales said what became of the lead."""

    disposition: str = ""
    reason: str | None = None
    by_id: str | None = None


class Converted(Fact, frozen=True, array_like=True, tag=8, gc=False):
    """The lead became a contact, and perhaps a deal."""

    contact: str | None = None
    deal: str | None = None


class Merged(Fact, frozen=True, array_like=True, tag=9, gc=False):
    """The lead was merged into another."""

    into: str = ""


class Deleted(Fact, frozen=True, array_like=True, tag=10, gc=False):
    """The lead is gone."""

    privacy: bool = False


class Deal(Fact, frozen=True, array_like=True, tag=11, gc=False):
    """Something happened to an opportunity: `kind` is the event's type, such as `deal.won`."""

    kind: str = ""
    deal: str = ""
    amount: str | None = None
    currency: str | None = None
    stage: str | None = None
    reason: str | None = None


AnyFact = (
    Created
    | Attributes
    | Stage
    | Assigned
    | Touch
    | Accepted
    | Rejected
    | Disposed
    | Converted
    | Merged
    | Deleted
    | Deal
)

ORDER: Mapping[type[Fact], int] = {
    Created: 0,
    Attributes: 1,
    Stage: 2,
    Assigned: 3,
    Touch: 5,
    Accepted: 6,
    Rejected: 6,
    Disposed: 6,
    Converted: 7,
    Deal: 7,
    Merged: 8,
    Deleted: 9,
}
"""Which of two facts of one instant applies first (4 is kept for pause and resume)."""


def reduce(event: events.LeadEvent) -> AnyFact:
    """The fact in an event."""
    return _REDUCERS[type(event)](event, to_us(event.at))


def _created(event: events.LeadCreated, at_us: int) -> Created:
    return Created(at_us, event.id, dict(event.attributes), event.url)


def _attributes(event: events.LeadAttributesChanged, at_us: int) -> Attributes:
    return Attributes(at_us, event.id, dict(event.attributes), event.url)


def _stage(event: events.LeadStageChanged, at_us: int) -> Stage:
    return Stage(at_us, event.id, event.stage, event.raw_stage)


def _assigned(event: events.LeadAssigned, at_us: int) -> Assigned:
    owner = event.owner
    if owner is None:
        return Assigned(at_us, event.id)
    return Assigned(at_us, event.id, owner.kind, owner.id, owner.name, owner.team)


def _touch(event: events.TouchLogged, at_us: int) -> Touch:
    by = event.performed_by or _writer(event.actor)
    return Touch(
        at_us,
        event.id,
        event.touch,
        event.channel,
        event.direction,
        event.completed,
        event.automated,
        by.kind if by else None,
        by.id if by else None,
        by.name if by else None,
        event.outcome,
        to_us(event.occurred_at),
    )


def _writer(actor: Actor | None) -> Actor | None:
    """Who wrote the activity down, as its performer: an integration only carries what a person did elsewhere."""
    return None if actor is None or actor.kind is ActorKind.INTEGRATION else actor


def _accepted(event: events.LeadAccepted, at_us: int) -> Accepted:
    return Accepted(at_us, event.id, _id(event.actor))


def _rejected(event: events.LeadRejected, at_us: int) -> Rejected:
    return Rejected(at_us, event.id, event.reason, _id(event.actor))


def _disposed(event: events.LeadDisposed, at_us: int) -> Disposed:
    return Disposed(at_us, event.id, event.disposition, event.reason, _id(event.actor))


def _converted(event: events.LeadConverted, at_us: int) -> Converted:
    return Converted(at_us, event.id, event.contact, event.deal)


def _merged(event: events.LeadMerged, at_us: int) -> Merged:
    return Merged(at_us, event.id, event.into)


def _deleted(event: events.LeadDeleted, at_us: int) -> Deleted:
    return Deleted(at_us, event.id, event.privacy)


def _deal(event: events.DealEvent, at_us: int) -> Deal:
    stage, reason = getattr(event, "stage", None), getattr(event, "reason", None)
    return Deal(
        at_us, event.id, events.event_type(event), event.deal, event.amount, event.currency, stage=stage, reason=reason
    )


def _id(actor: Actor | None) -> str | None:
    return None if actor is None else actor.id


_REDUCERS: dict[type[events.LeadEvent], Callable[[Any, int], AnyFact]] = {
    events.LeadCreated: _created,
    events.LeadAttributesChanged: _attributes,
    events.LeadStageChanged: _stage,
    events.LeadAssigned: _assigned,
    events.TouchLogged: _touch,
    events.LeadAccepted: _accepted,
    events.LeadRejected: _rejected,
    events.LeadDisposed: _disposed,
    events.LeadConverted: _converted,
    events.LeadMerged: _merged,
    events.LeadDeleted: _deleted,
    events.DealCreated: _deal,
    events.DealStageChanged: _deal,
    events.DealWon: _deal,
    events.DealLost: _deal,
    events.DealReopened: _deal,
}

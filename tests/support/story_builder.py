"""A lead's story in a few words: events with invented ids, for tests of the engine's core."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from shared.events.envelope import Actor, ActorKind, Channel, Direction, Owner, OwnerKind, TimeSource
from shared.events.lead import (
    DealCreated,
    DealLost,
    DealReopened,
    DealStageChanged,
    DealWon,
    LeadAccepted,
    LeadAssigned,
    LeadAttributesChanged,
    LeadConverted,
    LeadCreated,
    LeadDeleted,
    LeadDisposed,
    LeadEvent,
    LeadMerged,
    LeadRejected,
    LeadStageChanged,
    Scalar,
    TouchLogged,
)
from shared.events.sla import AnySlaEvent, ObligationRetracted, event_type
from sla_engine.adapters.agreement_file import parse_agreement
from sla_engine.domain.agreement import Agreement
from sla_engine.domain.announced import Announced
from sla_engine.domain.announcement import announce, next_wake
from sla_engine.domain.editions import Editions, OpenChoice, judge_under
from sla_engine.domain.history import History
from sla_engine.domain.instants import to_us
from sla_engine.domain.judgement import judge
from sla_engine.domain.obligation import Obligation, Verdict

LEAD = "crm:acc:lead-1"


def utc(text: str) -> datetime:
    """An instant in UTC, such as "2024-01-08 09:30"."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


MAX = Owner(kind=OwnerKind.USER, id="u-max", name="Max Muster")
EVA = Owner(kind=OwnerKind.USER, id="u-eva", name="Eva Example")
QUEUE = Owner(kind=OwnerKind.QUEUE, id="q-inbound", name="Inbound queue")

AGREEMENT = """
agreement: {{name: Test agreement, version: 1, timezone: UTC{term}}}
parties:
  marketing: {{name: Marketing, team: Campaigns}}
  sales: {{name: Sales, team: Inside sales}}
people:
  - {{name: Max Muster, id: max, crm: ["u-max"], slack: U-MAX, email: max@example.test}}
  - {{name: Eva Example, id: eva, crm: ["crm:u-eva"], calendar: late}}
  - {{name: Mia Manager, id: mia, slack: U-MIA}}
teams:
  - {{name: Inside sales, members: [max, eva], manager: mia, slack: C-SALES, queues: [q-inbound], calendar: office}}
  - {{name: Campaigns, manager: mia, slack: C-MARKETING, calendar: office}}
calendars:
  office: {{week: {{monday-friday: "09:00-17:00"}}}}
  late: {{week: {{monday-friday: "13:00-21:00"}}}}
segments:
  - name: Enterprise
    when: {{attribute: size, at_least: 1000}}
clocks:
  handoff:
    targets: {{{handoff}}}
    warnings: [{warnings}]
    calendar: {calendar}
  first_touch:
    targets: {{{touch}}}
    warnings: [{warnings}]
    calendar: {calendar}
{more}
"""


def agreement(
    *,
    calendar: str = "owner",
    warnings: str = '"75%"',
    handoff: str = "Enterprise: 30m, default: 1h",
    touch: str = "Enterprise: 15m, default: 1h",
    term: str = "",
    more: str = "",
) -> Agreement:
    """An agreement of two clocks: an hour each, and less for the segment Enterprise."""
    text = AGREEMENT.format(
        calendar=calendar,
        warnings=warnings,
        handoff=handoff,
        touch=touch,
        term=f", term: {term}" if term else "",
        more=more,
    )
    return parse_agreement(text, today=utc("2024-01-01").date())


DEALS = {
    "created": DealCreated,
    "stage_changed": DealStageChanged,
    "won": DealWon,
    "lost": DealLost,
    "reopened": DealReopened,
}


@dataclass
class Lead:
    """Events of one lead; every method makes one and keeps it. Times are by the clocks of `zone`."""

    key: str = LEAD
    source: str = "crm"
    events: list[LeadEvent] = field(default_factory=list)
    zone: str = "UTC"

    def instant(self, at: str) -> datetime:
        """When the clocks of the lead's zone show this, in UTC."""
        return datetime.fromisoformat(at).replace(tzinfo=ZoneInfo(self.zone)).astimezone(UTC)

    def created(self, at: str, attributes: Mapping[str, Scalar] | None = None, url: str | None = None) -> LeadEvent:
        return self._keep(LeadCreated(**self._common(at), attributes=attributes or {}, url=url))

    def knows(self, at: str, **attributes: Scalar) -> LeadEvent:
        return self._keep(LeadAttributesChanged(**self._common(at), attributes=attributes))

    def stage(self, at: str, stage: str = "mql") -> LeadEvent:
        return self._keep(LeadStageChanged(**self._common(at), stage=stage, raw_stage=stage.upper()))

    def owner(self, at: str, owner: Owner | None = MAX) -> LeadEvent:
        return self._keep(LeadAssigned(**self._common(at), owner=owner))

    def touch(
        self,
        at: str,
        *,
        by: str | None = "u-max",
        channel: Channel = Channel.CALL,
        direction: Direction = Direction.OUTBOUND,
        completed: bool = True,
        automated: bool = False,
        kind: ActorKind = ActorKind.USER,
        activity: str | None = None,
        written: str | None = None,
        outcome: str | None = None,
    ) -> LeadEvent:
        common = self._common(written or at)
        return self._keep(
            TouchLogged(
                **common,
                touch=activity or common["id"],
                channel=channel,
                direction=direction,
                performed_at=self.instant(at),
                performed_by=Actor(kind=kind, id=by) if by else None,
                completed=completed,
                automated=automated,
                outcome=outcome,
            )
        )

    def accepted(self, at: str) -> LeadEvent:
        return self._keep(LeadAccepted(**self._common(at)))

    def rejected(self, at: str, reason: str | None = "no budget") -> LeadEvent:
        return self._keep(LeadRejected(**self._common(at), reason=reason))

    def disposed(self, at: str, disposition: str = "recycled", reason: str | None = None) -> LeadEvent:
        return self._keep(LeadDisposed(**self._common(at), disposition=disposition, reason=reason))

    def converted(self, at: str, deal: str | None = None) -> LeadEvent:
        return self._keep(LeadConverted(**self._common(at), deal=deal))

    def deal(self, at: str, what: str = "won", **said: str | None) -> LeadEvent:
        return self._keep(DEALS[what](**self._common(at), deal="deal-1", **said))

    def merged(self, at: str, into: str = "crm:acc:lead-2") -> LeadEvent:
        return self._keep(LeadMerged(**self._common(at), into=into))

    def deleted(self, at: str) -> LeadEvent:
        return self._keep(LeadDeleted(**self._common(at)))

    def judged(self, now: str, by: Agreement | None = None) -> Verdict:
        """The verdict on all events at `now`."""
        return judge(History.of(self.events), by or agreement(), self.instant(now))

    def _keep(self, event: LeadEvent) -> LeadEvent:
        self.events.append(event)
        return event

    def _common(self, at: str) -> dict[str, Any]:
        return {
            "id": f"e{len(self.events):03}",
            "source": self.source,
            "account": "acc",
            "lead": self.key,
            "occurred_at": self.instant(at),
            "received_at": self.instant(at) + timedelta(seconds=1),
            "time_source": TimeSource.EVENT,
            "raw_id": "raw-1",
        }


def clock(verdict: Verdict, kind: str, cycle: int = 1, turn: int = 1) -> Obligation:
    """The obligation of this clock and cycle, and of the round `turn`."""
    return next(
        each for each in verdict.obligations if each.clock == kind and each.cycle == cycle and each.round == turn
    )


@dataclass
class Engine:
    """The core as the engine runs it: events come in, time passes, announcements go out."""

    by: Agreement | Editions
    lead: str = LEAD
    source: str = "crm"
    history: History = field(init=False)
    announced: Announced = field(default_factory=Announced)
    said: list[AnySlaEvent] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.history = History(self.lead, self.source)

    def receive(self, now: datetime, *events: LeadEvent) -> list[AnySlaEvent]:
        """Events arrive at `now`; what is announced then."""
        self.history = self.history.with_events(events)[0]
        return self.look(now)

    def look(self, now: datetime) -> list[AnySlaEvent]:
        """Judge and announce at `now`, through the bytes in which it is stored."""
        self.history = History.from_bytes(self.history.to_bytes())
        events, announced = announce(self.announced, self.verdict(now), now)
        self.announced = Announced.from_bytes(announced.to_bytes())
        self.said += events
        return list(events)

    def wake(self, now: datetime) -> datetime | None:
        """When time alone will have something to say."""
        return next_wake(self.verdict(now), self.announced, now)

    def verdict(self, now: datetime) -> Verdict:
        """The judgement at `now`."""
        return judge_under(self.history, self.editions, now)

    @property
    def editions(self) -> Editions:
        """What it judges by."""
        return self.by if isinstance(self.by, Editions) else Editions.only(self.by)

    def apply(self, by: Agreement, at: datetime, open_: OpenChoice = OpenChoice.RECOMPUTE) -> None:
        """From `at` on there is another edition."""
        self.by = self.editions.followed_by(by, applied_us=to_us(at), open_=open_)

    def sleep_until(self, end: datetime, now: datetime) -> None:
        """Let time pass, waking as often as need be."""
        for _ in range(1000):
            wake = self.wake(now)
            if wake is None or wake > end:
                return
            assert wake > now, "a wake-up must lie ahead once everything due was said"
            now = wake
            self.look(now)
        raise AssertionError("it never sleeps")

    def types(self) -> list[str]:
        """The types of all announcements, in order, as they follow `obligation.`."""
        return [f"{each.clock}.{event_type(each).removeprefix('obligation.')}" for each in self.said]


Net = tuple[str, str, int, datetime, str]


def net(said: Iterable[AnySlaEvent]) -> list[Net]:
    """What was announced and not taken back: type, clock, cycle, instant, warning."""
    standing: dict[str, AnySlaEvent] = {}
    for event in said:
        if isinstance(event, ObligationRetracted):
            del standing[event.retracts]
        else:
            assert event.id not in standing, "an id is used once"
            standing[event.id] = event
    return sorted(
        (event_type(each), each.clock, each.cycle, each.occurred_at, getattr(each, "warning", ""))
        for each in standing.values()
    )

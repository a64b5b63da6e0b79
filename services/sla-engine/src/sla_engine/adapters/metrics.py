"""The engine's metrics: what happened (counters, told after each commit) and what is (gauges, read at a scrape)."""

import itertools
from collections.abc import Mapping, Sequence

from shared import metrics as names
from shared.events import sla
from shared.events.topics import LEAD_EVENTS
from shared.metrics import Metrics
from sla_engine.application.advance import Step
from sla_engine.application.filing import Filing, Outcome
from sla_engine.application.partition import REASONS
from sla_engine.application.reading import Situation, Window
from sla_engine.domain.agreement import Agreement
from sla_engine.domain.durations import Duration
from sla_engine.domain.instants import SECOND, to_us
from sla_engine.domain.obligation import State

SERVICE = "sla-engine"
OPEN_STATES = (State.ON_TRACK, State.AT_RISK, State.BREACHED, State.PAUSED)
LEAD_EVENT_TYPES = (
    "lead.created",
    "lead.attributes_changed",
    "lead.stage_changed",
    "lead.assigned",
    "lead.accepted",
    "lead.rejected",
    "lead.disposed",
    "lead.converted",
    "lead.merged",
    "lead.deleted",
    "lead.joined",
    "touch.logged",
    "deal.created",
    "deal.stage_changed",
    "deal.won",
    "deal.lost",
    "deal.reopened",
)


class EngineMetrics:
    """The `Watcher` of the engine, and the gauges of the situation. What the agreement names reads 0 from the start."""

    def __init__(self, metrics: Metrics, agreement: Agreement) -> None:
        targets = _targets_seconds(agreement)
        self._consumed = metrics.counter(names.EVENTS_CONSUMED)
        self._dead = metrics.counter(names.EVENTS_DEAD_LETTERED)
        self._processing = metrics.histogram(names.EVENT_PROCESSING)
        self._owned = metrics.gauge(names.PARTITIONS_OWNED)
        self._lag = metrics.gauge(names.CONSUMER_LAG)
        self._outbox = metrics.gauge(names.OUTBOX_PENDING)
        self._opened = metrics.counter(names.OBLIGATIONS_OPENED)
        self._closed = metrics.counter(names.OBLIGATIONS_CLOSED)
        self._duration = metrics.histogram(names.OBLIGATION_DURATION, edges=targets)
        self._lateness = metrics.histogram(names.BREACH_LATENESS)
        self._window = metrics.gauge(names.WINDOW_OBLIGATIONS)
        self._open = metrics.gauge(names.OPEN_OBLIGATIONS)
        self._next = metrics.gauge(names.NEXT_DEADLINE)
        self._target = metrics.gauge(names.TARGET_SECONDS)
        self._goal = metrics.gauge(names.TARGET_RATIO)
        self._hours_open = metrics.gauge(names.BUSINESS_HOURS_OPEN)
        self._info = metrics.gauge(names.AGREEMENT_INFO)
        self.agreed(agreement)

    def agreed(self, agreement: Agreement) -> None:
        """From now on this is the agreement: what it names reads 0 until it is more."""
        self._agreement = agreement
        self._clocks = list(agreement.clock_ids)
        self._teams = list(agreement.teams)
        for gauge in (self._info, self._target, self._goal, self._hours_open):
            gauge.clear()
        self._info.labels(name=agreement.name, version=agreement.version).set(1)
        self._touch_all()

    def took(self, *, types: Mapping[str, int], dead: Mapping[str, int], seconds: float) -> None:
        """As the port says."""
        for kind, count in types.items():
            self._consumed.labels(topic=LEAD_EVENTS, type=kind).inc(count)
        for reason, count in dead.items():
            self._dead.labels(service=SERVICE, reason=reason).inc(count)
        self._processing.labels(topic=LEAD_EVENTS).observe(seconds)

    def stepped(self, step: Step, *, committed_us: int) -> None:
        """As the port says."""
        filings = {row.filing.id: row.filing for row in step.rows}
        for event in step.said:
            row = filings.get(event.obligation)
            if row is None:
                continue
            if isinstance(event, sla.ObligationOpened):
                self._opened.labels(clock=row.clock, team=row.team).inc()
            elif isinstance(event, sla.ObligationBreached):
                self._closed.labels(clock=row.clock, team=row.team, outcome=Outcome.BREACHED.value).inc()
                could_us = to_us(event.occurred_at) + step.settle_us
                self._lateness.observe(max(committed_us - could_us, 0) / SECOND)
            elif isinstance(event, sla.ObligationExcused):
                self._closed.labels(clock=row.clock, team=row.team, outcome=Outcome.EXCUSED.value).inc()
            elif isinstance(event, sla.ObligationMet | sla.ObligationMetLate | sla.ObligationCancelled):
                self._ended(event, row)

    def owns(self, partitions: Sequence[int]) -> None:
        """As the port says."""
        self._owned.labels(topic=LEAD_EVENTS).set(len(partitions))

    def gave_up(self, reason: str) -> None:
        """As the port says."""

    def show(self, situation: Situation, *, now_us: int) -> None:
        """Set the gauges to what the database says."""
        for gauge in (self._window, self._open, self._next, self._lag):
            gauge.clear()
        self._touch_gauges()
        for ended in situation.ended:
            labels = {"clock": ended.clock, "team": ended.team, "outcome": ended.outcome}
            self._window.labels(window=ended.window, **labels).set(ended.count)
        for standing in situation.open:
            self._open.labels(clock=standing.clock, team=standing.team, state=standing.state).set(standing.count)
        for deadline in situation.next_deadlines:
            self._next.labels(clock=deadline.clock, team=deadline.team).set(deadline.at_us / SECOND)
        for partition, records in situation.lag.items():
            self._lag.labels(topic=LEAD_EVENTS, partition=str(partition)).set(records)
        self._outbox.set(situation.outbox_pending)
        self._show_hours(now_us)

    def _ended(self, event: sla.SlaEvent, row: Filing) -> None:
        if isinstance(event, sla.ObligationCancelled):
            if row.outcome is Outcome.BREACHED:
                return  # it ended when it was broken, and was counted then
            self._closed.labels(clock=row.clock, team=row.team, outcome=Outcome.CANCELLED.value).inc()
            return
        if isinstance(event, sla.ObligationMet):
            self._closed.labels(clock=row.clock, team=row.team, outcome=Outcome.MET.value).inc()
        self._duration.labels(clock=row.clock, team=row.team, time="business").observe(event.business_seconds)
        self._duration.labels(clock=row.clock, team=row.team, time="wall").observe(event.wall_seconds)

    def _touch_all(self) -> None:
        for kind in LEAD_EVENT_TYPES:
            self._consumed.labels(topic=LEAD_EVENTS, type=kind)
        for reason in REASONS:
            self._dead.labels(service=SERVICE, reason=reason)
        self._processing.labels(topic=LEAD_EVENTS)
        self._owned.labels(topic=LEAD_EVENTS)
        for clock, team in itertools.product(self._clocks, self._teams):
            self._opened.labels(clock=clock, team=team)
            for outcome in Outcome:
                self._closed.labels(clock=clock, team=team, outcome=outcome.value)
            for kind in ("business", "wall"):
                self._duration.labels(clock=clock, team=team, time=kind)
        self._touch_gauges()
        self._show_targets()

    def _touch_gauges(self) -> None:
        for clock, team in itertools.product(self._clocks, self._teams):
            for window, outcome in itertools.product(Window, (Outcome.MET, Outcome.BREACHED, Outcome.EXCUSED)):
                self._window.labels(clock=clock, team=team, window=window.value, outcome=outcome.value).set(0)
            for state in (each.value for each in OPEN_STATES):
                self._open.labels(clock=clock, team=team, state=state).set(0)
            self._next.labels(clock=clock, team=team).set(0)

    def _show_targets(self) -> None:
        for clock in self._agreement.clocks:
            for team in self._agreement.teams.values():
                self._goal.labels(clock=clock.id, team=team.name).set(clock.goal)
                due = clock.targets[-1][1].in_round(1) if clock.targets else None
                if isinstance(due, Duration):
                    seconds = due.in_calendar(team.calendar.business_day_us) / SECOND
                    self._target.labels(clock=clock.id, team=team.name).set(seconds)

    def _show_hours(self, now_us: int) -> None:
        for clock in self._agreement.clocks:
            for team in self._agreement.teams.values():
                named = self._agreement.calendars.get(str(clock.calendar))
                calendar = team.calendar if named is None else named
                self._hours_open.labels(clock=clock.id, team=team.name).set(calendar.is_open(now_us))


def _targets_seconds(agreement: Agreement) -> list[float]:
    """Every promised time, in seconds; business days by the agreement's default calendar."""
    day_us = agreement.default_calendar.business_day_us
    return [
        due.in_calendar(day_us) / SECOND
        for clock in agreement.clocks
        for _, target in clock.targets
        for due in target.due
        if isinstance(due, Duration)
    ]

"""Counters of how promises ended: each promise ends once."""

from datetime import datetime, timedelta

from shared.metrics import Metrics
from sla_engine.adapters.metrics import EngineMetrics
from sla_engine.application.advance import advance
from sla_engine.application.dossier import Dossier
from sla_engine.domain.editions import Editions
from sla_engine.domain.instants import to_us
from tests.support.story_builder import MAX, Lead, agreement, utc

START = utc("2024-01-08 12:00")


def test_a_broken_promise_that_is_cancelled_later_ended_when_it_was_broken() -> None:
    metrics, pact = Metrics(service="sla-engine", version="0"), agreement(calendar="always")
    watcher, lead, dossier = EngineMetrics(metrics, pact), Lead(), None

    def step(before: Dossier | None, now: datetime, count: int) -> Dossier:
        made = advance(
            before, lead.events[len(lead.events) - count :], Editions.only(pact), through_us=to_us(now), now=now
        )
        assert made is not None
        watcher.stepped(made, committed_us=to_us(now))
        return made.after

    lead.stage("2024-01-08 12:00")
    lead.owner("2024-01-08 12:00", MAX)
    dossier = step(None, START, 2)
    dossier = step(dossier, START + timedelta(hours=2), 0)
    lead.disposed("2024-01-08 15:00")
    step(dossier, START + timedelta(hours=3), 1)

    def closed(clock: str, outcome: str) -> float | None:
        labels = {"clock": clock, "team": "Inside sales", "outcome": outcome}
        return metrics.registry.get_sample_value("leadpact_obligations_closed_total", labels)

    assert closed("first_touch", "breached") == 1
    assert closed("first_touch", "cancelled") == 0

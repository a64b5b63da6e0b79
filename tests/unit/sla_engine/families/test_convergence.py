"""Whatever the order, delay and doubling of the news, each family ends with the same verdict and the same net word."""

import random
from collections.abc import Sequence
from datetime import timedelta

import pytest

from shared.events.envelope import Channel
from tests.support.shipped_agreements import ANA, BEN, POOL, new_lead, shipped
from tests.support.story_builder import Engine, Lead, net

SHUFFLES = 12


def _story() -> Lead:
    """Two stays: routed late, tried, handed on, connected, sent back; qualified anew, answered, won."""
    lead = new_lead()
    lead.created("2026-02-02 09:00", {"company_size": 5000, "intent": "demo"})
    lead.stage("2026-02-02 09:10")
    lead.owner("2026-02-02 11:00", POOL)
    lead.owner("2026-02-02 14:00", ANA)
    lead.touch("2026-02-02 17:30", by="7101")
    lead.knows("2026-02-03 09:00", on_hold=True)
    lead.owner("2026-02-03 10:00", BEN)
    lead.knows("2026-02-03 11:00", on_hold=False)
    lead.touch("2026-02-05 12:00", by="7102", outcome="connected")
    lead.disposed("2026-02-11 10:00", "recycled")
    lead.stage("2026-02-16 09:00")
    lead.accepted("2026-02-16 15:00")
    lead.stage("2026-02-17 09:00", "sql")
    lead.deal("2026-02-20 12:00", "created")
    lead.deal("2026-02-24 12:00")
    lead.touch("2026-03-05 10:00", by="7103", channel=Channel.MEETING)
    return lead


def _net(name: str, arrivals: Sequence[tuple[float, int]]) -> tuple[object, object]:
    """What stands announced in the end, warnings apart, and the verdict; each event known so many minutes after it
    happened (`arrivals`: delay and place, in any order)."""
    lead = _story()
    engine = Engine(shipped(name), source="hubspot")
    coming = sorted((lead.events[place].at + timedelta(minutes=delay), place) for delay, place in arrivals)
    now = coming[0][0]
    for at, place in coming:
        engine.sleep_until(at, now)
        now = max(now, at)
        engine.receive(now, lead.events[place])
    end = lead.instant("2026-07-01 00:00")
    engine.sleep_until(end, now)
    engine.look(end)
    return [each for each in net(engine.said) if each[0] != "obligation.at_risk"], engine.verdict(end).obligations


@pytest.mark.parametrize(
    "name",
    [
        "handoff",
        "acceptance",
        "first_touch",
        "next_touch",
        "depth",
        "disposition",
        "opportunity",
        "multilevel",
        "calendars",
    ],
)
def test_late_doubled_and_disordered_news_end_alike(name: str) -> None:
    places = range(len(_story().events))
    expected = _net(name, [(0, place) for place in places])
    assert expected[1], "the story must touch the family"
    for seed in range(SHUFFLES):
        chance = random.Random(seed)
        doubled = [*places, *chance.choices(places, k=5)]
        arrivals = [(chance.choice([0, 0, 5, 90, 3000, 60_000]), place) for place in doubled]
        assert _net(name, arrivals) == expected, f"seed {seed}"

"""Merged leads: whatever the order and number of arrivals, what is filed and stands announced comes out the same."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.events import lead as lead_events
from shared.events.lead import LeadEvent
from shared.events.sla import AnySlaEvent
from sla_engine.application.advance import advance
from sla_engine.application.dossier import Dossier
from sla_engine.application.filing import Filing
from sla_engine.domain.editions import Editions
from sla_engine.domain.instants import to_us
from tests.property.sla_engine.stories import BEGIN
from tests.property.sla_engine.test_joining_converges import told
from tests.support.story_builder import agreement, net

PACT = Editions.only(agreement(calendar="always"))
DAY = BEGIN + timedelta(days=1)
END = BEGIN + timedelta(days=3)


class Leads:
    """Several leads as their owners work on them, on one clock."""

    def __init__(self) -> None:
        self.dossiers: dict[str, Dossier] = {}
        self.said: dict[str, list[AnySlaEvent]] = {}
        self.rows: dict[str, Filing] = {}
        self.under_way: list[LeadEvent] = []

    def step(self, lead: str, events: Sequence[LeadEvent], now: datetime) -> None:
        """One lead's step; what it tells others is on its way then."""
        step = advance(self.dossiers.get(lead), events, PACT, through_us=to_us(now), now=now)
        if step is None:
            return
        self.dossiers[lead] = step.after
        self.said.setdefault(lead, []).extend(step.said)
        self.rows |= {row.filing.id: row.filing for row in step.rows}
        for closing in step.closings:
            self.rows.pop(closing.id, None)
        self.under_way += [lead_events.decode(lead_events.encode(event)) for event in step.passes_on]

    def outcome(self) -> tuple[object, object]:
        """What stands announced of each lead, warnings apart, and the rows."""
        standing = {
            lead: [each for each in net(said) if each[0] != "obligation.at_risk"] for lead, said in self.said.items()
        }
        rows = {key: (row.clock, row.cycle, row.state, row.outcome, row.decided_us) for key, row in self.rows.items()}
        return {lead: each for lead, each in standing.items() if each}, rows


def at_once(events: Sequence[LeadEvent]) -> Leads:
    """All is told in order before anybody looks; then time passes."""
    leads = Leads()
    leads.under_way = sorted(events, key=lambda each: (each.at, each.reading))
    while leads.under_way:
        event = leads.under_way.pop(0)
        leads.step(event.lead, [event], DAY)
    for lead in list(leads.dossiers):
        leads.step(lead, [], END)
    return leads


def at_random(events: Sequence[LeadEvent], data: st.DataObject) -> Leads:
    """Events and words arrive in any order, some twice, while time passes and leads are looked at."""
    leads = Leads()
    leads.under_way = list(events)
    now = BEGIN
    while leads.under_way:
        event = leads.under_way.pop(data.draw(st.integers(0, len(leads.under_way) - 1)))
        now = min(now + timedelta(minutes=data.draw(st.sampled_from([0, 5, 50, 200]))), END)
        for _ in range(data.draw(st.sampled_from([1, 1, 2]))):
            leads.step(event.lead, [event], now)
        looked_at = data.draw(st.booleans())
        if leads.dossiers and looked_at:
            leads.step(data.draw(st.sampled_from(sorted(leads.dossiers))), [], now)
    for lead in list(leads.dossiers):
        leads.step(lead, [], END)
    return leads


@settings(derandomize=True, deadline=None, max_examples=300)
@given(events=told(), data=st.data())
def test_what_stands_announced_and_filed_is_the_same_in_any_order(events: list[LeadEvent], data: st.DataObject) -> None:
    assert at_random(events, data).outcome() == at_once(events).outcome()

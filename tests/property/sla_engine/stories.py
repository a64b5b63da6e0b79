"""Stories of leads for property tests: a handful of events over two days, in any shape a CRM may send."""

from datetime import datetime, timedelta

from hypothesis import strategies as st

from shared.events.lead import LeadEvent
from tests.support.story_builder import EVA, MAX, QUEUE, Lead, utc

BEGIN = utc("2024-01-08 08:00")
SPAN_MINUTES = 2 * 24 * 60

_MINUTES = st.one_of(st.integers(0, 300), st.integers(0, 300), st.integers(0, SPAN_MINUTES))
_MOMENTS = _MINUTES.map(lambda minute: f"{BEGIN + timedelta(minutes=minute):%Y-%m-%d %H:%M}")
_STEPS = st.one_of(
    st.just(("stage", "mql")),
    st.tuples(st.just("stage"), st.sampled_from(["mql", "sal", "recycled", "lead"])),
    st.just(("owner", MAX)),
    st.tuples(st.just("owner"), st.sampled_from([MAX, EVA, QUEUE, None])),
    st.tuples(st.just("touch"), st.sampled_from(["call-1", "call-2", None])),
    st.tuples(st.just("touch"), st.none()),
    st.tuples(
        st.sampled_from(["rejected", "disposed", "merged", "deleted", "accepted", "created", "converted"]), st.none()
    ),
    st.tuples(st.just("deal"), st.sampled_from(["created", "won", "reopened"])),
    st.tuples(st.just("size"), st.sampled_from([10, 5000])),
)


@st.composite
def stories(draw: st.DrawFn) -> list[LeadEvent]:
    """Events of one lead, in no order."""
    lead = Lead()
    if draw(st.booleans()):
        lead.stage(draw(_MOMENTS))
        lead.owner(draw(_MOMENTS))
    for at, (what, how) in draw(st.lists(st.tuples(_MOMENTS, _STEPS), min_size=2, max_size=10)):
        match what:
            case "stage":
                lead.stage(at, str(how))
            case "owner":
                lead.owner(at, how)
            case "touch":
                written = draw(_MOMENTS)
                lead.touch(
                    at,
                    activity=None if how is None else str(how),
                    written=written,
                    completed=draw(st.sampled_from([True, True, False])),
                )
            case "size":
                lead.knows(at, size=how)
            case "deal":
                lead.deal(at, str(how))
            case "merged":
                lead.merged(at)
            case _:
                getattr(lead, what)(at)
    return lead.events


def arrivals(events: list[LeadEvent]) -> st.SearchStrategy[list[tuple[datetime, LeadEvent]]]:
    """Arrivals of these events in some order, some twice, each no earlier than it was written down."""

    @st.composite
    def arrive(draw: st.DrawFn) -> list[tuple[datetime, LeadEvent]]:
        found = []
        for event in events:
            for _ in range(draw(st.sampled_from([1, 1, 1, 2]))):
                delay = timedelta(seconds=draw(st.sampled_from([1, 20, 45, 600, 7200, 90000])))
                found.append((max(event.occurred_at, event.at) + delay, event))
        return sorted(found, key=lambda each: each[0])

    return arrive()


__all__ = ["BEGIN", "SPAN_MINUTES", "arrivals", "stories"]

"""Conditions: what each question asks, and how questions are joined. docs/clocks.md, "Conditions"."""

from collections.abc import Callable

import pytest

from shared.events.envelope import ActorKind, Channel, Direction, Owner, OwnerKind
from sla_engine.domain.obligation import State
from tests.support.declared_clocks import declared, promise, run, runs, starts
from tests.support.story_builder import EVA, MAX, QUEUE, Lead

UMA = Owner(kind=OwnerKind.USER, id="u-uma")
TEAM = Owner(kind=OwnerKind.TEAM, id="t-1", name="A team")
Tell = Callable[[Lead, str], object]

EVENTS: dict[str, Tell] = {
    "lead.created": lambda lead, at: lead.created(at),
    "lead.attributes_changed": lambda lead, at: lead.knows(at, x=1),
    "lead.stage_changed": lambda lead, at: lead.stage(at, "sql"),
    "lead.assigned": lambda lead, at: lead.owner(at, MAX),
    "lead.accepted": lambda lead, at: lead.accepted(at),
    "lead.rejected": lambda lead, at: lead.rejected(at),
    "lead.disposed": lambda lead, at: lead.disposed(at, "qualified"),
    "lead.converted": lambda lead, at: lead.converted(at),
    "touch.logged": lambda lead, at: lead.touch(at),
    "deal.created": lambda lead, at: lead.deal(at, "created"),
    "deal.stage_changed": lambda lead, at: lead.deal(at, "stage_changed", stage="proposal", raw_stage="P"),
    "deal.won": lambda lead, at: lead.deal(at, "won"),
    "deal.lost": lambda lead, at: lead.deal(at, "lost", reason="price"),
    "deal.reopened": lambda lead, at: lead.deal(at, "reopened"),
}


@pytest.mark.parametrize("asked", EVENTS)
def test_an_event_is_asked_for_by_its_type_and_no_other_is_meant(asked: str) -> None:
    lead = Lead()
    lead.created("2024-01-08 08:00")
    for minute, (name, tell) in enumerate(EVENTS.items()):
        if name != asked:
            tell(lead, f"2024-01-08 09:{minute:02}")
    others = starts(lead, f"{{event: {asked}}}")
    assert others == (["08:00"] if asked == "lead.created" else [])
    EVENTS[asked](lead, "2024-01-08 10:00")
    if asked != "lead.created":
        assert starts(lead, f"{{event: {asked}}}") == ["10:00"]


def test_of_a_list_of_types_any_will_do() -> None:
    lead = Lead()
    lead.deal("2024-01-08 09:00", "lost")
    assert starts(lead, "{event: [deal.won, deal.lost]}") == ["09:00"]


@pytest.mark.parametrize(
    ("field", "tell"),
    [
        pytest.param("disposition: [recycled]", lambda lead, at: lead.disposed(at, "Recycled"), id="disposition"),
        pytest.param("reason: no budget", lambda lead, at: lead.rejected(at, "No Budget"), id="reason of a rejection"),
        pytest.param("reason: price", lambda lead, at: lead.deal(at, "lost", reason="price"), id="reason of a loss"),
        pytest.param("outcome: [connected]", lambda lead, at: lead.touch(at, outcome="CONNECTED"), id="outcome"),
        pytest.param("channel: email", lambda lead, at: lead.touch(at, channel=Channel.EMAIL), id="channel"),
        pytest.param(
            "direction: inbound", lambda lead, at: lead.touch(at, direction=Direction.INBOUND), id="direction"
        ),
        pytest.param("completed: false", lambda lead, at: lead.touch(at, completed=False), id="completed"),
        pytest.param("automated: true", lambda lead, at: lead.touch(at, automated=True), id="automated"),
        pytest.param("stage: sal", lambda lead, at: lead.stage(at, "sal"), id="stage of the lead"),
        pytest.param("raw_stage: SAL", lambda lead, at: lead.stage(at, "sal"), id="the CRM's word for it"),
        pytest.param(
            "stage: [proposal]",
            lambda lead, at: lead.deal(at, "stage_changed", stage="proposal", raw_stage="P"),
            id="stage of the deal",
        ),
        pytest.param("deal: deal-1", lambda lead, at: lead.deal(at), id="deal"),
        pytest.param("deal: deal-1", lambda lead, at: lead.converted(at, "deal-1"), id="deal of a conversion"),
        pytest.param("performed_by: u-eva", lambda lead, at: lead.touch(at, by="u-eva"), id="who did it"),
    ],
)
def test_a_field_is_asked_of_facts_that_have_it_whatever_the_case(field: str, tell: Tell) -> None:
    lead = Lead()
    lead.created("2024-01-08 08:00")
    lead.knows("2024-01-08 08:30", reason="price", stage="sal", channel="email")
    lead.touch("2024-01-08 08:40", channel=Channel.MESSAGE)
    lead.disposed("2024-01-08 08:50", "qualified", "other")
    tell(lead, "2024-01-08 09:00")
    assert starts(lead, f"{{fields: {{{field}}}}}") == ["09:00"]


def test_several_fields_are_asked_of_one_fact_together() -> None:
    lead = Lead()
    lead.disposed("2024-01-08 09:00", "disqualified", "no budget")
    lead.disposed("2024-01-08 10:00", "recycled", "bad timing")
    lead.disposed("2024-01-08 11:00", "disqualified", "bad timing")
    asked = "{event: lead.disposed, fields: {disposition: disqualified, reason: bad timing}}"
    assert starts(lead, asked) == ["11:00"]


@pytest.mark.parametrize(
    ("touch", "made", "counts"),
    [
        ("{}", {}, True),
        ("{}", {"by": None}, True),
        ("{}", {"completed": False}, False),
        ("{}", {"direction": Direction.INBOUND}, False),
        ("{}", {"automated": True}, False),
        ("{}", {"kind": ActorKind.AUTOMATION}, False),
        ("{}", {"kind": ActorKind.INTEGRATION}, False),
        ("{}", {"channel": Channel.NOTE}, False),
        ("{automated: true}", {"automated": True}, True),
        ("{automated: true}", {"kind": ActorKind.AUTOMATION}, True),
        ("{channels: [note]}", {"channel": Channel.NOTE}, True),
        ("{channels: [call]}", {"channel": Channel.EMAIL}, False),
        ("{directions: [inbound]}", {"direction": Direction.INBOUND}, True),
        ("{directions: [inbound]}", {}, False),
        ("{outcome: [connected, meeting booked]}", {"outcome": "Meeting Booked"}, True),
        ("{outcome: connected}", {"outcome": "busy"}, False),
        ("{outcome: connected}", {}, False),
        ("{by: anyone}", {"by": "u-eva"}, True),
        ("{by: owner}", {"by": "u-max"}, True),
        ("{by: owner}", {"by": "u-eva"}, False),
        ("{by: owner}", {"by": None}, False),
        ("{by: {people: [eva]}}", {"by": "u-eva"}, True),
        ("{by: {people: [Eva Example]}}", {"by": "u-eva"}, True),
        ("{by: {people: [u-9]}}", {"by": "u-9"}, True),
        ("{by: {people: [eva]}}", {"by": "u-max"}, False),
        ("{by: {team: [Outside]}}", {"by": "u-eva"}, True),
        ("{by: {team: [Outside]}}", {"by": "u-max"}, False),
        ("{by: {team: [Outside]}}", {"by": None}, False),
    ],
)
def test_which_touches_count(touch: str, made: dict[str, object], counts: bool) -> None:
    lead = Lead()
    lead.owner("2024-01-08 08:00", MAX)
    lead.touch("2024-01-08 09:00", **made)  # type: ignore[arg-type] # keywords by the table above
    assert starts(lead, f"{{touch: {touch}}}") == (["09:00"] if counts else [])


def test_the_owner_is_who_has_the_lead_at_that_fact() -> None:
    lead = Lead()
    lead.owner("2024-01-08 08:00", MAX)
    lead.touch("2024-01-08 09:00", by="u-eva")
    lead.owner("2024-01-08 10:00", EVA)
    lead.touch("2024-01-08 11:00", by="u-eva")
    assert starts(lead, "{touch: {by: owner}}") == ["11:00"]


@pytest.mark.parametrize(
    ("asked", "at"),
    [
        ("{stage: [sql]}", ["11:00"]),
        ("{stage: [MQL, sal]}", ["09:00"]),
        ("{qualified: true}", ["09:00"]),
        ("{qualified: false}", ["08:00"]),
        ("{owner_kind: person}", ["12:00"]),
        ("{owner_kind: queue}", ["10:00"]),
        ("{owner_kind: [team]}", ["14:00"]),
        ("{owner_kind: nobody}", ["08:00"]),
        ("{owner: max}", ["12:00"]),
        ("{owner: Eva Example}", ["13:00"]),
        ("{owner: q-inbound}", ["10:00"]),
        ("{team: Outside}", ["13:00"]),
        ("{team: Inside}", ["10:00"]),
        ("{source: crm}", ["08:00"]),
        ("{source: other}", []),
        ("{attribute: size, at_least: 1000}", ["15:00"]),
        ("{attribute: size, equals: 10}", ["08:00"]),
        ("{attribute: size, exists: false}", []),
        ("{attribute: city, contains: lin}", ["16:00"]),
    ],
)
def test_a_question_of_the_state_holds_from_the_fact_on_that_makes_it_so(asked: str, at: list[str]) -> None:
    lead = Lead()
    lead.created("2024-01-08 08:00", {"size": 10})
    lead.stage("2024-01-08 09:00")
    lead.owner("2024-01-08 10:00", QUEUE)
    lead.stage("2024-01-08 11:00", "sql")
    lead.owner("2024-01-08 12:00", MAX)
    lead.owner("2024-01-08 13:00", EVA)
    lead.owner("2024-01-08 14:00", TEAM)
    lead.knows("2024-01-08 15:00", size=1000)
    lead.knows("2024-01-08 16:00", city="Berlin")
    assert starts(lead, asked) == at


@pytest.mark.parametrize(
    ("asked", "at"),
    [
        pytest.param("{stage: [mql], owner_kind: person}", ["10:00"], id="side by side: together"),
        pytest.param("{all: [{stage: [mql]}, {owner_kind: person}]}", ["10:00"], id="all"),
        pytest.param("{any: [{stage: [sql]}, {owner_kind: person}]}", ["10:00"], id="any"),
        pytest.param("{not: {stage: [mql]}}", ["08:00"], id="not"),
        pytest.param("{not: {any: [{owner_kind: nobody}, {stage: [mql]}]}}", ["11:00"], id="not any"),
        pytest.param("{touch: {}, stage: [sql]}", ["12:00"], id="of a fact and of the state"),
        pytest.param("{all: [{touch: {}}, {not: {owner: eva}}]}", ["09:00"], id="not, inside all"),
    ],
)
def test_questions_are_joined(asked: str, at: list[str]) -> None:
    lead = Lead()
    lead.created("2024-01-08 08:00")
    lead.stage("2024-01-08 08:30")
    lead.touch("2024-01-08 09:00")
    lead.owner("2024-01-08 10:00", MAX)
    lead.stage("2024-01-08 11:00", "sql")
    lead.touch("2024-01-08 12:00")
    assert starts(lead, asked) == at


def test_a_closing_disposition_ends_being_qualified_and_a_qualifying_one_does_not() -> None:
    for disposition, ended in (("recycled", True), ("qualified", False)):
        lead = Lead()
        lead.stage("2024-01-08 09:00")
        lead.disposed("2024-01-08 10:00", disposition)
        assert starts(lead, "{qualified: false}") == (["10:00"] if ended else [])


def test_from_a_closing_disposition_on_the_stage_is_not_told() -> None:
    lead = Lead()
    lead.stage("2024-01-08 09:00")
    by = promise("per: lead, start: {stage: [mql]}, stop: {not: {stage: [mql]}}, times: any")
    lead.disposed("2024-01-08 10:00", "disqualified")
    lead.stage("2024-01-08 11:00")
    found = runs(lead, by, "2024-01-08 11:30")
    assert [(each.started_at, each.stopped_at) for each in found] == [
        (lead.instant("2024-01-08 09:00"), lead.instant("2024-01-08 10:00")),
        (lead.instant("2024-01-08 11:00"), None),
    ]


def test_a_count_holds_from_the_nth_on_since_the_run_began_its_starting_fact_included() -> None:
    by = promise("start: {qualified: true}, stop: {touch: {}, count: 2}")
    lead = Lead()
    lead.touch("2024-01-08 08:00")  # before
    lead.stage("2024-01-08 09:00")
    lead.touch("2024-01-08 09:10")
    lead.touch("2024-01-08 09:15", channel=Channel.NOTE)
    assert run(lead, by, "2024-01-08 09:20").state is State.ON_TRACK
    lead.touch("2024-01-08 09:30")
    assert run(lead, by, "2024-01-08 10:00").stopped_at == lead.instant("2024-01-08 09:30")
    chained = promise("start: {touch: {}}, stop: {touch: {}, count: 2}")
    assert run(lead, chained, "2024-01-08 10:00").stopped_at == lead.instant("2024-01-08 09:30"), "09:10 and 09:30"


def test_a_count_in_a_start_is_of_the_stay_or_of_the_whole_history() -> None:
    lead = Lead()
    lead.touch("2024-01-08 08:00")
    lead.stage("2024-01-08 09:00")
    lead.touch("2024-01-08 09:10")
    lead.touch("2024-01-08 09:20")
    counted = "start: {touch: {}, count: 2}, stop: {event: lead.accepted}"
    assert run(lead, promise(counted), "2024-01-08 10:00").started_at == lead.instant("2024-01-08 09:20")
    whole = promise(f"per: lead, {counted}")
    assert run(lead, whole, "2024-01-08 10:00").started_at == lead.instant("2024-01-08 09:10")


def test_a_new_run_and_a_new_stay_count_from_the_beginning() -> None:
    by = promise("start: {event: lead.accepted}, stop: {touch: {}, count: 2}, times: any")
    lead = Lead()
    lead.stage("2024-01-08 09:00")
    lead.accepted("2024-01-08 09:05")
    lead.touch("2024-01-08 09:10")
    lead.touch("2024-01-08 09:20")
    lead.accepted("2024-01-08 09:30")
    lead.touch("2024-01-08 09:40")
    assert [each.state for each in runs(lead, by, "2024-01-08 09:50")] == [State.MET, State.ON_TRACK]


def test_ended_holds_when_a_run_was_kept_or_was_late_and_not_when_it_was_cancelled() -> None:
    pair = """
first: {start: {qualified: true}, stop: {touch: {}}, cancel: {event: lead.rejected}, targets: {default: 1h}}
second: {start: {ended: first}, stop: {event: lead.accepted}, targets: {default: 1h}}
"""
    ways: list[tuple[Callable[[Lead], object], bool]] = [
        (lambda lead: lead.touch("2024-01-08 09:30"), True),
        (lambda lead: lead.touch("2024-01-08 12:30"), True),
        (lambda lead: lead.rejected("2024-01-08 09:30"), False),
    ]
    for tell, follows in ways:
        lead = Lead()
        lead.stage("2024-01-08 09:00")
        tell(lead)
        assert bool(runs(lead, declared(pair), "2024-01-08 13:00", "second")) is follows

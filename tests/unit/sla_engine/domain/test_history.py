"""A history keeps each fact once, in the order of event time, small enough to store."""

from datetime import timedelta
from itertools import permutations

import msgspec
import pytest

from shared.events import lead as events
from shared.events.envelope import Actor, ActorKind, Channel, Direction, TimeSource
from sla_engine.domain.facts import ORDER, Stage, Touch, reduce
from sla_engine.domain.history import History
from tests.support.story_builder import Lead, utc


def test_it_is_the_same_through_bytes() -> None:
    lead = Lead()
    lead.created(
        "2024-01-08 10:00", {"name": "Ada Lovelace", "size": 12, "vip": True, "note": None}, url="https://crm.test/1"
    )
    lead.knows("2024-01-08 10:00", score=1.5)
    lead.stage("2024-01-08 10:00")
    lead.owner("2024-01-08 10:00")
    lead.owner("2024-01-08 11:00", None)
    lead.touch("2024-01-08 10:30")
    lead.accepted("2024-01-08 10:31")
    lead.rejected("2024-01-08 10:32")
    lead.disposed("2024-01-08 10:33")
    lead.merged("2024-01-08 10:34")
    lead.deleted("2024-01-08 10:35")
    history = History.of(lead.events)
    assert History.from_bytes(history.to_bytes()) == history
    assert len(history.facts) == len(lead.events)
    assert len(history.to_bytes()) / len(history.facts) < 100


def test_a_redelivered_event_does_not_change_it() -> None:
    lead = Lead()
    lead.stage("2024-01-08 10:00")
    history, changed = History(lead.key, lead.source).with_events(lead.events)
    assert changed
    assert history.with_events(lead.events) == (history, False)


def test_a_later_report_of_an_activity_replaces_the_earlier_in_whichever_order_they_come() -> None:
    lead = Lead()
    planned = lead.touch("2024-01-09 10:00", activity="call", written="2024-01-08 10:00", completed=False)
    done = lead.touch("2024-01-09 10:20", activity="call", written="2024-01-09 10:30")
    other = lead.touch("2024-01-09 09:00", activity="mail", written="2024-01-09 09:00")
    expected = History.of([planned, done, other])
    assert [fact.id for fact in expected.facts] == [other.id, done.id]
    late_plan, changed = History.of([done, other]).with_events([planned])
    assert (late_plan, changed) == (expected, False)


def test_a_replay_with_a_corrected_mapping_replaces_what_was_translated_wrongly() -> None:
    lead = Lead()
    wrong = lead.stage("2024-01-08 10:00", "customer")
    right = msgspec.structs.replace(wrong, stage="mql", reading=1_704_800_000_000)
    once, changed = History.of([wrong]).with_events([right])
    assert changed
    assert [fact.stage for fact in once.facts if isinstance(fact, Stage)] == ["mql"]
    assert once.with_events([wrong, right]) == (once, False), "no redelivery brings the wrong reading back"
    assert History.from_bytes(once.to_bytes()) == once


def test_readings_converge_in_any_order() -> None:
    lead = Lead()
    first = lead.touch("2024-01-08 10:00", activity="call", written="2024-01-08 10:05", direction=Direction.INBOUND)
    stage = lead.stage("2024-01-08 09:00", "customer")
    told = [
        first,
        msgspec.structs.replace(first, direction=Direction.OUTBOUND, reading=5),
        stage,
        msgspec.structs.replace(stage, stage="sql", reading=5),
        msgspec.structs.replace(stage, stage="mql", reading=9),
    ]
    histories = [History.of(order) for order in permutations(told)]
    assert all(history == histories[0] for history in histories)
    assert [getattr(fact, "stage", "") for fact in histories[0].facts] == ["mql", ""]


def test_a_corrected_report_that_gives_way_to_an_earlier_one_is_gone() -> None:
    lead = Lead()
    first = lead.touch("2024-01-08 10:00", activity="call", written="2024-01-08 10:05")
    other = lead.touch("2024-01-08 11:00", activity="mail", written="2024-01-08 10:01")
    same_call = msgspec.structs.replace(other, touch="call", reading=1)
    corrected, changed = History.of([first, other]).with_events([same_call])
    assert changed
    assert [fact.id for fact in corrected.facts] == [first.id]


def test_no_events_make_no_history() -> None:
    with pytest.raises(ValueError, match="at least one"):
        History.of([])


def test_bytes_of_something_else_are_refused() -> None:
    with pytest.raises((msgspec.DecodeError, msgspec.ValidationError)):
        History.from_bytes(b"\x93\x01\x02\x03")


def test_every_kind_of_event_has_its_fact() -> None:
    common = {
        "id": "e",
        "source": "crm",
        "account": "acc",
        "lead": "l",
        "occurred_at": utc("2024-01-08 10:00"),
        "received_at": utc("2024-01-08 10:00"),
        "time_source": "event",
        "raw_id": "r",
    }
    needed: dict[str, object] = {
        "attributes": {}, "stage": "mql", "raw_stage": "MQL", "owner": None, "disposition": "recycled", "into": "l2",
        "touch": "t", "channel": "call", "direction": "outbound", "performed_at": utc("2024-01-08 10:00"), "deal": "d",
    }  # fmt: skip
    for kind in set(events.LeadEvent.__args__) - {events.LeadJoined}:  # which holds facts of another lead
        words = common | {key: value for key, value in needed.items() if key in kind.__struct_fields__}
        event = msgspec.convert(words | {"type": kind.__struct_config__.tag}, kind)
        assert type(reduce(event)) in ORDER, kind


def test_who_wrote_an_activity_down_is_taken_for_who_did_it_unless_it_was_an_integration() -> None:
    def written_by(kind: ActorKind) -> Touch:
        event = events.TouchLogged(
            id="e",
            source="crm",
            account="acc",
            lead="l",
            occurred_at=utc("2024-01-08 10:00"),
            received_at=utc("2024-01-08 10:00"),
            time_source=TimeSource.EVENT,
            raw_id="r",
            actor=Actor(kind=kind, id="a"),
            touch="t",
            channel=Channel.CALL,
            direction=Direction.OUTBOUND,
            performed_at=utc("2024-01-08 10:00") - timedelta(minutes=1),
        )
        fact = reduce(event)
        assert isinstance(fact, Touch)
        return fact

    assert written_by(ActorKind.USER).by_id == "a"
    assert written_by(ActorKind.INTEGRATION).by_kind is None
    assert written_by(ActorKind.AUTOMATION).by_kind is ActorKind.AUTOMATION

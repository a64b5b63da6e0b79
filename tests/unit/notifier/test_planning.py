"""Who is told, where, and what becomes of what was said before."""

import msgspec
import pytest

from notifier.domain.channels import ChannelKind, Operation, Step
from notifier.domain.delivery import Delivery
from notifier.domain.planning import WEBHOOK_DESTINATION, Routing, overtaken, plan
from shared.events.sla import AnySlaEvent
from tests.support import sla_events
from tests.support.sla_events import DEADLINE

SLACK = Routing(channels=(ChannelKind.SLACK,), default_channel="#sales")
WEBHOOK = Routing(channels=(ChannelKind.SLACK_WEBHOOK,), default_channel="#sales")


def planned(*events: AnySlaEvent, routing: Routing = SLACK) -> list[tuple[Step, Operation, str]]:
    return [(each.step, each.operation, each.destination) for each in deliveries(*events, routing=routing)]


def deliveries(*events: AnySlaEvent, routing: Routing = SLACK) -> list[Delivery]:
    done: list[Delivery] = []
    for event in events:
        done.extend(plan(event, routing=routing, prior=done, now=DEADLINE))
    return done


def test_opened_and_met_say_nothing() -> None:
    assert planned(sla_events.opened(), sla_events.met()) == []


def test_an_excused_miss_alone_says_nothing_and_what_waits_is_dropped() -> None:
    excused = sla_events.excused()
    assert planned(excused) == []
    assert overtaken(sla_events.breached(), [excused]) == "excused before it was sent"
    assert overtaken(sla_events.at_risk(), [excused]) == "excused before it was sent"
    again = overtaken(sla_events.breached(), [excused, sla_events.retracted(excused)])
    assert again is None, "an exception that was taken back excuses nothing"


def test_a_warning_goes_to_the_owner() -> None:
    assert planned(sla_events.at_risk()) == [(Step.WARNING, Operation.POST, "U0MARALIND")]


@pytest.mark.parametrize(
    "holder", [msgspec.structs.replace(sla_events.OWNER, slack=None), sla_events.QUEUE], ids=["unknown", "queue"]
)
def test_a_warning_to_nobody_in_particular_goes_to_the_team(holder: object) -> None:
    assert planned(sla_events.at_risk(holder=holder)) == [(Step.WARNING, Operation.POST, "C0INBOUND")]


def test_a_breach_goes_to_the_team_or_else_to_the_default_channel() -> None:
    assert planned(sla_events.breached()) == [(Step.BREACH, Operation.POST, "C0INBOUND")]
    assert planned(sla_events.breached(escalation=None)) == [(Step.BREACH, Operation.POST, "#sales")]


def test_everything_goes_to_one_channel_for_trying_out() -> None:
    routing = msgspec.structs.replace(SLACK, send_all_to="C0TRYOUT")
    assert {where for _, _, where in planned(sla_events.at_risk(), sla_events.breached(), routing=routing)} == {
        "C0TRYOUT"
    }


def test_each_active_channel_gets_its_own_delivery() -> None:
    routing = msgspec.structs.replace(SLACK, channels=(ChannelKind.SLACK, ChannelKind.PREVIEW))
    done = deliveries(sla_events.breached(), routing=routing)
    assert [each.channel for each in done] == [ChannelKind.SLACK, ChannelKind.PREVIEW]
    assert len({each.id for each in done}) == 2


@pytest.mark.parametrize(
    ("change", "step"), [(sla_events.met_late(), Step.MET_LATE), (sla_events.cancelled(), Step.CANCELLED)]
)
def test_a_change_edits_all_that_was_said(change: AnySlaEvent, step: Step) -> None:
    assert planned(sla_events.at_risk(), sla_events.breached(), change)[2:] == [
        (step, Operation.UPDATE, "U0MARALIND"),
        (step, Operation.UPDATE, "C0INBOUND"),
    ]


def test_two_messages_in_one_channel_are_each_edited() -> None:
    unknown = msgspec.structs.replace(sla_events.OWNER, slack=None)
    done = deliveries(sla_events.at_risk(holder=unknown), sla_events.breached(), sla_events.met_late())
    assert [each.thread for each in done[2:]] == [done[0].id, done[1].id]
    assert len({each.id for each in done}) == 4


def test_a_retraction_edits_only_what_it_takes_back() -> None:
    breach = sla_events.breached()
    assert planned(sla_events.at_risk(), breach, sla_events.retracted(breach))[2:] == [
        (Step.RETRACTED, Operation.UPDATE, "C0INBOUND")
    ]


def test_what_was_taken_back_is_not_edited_again() -> None:
    breach = sla_events.breached()
    assert len(planned(breach, sla_events.retracted(breach), sla_events.met_late(), sla_events.cancelled())) == 2


def test_a_retracted_edit_puts_the_message_back() -> None:
    late = sla_events.met_late()
    assert planned(sla_events.breached(), late, sla_events.retracted(late))[2:] == [
        (Step.RESTORED, Operation.UPDATE, "C0INBOUND")
    ]


def test_a_webhook_follows_up_on_a_breach_and_not_on_a_warning() -> None:
    assert planned(sla_events.at_risk(), sla_events.breached(), sla_events.met_late(), routing=WEBHOOK) == [
        (Step.WARNING, Operation.POST, WEBHOOK_DESTINATION),
        (Step.BREACH, Operation.POST, WEBHOOK_DESTINATION),
        (Step.MET_LATE, Operation.FOLLOW_UP, WEBHOOK_DESTINATION),
    ]


def test_a_second_breach_after_a_retraction_is_a_new_message() -> None:
    first = sla_events.breached()
    second = sla_events.breached(id="another")
    done = deliveries(first, sla_events.retracted(first), second)
    assert [each.operation for each in done] == [Operation.POST, Operation.UPDATE, Operation.POST]
    assert done[0].id != done[2].id


def test_planning_again_gives_the_same_deliveries() -> None:
    events = (sla_events.at_risk(), sla_events.breached(), sla_events.met_late())
    assert deliveries(*events) == deliveries(*events)


WARNING, BREACH, CANCELLED = sla_events.at_risk(), sla_events.breached(), sla_events.cancelled()


@pytest.mark.parametrize(
    ("event", "later", "reason"),
    [
        (WARNING, [], None),
        (WARNING, [sla_events.met()], "kept before it was sent"),
        (WARNING, [BREACH], "the deadline passed before it was sent"),
        (WARNING, [sla_events.cancelled()], "cancelled before it was sent"),
        (WARNING, [sla_events.retracted(WARNING)], "retracted before it was sent"),
        (WARNING, [sla_events.at_risk(id="later")], "a later warning overtook it before it was sent"),
        (BREACH, [sla_events.met_late()], None),
        (BREACH, [sla_events.retracted(WARNING)], None),
        (BREACH, [sla_events.retracted(BREACH)], "retracted before it was sent"),
        (BREACH, [sla_events.retracted(WARNING), sla_events.met()], "kept before it was sent"),
        (BREACH, [CANCELLED, sla_events.retracted(CANCELLED)], None),
        (BREACH, [CANCELLED, sla_events.retracted(CANCELLED), sla_events.met()], "kept before it was sent"),
    ],
)
def test_what_was_overtaken_is_not_said(event: AnySlaEvent, later: list[AnySlaEvent], reason: str | None) -> None:
    assert overtaken(event, later) == reason

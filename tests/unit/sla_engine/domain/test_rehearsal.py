"""The engine's loop on paper: what would have been announced, and when."""

from datetime import timedelta

import msgspec

from shared.events import sla
from sla_engine.domain.editions import Editions, OpenChoice
from sla_engine.domain.instants import to_us
from sla_engine.domain.rehearsal import rehearse
from tests.support.story_builder import Lead, agreement, utc


def test_what_came_in_one_request_is_known_at_once() -> None:
    """A lead whose whole story is told late, in one batch: nothing wrong is said of it in between."""
    lead = Lead()
    lead.created("2024-01-08 10:00")
    lead.stage("2024-01-08 10:00")
    lead.owner("2024-01-08 10:01")
    lead.touch("2024-01-08 10:05")
    told = utc("2024-01-08 15:00")
    together = [msgspec.structs.replace(event, received_at=told) for event in lead.events]
    said = rehearse(together, agreement(), utc("2024-01-08 16:00"))
    assert [(event.clock, type(event)) for event in said] == [
        ("handoff", sla.ObligationOpened),
        ("first_touch", sla.ObligationOpened),
        ("handoff", sla.ObligationMet),
        ("first_touch", sla.ObligationMet),
    ]
    assert {event.announced_at for event in said} == {told}


def test_what_came_later_takes_back_what_was_said_before() -> None:
    lead = Lead()
    lead.created("2024-01-08 10:00")
    lead.stage("2024-01-08 10:00")
    lead.owner("2024-01-08 10:00")
    touch = lead.touch("2024-01-08 10:05")
    late = [
        *lead.events[:-1],
        msgspec.structs.replace(touch, received_at=touch.received_at + timedelta(hours=3)),
    ]
    said = [type(event) for event in rehearse(late, agreement(), utc("2024-01-08 16:00"))]
    assert said.count(sla.ObligationBreached) == 1
    assert sla.ObligationRetracted in said
    assert said[-1] is sla.ObligationMet


def test_an_edition_is_known_from_the_instant_of_its_applying_and_the_lead_is_judged_again_then() -> None:
    lead = Lead()
    lead.stage("2024-01-08 10:00")
    lead.owner("2024-01-08 10:00")
    longer = agreement(touch="default: 3h", warnings="")
    by = Editions.only(agreement(warnings="")).followed_by(
        longer, applied_us=to_us(utc("2024-01-08 12:00")), open_=OpenChoice.RECOMPUTE
    )
    said = [each for each in rehearse(lead.events, by, utc("2024-01-08 16:00")) if each.clock == "first_touch"]
    assert [(type(each), each.announced_at) for each in said] == [
        (sla.ObligationOpened, utc("2024-01-08 10:00:01")),
        (sla.ObligationBreached, utc("2024-01-08 11:00:30")),
        (sla.ObligationRetracted, utc("2024-01-08 12:00")),
        (sla.ObligationBreached, utc("2024-01-08 13:00:30")),
    ]
    assert [each.agreement_version == longer.version for each in said] == [False, False, True, True]

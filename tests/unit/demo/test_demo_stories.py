"""The plots keep what the demo promises: a warning within 20 s, a breach within a minute, every case told."""

import pytest

from deploy.demo.cast import QUEUE, Crm
from deploy.demo.stories import (
    PLOTS,
    Assigned,
    Called,
    Created,
    Redelivered,
    Step,
    Story,
    call_reported_late,
    gap_seconds,
    left_in_the_queue,
    out_of_order,
    story,
)

HANDOFF_SECONDS = 20
FIRST_TOUCH_SECONDS = 30


def when(told: Story, kind: type) -> list[float]:
    return [step.at_seconds for step in told.steps if isinstance(step.action, kind)]


def test_the_same_number_tells_the_same_story() -> None:
    assert [story(number) for number in range(40)] == [story(number) for number in range(40)]


def test_another_seed_tells_others() -> None:
    assert [story(number, seed=1).lead.name for number in range(9)] != [story(number).lead.name for number in range(9)]


def test_the_opening_leaves_a_lead_in_the_queue_beyond_the_handoff() -> None:
    first = story(0)
    assert first.plot == left_in_the_queue.__name__
    assert when(first, Assigned)[0] > HANDOFF_SECONDS


def test_every_round_tells_every_plot_once() -> None:
    for turn in range(5):
        numbers = range(turn * len(PLOTS), (turn + 1) * len(PLOTS))
        assert sorted(story(number).plot for number in numbers) == sorted(plot.__name__ for plot in PLOTS)


def test_every_crm_tells_stories_in_every_round() -> None:
    for turn in range(5):
        numbers = range(turn * len(PLOTS), (turn + 1) * len(PLOTS))
        assert {story(number).lead.crm for number in numbers} == set(Crm)


@pytest.mark.parametrize("number", range(3 * len(PLOTS)))
def test_webhooks_are_posted_in_the_order_of_their_arrival(number: int) -> None:
    arrivals = [step.posted_at_seconds for step in story(number).steps]
    assert arrivals == sorted(arrivals)
    assert arrivals[0] >= 0


def test_creation_comes_last_where_the_order_is_broken() -> None:
    told = next(each for each in map(story, range(len(PLOTS))) if each.plot == out_of_order.__name__)
    assert [type(step.action) for step in told.steps] == [Called, Assigned, Created]


def test_a_call_reported_late_was_in_time_and_is_told_after_the_breach() -> None:
    told = next(each for each in map(story, range(len(PLOTS))) if each.plot == call_reported_late.__name__)
    start = when(told, Assigned)[0]
    call = told.steps[-1]
    assert isinstance(call.action, Called)
    assert call.at_seconds - call.action.ago_seconds < start + FIRST_TOUCH_SECONDS < call.at_seconds


def test_a_redelivery_follows_what_it_repeats() -> None:
    for number in range(len(PLOTS)):
        assert not isinstance(story(number).steps[0].action, Redelivered)


def test_a_handover_says_who_had_the_lead() -> None:
    for number in range(3 * len(PLOTS)):
        owner = None
        for step in sorted(story(number).steps, key=lambda each: each.at_seconds):
            if isinstance(step.action, Created):
                owner = step.action.owner
            elif isinstance(step.action, Assigned):
                assert step.action.before == owner
                assert step.action.owner not in (owner, QUEUE)
                owner = step.action.owner


def test_traffic_is_steady() -> None:
    gaps = [gap_seconds(number) for number in range(200)]
    assert min(gaps) >= 3
    assert max(gaps) <= 9


def test_a_step_arrives_after_it_happened() -> None:
    assert Step(at_seconds=2, action=Redelivered(), lag_seconds=5).posted_at_seconds == 7

"""The last look before a delivery is sent: is it still true, and can it be said as it was planned?"""

from collections.abc import Sequence

import msgspec

from notifier.domain.channels import Operation, Step
from notifier.domain.delivery import Delivery, State, as_follow_up
from notifier.domain.planning import follow_up_wanted, is_announcement, overtaken
from shared.events.sla import AnySlaEvent


class Work(msgspec.Struct, frozen=True, kw_only=True):
    """A claimed delivery and all that bears on it.

    `later` are the events of the same obligation consumed after `event`, in order. `post` is the message that an edit
    or follow-up concerns, `about` the event that message told of; both None for a message of its own.
    """

    delivery: Delivery
    event: AnySlaEvent
    later: Sequence[AnySlaEvent] = ()
    post: Delivery | None = None
    about: AnySlaEvent | None = None


class Drop(msgspec.Struct, frozen=True):
    """Not to be sent any more, and why."""

    reason: str


def review(work: Work) -> Delivery | Drop:
    """The delivery as it is to be sent, or why it is not."""
    delivery = work.delivery
    if is_announcement(delivery.step):
        reason = overtaken(work.event, work.later)
        return delivery if reason is None else Drop(reason)
    if work.post is None:
        return Drop("the message it concerns is no longer known")
    return _review_change(delivery, work.post)


def _review_change(delivery: Delivery, post: Delivery) -> Delivery | Drop:
    if post.state is State.SENT and (delivery.operation is not Operation.UPDATE or post.provider_id):
        return delivery
    if delivery.step is Step.FORGOTTEN:
        return Drop(f"nothing to edit is known: the message is {post.state}")
    if post.state is State.AMBIGUOUS or post.state is State.SENT:
        # It may stand in the channel, but nobody can say where: an edit is impossible, a word about it is not.
        return (
            as_follow_up(delivery) if follow_up_wanted(post.step) else Drop("the message it would edit can't be found")
        )
    if delivery.step is Step.RESTORED and post.state is State.SUPERSEDED and follow_up_wanted(post.step):
        # The breach was dropped for what is now taken back: it stands, and this is the first that anybody hears of it.
        return as_follow_up(delivery)
    return Drop(f"nothing was said: the message it concerns is {post.state}")

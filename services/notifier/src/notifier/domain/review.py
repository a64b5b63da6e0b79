"""The last look before a delivery is sent: is it still true, and can it be said as it was planned?"""

from collections.abc import Sequence

import msgspec

from notifier.domain.channels import Operation, Step
from notifier.domain.delivery import Delivery, State, as_follow_up
from notifier.domain.planning import follow_up_wanted, is_announcement, overtaken
from shared.events.sla import AnySlaEvent


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One broken promise in a message that lists several: its delivery, its event, and what came after that."""

    delivery: Delivery
    event: AnySlaEvent
    later: Sequence[AnySlaEvent] = ()


class Work(msgspec.Struct, frozen=True, kw_only=True):
    """A claimed delivery and all that bears on it.

    `later` are the events of the same obligation consumed after `event`, in order. `post` is the message that an edit
    or follow-up concerns, `about` the event that message told of; both None for a message of its own. `entries` are
    the broken promises that the message lists, where it lists several (its own among them); empty otherwise.
    """

    delivery: Delivery
    event: AnySlaEvent
    later: Sequence[AnySlaEvent] = ()
    post: Delivery | None = None
    about: AnySlaEvent | None = None
    entries: Sequence[Entry] = ()

    @property
    def lists(self) -> bool:
        """Whether what is sent is a list of broken promises."""
        return bool(self.entries) and self.delivery.operation is not Operation.FOLLOW_UP


class Drop(msgspec.Struct, frozen=True):
    """Not to be sent any more, and why."""

    reason: str


class LeftOut(msgspec.Struct, frozen=True, kw_only=True):
    """An entry that is not worth saying any more, and why."""

    entry: Entry
    reason: str


class Sifted(msgspec.Struct, frozen=True, kw_only=True):
    """A list that has not been said yet, after a last look at each of its promises.

    `work` lists what is still worth saying, or nothing; `left_out` never goes out; `set_free` waits for another one.
    """

    work: Work
    left_out: Sequence[LeftOut] = ()
    set_free: Sequence[Entry] = ()


def sift(work: Work) -> Sifted:
    """Leave out what was overtaken meanwhile.

    The message belongs to the delivery that carries it: where that one was overtaken, the others are set free, to be
    told in a message that one of them carries. Where nothing but that one is left, there is no list.
    """
    if work.delivery.operation is not Operation.POST or not work.entries:
        return Sifted(work=work)
    others = [entry for entry in work.entries if entry.delivery.id != work.delivery.id]
    reasons = [(entry, overtaken(entry.event, entry.later)) for entry in others]
    left_out = [LeftOut(entry=entry, reason=reason) for entry, reason in reasons if reason is not None]
    kept = [entry for entry, reason in reasons if reason is None]
    own = [entry for entry in work.entries if entry.delivery.id == work.delivery.id]
    if overtaken(work.event, work.later) is not None:
        return Sifted(work=msgspec.structs.replace(work, entries=()), left_out=left_out, set_free=kept)
    return Sifted(work=msgspec.structs.replace(work, entries=[*own, *kept] if kept else ()), left_out=left_out)


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

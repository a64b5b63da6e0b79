"""From an SLA event to deliveries: who is told, where, and what becomes of what was said before.

- `obligation.at_risk`: a message to the owner; where the owner's Slack id is unknown, to the team's channel.
- `obligation.breached`: a message to the team's channel (the default channel where the agreement names none).
- `obligation.met_late`, `obligation.cancelled`: every message about the obligation is edited, unless it was taken back.
- `obligation.retracted`: the messages that told of the retracted event are edited; where it was an edit that told of
  it, the edited messages are put back.
- `lead.forgotten`: every message about the lead is edited to name nobody; what still waits is not said.
- `obligation.opened`, `obligation.met`, `obligation.excused`: nothing is said; where a breach had been told, its
  retraction says why it is excused. A warning or breach that is still waiting is dropped when its
  turn comes (see `overtaken`).

A channel that can't edit gets a message of its own instead, but only about a breach: a wrong accusation must be taken
back, and a manager who was told of a broken promise wants to know that it is settled. About a warning nothing more is
said there: its moment has passed.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import assert_never

import msgspec

from notifier.domain.channels import ChannelKind, Operation, Step, can_edit
from notifier.domain.delivery import Delivery
from shared.events.envelope import OwnerKind
from shared.events.identity import identifier
from shared.events.sla import (
    AnySlaEvent,
    ObligationAtRisk,
    ObligationBreached,
    ObligationCancelled,
    ObligationExcused,
    ObligationMet,
    ObligationMetLate,
    ObligationOpened,
    ObligationRetracted,
    event_type,
)

WEBHOOK_DESTINATION = "webhook"
"""An incoming webhook has its channel built in."""


class Routing(msgspec.Struct, frozen=True, kw_only=True):
    """Which channels are active, and where a team's messages go when the agreement names no channel for it.

    `send_all_to` takes the place of every destination.
    """

    channels: tuple[ChannelKind, ...]
    default_channel: str
    send_all_to: str | None = None


def plan(event: AnySlaEvent, *, routing: Routing, prior: Sequence[Delivery], now: datetime) -> tuple[Delivery, ...]:
    """The deliveries that `event` asks for. `prior` are all earlier ones of the same obligation, in their order."""
    match event:
        case ObligationAtRisk():
            return _posts(event, Step.WARNING, destination=_owner_destination(event, routing), routing=routing, now=now)
        case ObligationBreached():
            return _posts(event, Step.BREACH, destination=_team_channel(event, routing), routing=routing, now=now)
        case ObligationMetLate():
            return _changes(event, Step.MET_LATE, posts=_standing(prior), now=now)
        case ObligationCancelled():
            return _changes(event, Step.CANCELLED, posts=_standing(prior), now=now)
        case ObligationRetracted():
            return _retractions(event, prior=prior, now=now)
        case ObligationOpened() | ObligationMet() | ObligationExcused():
            return ()
        case _:
            assert_never(event)


def forgetting(posts: Iterable[Delivery], *, now: datetime) -> tuple[Delivery, ...]:
    """The edits that take the name out of messages about a lead, where they can be edited.

    Each waits for what is still being said in its thread, and so has the last word.
    """
    return tuple(_edit_without_name(post, now=now) for post in posts if can_edit(post.channel))


def _edit_without_name(post: Delivery, *, now: datetime) -> Delivery:
    key = delivery_key(
        obligation=post.obligation,
        event_id=post.event_id,
        step=Step.FORGOTTEN,
        channel=post.channel,
        destination=post.id,
    )
    return Delivery(
        id=key,
        obligation=post.obligation,
        lead=post.lead,
        event_id=post.event_id,
        channel=post.channel,
        destination=post.destination,
        step=Step.FORGOTTEN,
        operation=Operation.UPDATE,
        thread=post.thread if post.operation is Operation.POST else post.id,  # it may be rolled up in another
        announced_at=post.announced_at,
        due_at=now,
    )


def overtaken(event: AnySlaEvent, later: Iterable[AnySlaEvent]) -> str | None:
    """Why a warning or breach is not worth saying any more, given what came after it; None: it still is.

    `later` are the events of the same obligation that came after `event`, in their order. One of them that was itself
    taken back overtakes nothing.
    """
    listed = list(later)
    taken_back = {other.retracts for other in listed if isinstance(other, ObligationRetracted)}
    for other in listed:
        reason = None if other.id in taken_back else _overtaken_by(event, other)
        if reason is not None:
            return reason
    return None


def _overtaken_by(event: AnySlaEvent, other: AnySlaEvent) -> str | None:
    match other:
        case ObligationRetracted():
            return "retracted before it was sent" if other.retracts == event.id else None
        case ObligationMet() | ObligationCancelled() | ObligationExcused():
            return f"{event_type(other).removeprefix('obligation.').replace('met', 'kept')} before it was sent"
        case ObligationBreached() | ObligationMetLate() if isinstance(event, ObligationAtRisk):
            # A warning after the deadline helps nobody: steps of a ladder that were missed are not all fired.
            return "the deadline passed before it was sent"
        case ObligationAtRisk() if isinstance(event, ObligationAtRisk):
            return "a later warning overtook it before it was sent"
        case _:
            return None


def is_announcement(step: Step) -> bool:
    """Whether the step is said on its own account, and not about something said before."""
    return step in {Step.WARNING, Step.BREACH}


def delivery_key(*, obligation: str, event_id: str, step: Step, channel: ChannelKind, destination: str) -> str:
    """The delivery's id: planning the same announcement again gives the same one."""
    return identifier(obligation, event_id, step, channel, destination)


def follow_up_wanted(about: Step) -> bool:
    """Whether a change to a message that can't be edited is worth a message of its own."""
    return about is Step.BREACH


def _posts(
    event: AnySlaEvent, step: Step, *, destination: str, routing: Routing, now: datetime
) -> tuple[Delivery, ...]:
    return tuple(
        _delivery(
            event,
            step,
            channel=channel,
            destination=WEBHOOK_DESTINATION if channel is ChannelKind.SLACK_WEBHOOK else destination,
            operation=Operation.POST,
            thread=None,
            now=now,
        )
        for channel in routing.channels
    )


def _changes(event: AnySlaEvent, step: Step, *, posts: Iterable[Delivery], now: datetime) -> tuple[Delivery, ...]:
    return tuple(
        _delivery(
            event,
            step,
            channel=post.channel,
            destination=post.destination,
            operation=Operation.UPDATE if can_edit(post.channel) else Operation.FOLLOW_UP,
            thread=post.thread,
            now=now,
        )
        for post in posts
        if can_edit(post.channel) or follow_up_wanted(post.step)
    )


def _retractions(event: ObligationRetracted, *, prior: Sequence[Delivery], now: datetime) -> tuple[Delivery, ...]:
    standing = _standing(prior)
    told = [post for post in standing if post.event_id == event.retracts]
    changed_by_it = {each.thread for each in prior if each.event_id == event.retracts}
    changed = [post for post in standing if post.thread in changed_by_it and post.event_id != event.retracts]
    return (
        *_changes(event, Step.RETRACTED, posts=told, now=now),
        *_changes(event, Step.RESTORED, posts=changed, now=now),
    )


def _delivery(
    event: AnySlaEvent,
    step: Step,
    *,
    channel: ChannelKind,
    destination: str,
    operation: Operation,
    thread: str | None,
    now: datetime,
) -> Delivery:
    # Two messages of one obligation in one channel (a warning without a known owner, then the breach) are each edited:
    # so the destination of an edit, as far as its key goes, is the message.
    where = destination if thread is None else thread
    key = delivery_key(obligation=event.obligation, event_id=event.id, step=step, channel=channel, destination=where)
    return Delivery(
        id=key,
        obligation=event.obligation,
        lead=event.lead,
        event_id=event.id,
        channel=channel,
        destination=destination,
        step=step,
        operation=operation,
        thread=thread or key,
        announced_at=event.announced_at,
        due_at=now,
    )


def _standing(prior: Sequence[Delivery]) -> list[Delivery]:
    """The messages about the obligation that were not taken back. A post that was rolled up stands in another's."""
    taken_back = {delivery.thread for delivery in prior if delivery.step is Step.RETRACTED}
    return [post for post in prior if post.operation is Operation.POST and post.thread not in taken_back]


def _owner_destination(event: ObligationAtRisk, routing: Routing) -> str:
    holder = event.holder
    if routing.send_all_to:
        return routing.send_all_to
    if holder.kind is OwnerKind.USER and holder.slack:
        return holder.slack
    return _team_channel(event, routing)


def _team_channel(event: AnySlaEvent, routing: Routing) -> str:
    if routing.send_all_to:
        return routing.send_all_to
    if event.escalation is not None and event.escalation.channel:
        return event.escalation.channel
    return routing.default_channel

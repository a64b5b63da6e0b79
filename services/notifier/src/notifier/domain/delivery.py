"""A delivery: one message, or one edit of a message, to one destination; and every state it can be in.

    pending ──claim──> leased ──> sent
       ^                 ├──────> retry ──claim──> leased …
       │                 ├──────> dead            (redrive ──> pending)
       │                 ├──────> superseded      (overtaken before it was sent; nothing was said)
       │                 └──────> ambiguous ──look up──> sent (found) | retry (proven absent) | ambiguous (for good)
       └── an expired lease whose request was never begun
    pending ──gathered──> rolled up (said in the message of another delivery) ──left out──> superseded

Every function here is pure: it gives the delivery as it is after something happened. Who writes it back does so
fenced on (`id`, `lease`), so that only the holder of the newest lease has a say.
"""

import enum
from datetime import datetime, timedelta
from typing import assert_never

import msgspec

from notifier.domain.channels import ChannelKind, CrashPolicy, Operation, Step, crash_policy
from notifier.domain.outcomes import (
    Absent,
    Ambiguous,
    Found,
    Held,
    LookupResult,
    Permanent,
    RateLimited,
    SendResult,
    Sent,
    Temporary,
    Unknown,
)
from notifier.domain.retries import MAX_ATTEMPTS, retry_delay

LOOK_AFTER = (timedelta(seconds=1), timedelta(seconds=10))
"""When a message of which nobody knows whether it was posted is looked for, counted from its request; the last look is
at the settle time."""


class State(enum.StrEnum):
    """Where a delivery stands. See the drawing above."""

    PENDING = "pending"
    LEASED = "leased"
    RETRY = "retry"
    SENT = "sent"
    DEAD = "dead"
    AMBIGUOUS = "ambiguous"
    SUPERSEDED = "superseded"
    ROLLED_UP = "rolled_up"
    """Said in the message of another delivery, the one that `thread` names: what becomes of that one counts."""


WAITING = frozenset({State.PENDING, State.RETRY})
"""States from which a delivery is claimed once `due_at` has come."""
FINAL = frozenset({State.SENT, State.DEAD, State.SUPERSEDED, State.ROLLED_UP})
"""States that only a redrive leaves."""


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """One delivery.

    `event_id` is the SLA event it tells of. `thread` is the id of the post that an update edits or a follow-up
    answers, or in which a post was rolled up; a post's own id otherwise: deliveries of a thread go out in the order of
    `sequence`.
    `lease` counts claims and fences results; `attempts` counts tries that failed on their own account.
    `sending_since` is set just before a request leaves, so that a crash before it is told from one after it.
    `due_at` of None: nothing more happens by itself.
    """

    id: str
    obligation: str
    lead: str
    event_id: str
    channel: ChannelKind
    destination: str
    step: Step
    operation: Operation
    thread: str
    announced_at: datetime
    state: State = State.PENDING
    due_at: datetime | None
    sequence: int = 0
    lease: int = 0
    attempts: int = 0
    leased_until: datetime | None = None
    sending_since: datetime | None = None
    provider_channel: str | None = None
    provider_id: str | None = None
    sent_at: datetime | None = None
    reason: str | None = None
    response: str | None = None


class TransitionError(Exception):
    """A transition was asked for from a state that does not allow it: a bug in the caller."""


def claimed(delivery: Delivery, *, now: datetime, lease_seconds: float) -> Delivery:
    """Leased to one worker from now on."""
    if delivery.state not in WAITING or delivery.due_at is None or delivery.due_at > now:
        raise TransitionError(f"delivery {delivery.id} is {delivery.state}, due {delivery.due_at}: not to be claimed")
    return msgspec.structs.replace(
        delivery,
        state=State.LEASED,
        lease=delivery.lease + 1,
        leased_until=now + timedelta(seconds=lease_seconds),
        sending_since=None,
    )


def sending(delivery: Delivery, *, now: datetime) -> Delivery:
    """The request is about to leave: from here on a crash leaves the outcome unknown."""
    _require(delivery, State.LEASED)
    return msgspec.structs.replace(delivery, sending_since=now)


def superseded(delivery: Delivery, *, reason: str) -> Delivery:
    """Overtaken by what happened meanwhile: it is never sent."""
    _require(delivery, State.LEASED)
    return _at_rest(delivery, state=State.SUPERSEDED, reason=reason)


def postponed(delivery: Delivery, *, until: datetime) -> Delivery:
    """Given back unsent, to be claimed again later; no attempt is spent."""
    _require(delivery, State.LEASED)
    return _waiting(delivery, due_at=until, spent=0, reason=delivery.reason, response=delivery.response)


def as_follow_up(delivery: Delivery) -> Delivery:
    """The message can't be edited (any more): what the edit would have said is posted as a message of its own."""
    _require(delivery, State.LEASED)
    return msgspec.structs.replace(delivery, operation=Operation.FOLLOW_UP)


def concluded(delivery: Delivery, result: SendResult, *, now: datetime) -> Delivery:
    """After the request: what its result makes of the delivery."""
    _require(delivery, State.LEASED)
    match result:
        case Sent():
            return _sent(delivery, channel=result.channel, provider_id=result.provider_id, now=now)
        case Permanent():
            return _at_rest(delivery, state=State.DEAD, reason=result.reason, response=result.response)
        case RateLimited() | Held():
            # Somebody else's limit, or a key that is refused: not this message's fault, so no attempt is spent.
            due = now + timedelta(seconds=result.retry_after_seconds)
            return _waiting(delivery, due_at=due, spent=0, reason=result.reason, response=result.response)
        case Temporary():
            return _failed(delivery, result, now=now)
        case Ambiguous():
            return _unknown_outcome(delivery, reason=result.reason, response=result.response, now=now)
        case _:
            assert_never(result)


def expired(delivery: Delivery, *, now: datetime) -> Delivery:
    """After its lease ran out: whoever held it died, or is too slow to be trusted."""
    _require(delivery, State.LEASED)
    if delivery.leased_until is None or delivery.leased_until > now:
        raise TransitionError(f"the lease of delivery {delivery.id} runs until {delivery.leased_until}")
    if delivery.sending_since is None:
        return _waiting(delivery, due_at=now, spent=0, reason="lease_expired", response=None)
    return _unknown_outcome(delivery, reason="process_died_while_sending", response=None, now=now)


def looked_up(delivery: Delivery, result: LookupResult, *, now: datetime, settle_seconds: float) -> Delivery:
    """After the channel was searched for the message.

    That it is absent counts as proof only `settle_seconds` after the request left: until then it may be on its way.
    """
    _require(delivery, State.AMBIGUOUS)
    match result:
        case Found():
            return _sent(delivery, channel=result.channel, provider_id=result.provider_id, now=now)
        case Unknown():
            return msgspec.structs.replace(delivery, due_at=None, reason=f"{delivery.reason}; {result.reason}"[:500])
        case Absent():
            next_look = _next_look(delivery, now=now, settle_seconds=settle_seconds)
            if next_look is not None:
                return msgspec.structs.replace(delivery, due_at=next_look)
            absent = Temporary(reason="proven_absent")
            return _failed(delivery, absent, now=now)
        case _:
            assert_never(result)


def lookup_postponed(delivery: Delivery, *, until: datetime, reason: str) -> Delivery:
    """The channel could not be searched just now."""
    _require(delivery, State.AMBIGUOUS)
    return msgspec.structs.replace(delivery, due_at=until, response=reason)


def redriven(delivery: Delivery, *, now: datetime) -> Delivery:
    """An operator wants it tried again from the start. Of an ambiguous one: may be said twice, and was asked for."""
    if delivery.state is not State.DEAD and not is_ambiguous_for_good(delivery):
        raise TransitionError(f"delivery {delivery.id} is {delivery.state}: only dead and ambiguous ones are redriven")
    return msgspec.structs.replace(
        delivery, state=State.PENDING, due_at=now, attempts=0, sending_since=None, leased_until=None, reason="redriven"
    )


def may_have_been_posted(delivery: Delivery) -> bool:
    """Whether a message of its own stands somewhere, or may, or is just leaving."""
    posted = delivery.state in {State.SENT, State.LEASED, State.AMBIGUOUS, State.ROLLED_UP}
    return posted and delivery.operation is not Operation.UPDATE


def is_ambiguous_for_good(delivery: Delivery) -> bool:
    """Whether nobody will find out any more by itself."""
    return delivery.state is State.AMBIGUOUS and delivery.due_at is None


def _failed(delivery: Delivery, result: Temporary, *, now: datetime) -> Delivery:
    spent = delivery.attempts + 1
    if spent >= MAX_ATTEMPTS:
        return _at_rest(
            delivery,
            state=State.DEAD,
            reason=f"gave up after {spent} attempts: {result.reason}",
            response=result.response,
        )
    delay = max(retry_delay(delivery.id, attempt=spent), timedelta(seconds=result.retry_after_seconds))
    return _waiting(delivery, due_at=now + delay, spent=1, reason=result.reason, response=result.response)


def _unknown_outcome(delivery: Delivery, *, reason: str, response: str | None, now: datetime) -> Delivery:
    policy = crash_policy(delivery.channel, delivery.operation)
    match policy:
        case CrashPolicy.REPEAT:
            return _failed(delivery, Temporary(reason=reason, response=response), now=now)
        case CrashPolicy.LOOK_UP | CrashPolicy.LEAVE:
            since = delivery.sending_since or now
            due = max(now, since + LOOK_AFTER[0]) if policy is CrashPolicy.LOOK_UP else None
            return msgspec.structs.replace(
                delivery,
                state=State.AMBIGUOUS,
                due_at=due,
                leased_until=None,
                sending_since=since,
                reason=reason,
                response=response,
            )
        case _:
            assert_never(policy)


def _next_look(delivery: Delivery, *, now: datetime, settle_seconds: float) -> datetime | None:
    since = delivery.sending_since or now
    looks = [since + after for after in (*LOOK_AFTER, timedelta(seconds=settle_seconds))]
    settled = looks[-1]
    return next((look for look in looks if now < look <= settled), None) if now < settled else None


def _sent(delivery: Delivery, *, channel: str | None, provider_id: str | None, now: datetime) -> Delivery:
    return msgspec.structs.replace(
        delivery,
        state=State.SENT,
        due_at=None,
        leased_until=None,
        provider_channel=channel,
        provider_id=provider_id,
        sent_at=now,
        reason=None,
        response=None,
    )


def _at_rest(delivery: Delivery, *, state: State, reason: str, response: str | None = None) -> Delivery:
    return msgspec.structs.replace(
        delivery, state=state, due_at=None, leased_until=None, sending_since=None, reason=reason, response=response
    )


def _waiting(delivery: Delivery, *, due_at: datetime, spent: int, reason: str | None, response: str | None) -> Delivery:
    return msgspec.structs.replace(
        delivery,
        state=State.RETRY if delivery.attempts + spent else State.PENDING,
        due_at=due_at,
        attempts=delivery.attempts + spent,
        leased_until=None,
        sending_since=None,
        reason=reason,
        response=response,
    )


def _require(delivery: Delivery, state: State) -> None:
    if delivery.state is not state:
        raise TransitionError(f"delivery {delivery.id} is {delivery.state}, not {state}")

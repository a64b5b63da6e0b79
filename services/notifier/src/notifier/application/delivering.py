"""Deliver: claim one delivery that is due, look once more whether it is still true, send it, store what came of it.

Three transactions a message: the claim; the mark that the request is about to leave; the result. The request itself
runs outside of any. A process that dies before the mark has sent nothing, one that dies after it may have.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

import msgspec

from notifier.application.ports import Channel, Deliveries, Obligations, Outgoing
from notifier.domain.channels import ChannelKind, Operation, Step, needs_settling
from notifier.domain.delivery import (
    Delivery,
    State,
    as_follow_up,
    concluded,
    postponed,
    sending,
    superseded,
)
from notifier.domain.outcomes import OUTCOMES, Ambiguous, Held, Outcome, Permanent, RateLimited, SendResult, Sent
from notifier.domain.planning import follow_up_wanted, is_announcement
from notifier.domain.rendering import names_of, render
from notifier.domain.review import Drop, Work, review, sift
from notifier.domain.roll_up import render_roll_up
from shared.events.sla import AnySlaEvent
from shared.logs import get_logger

logger = get_logger(__name__)

SEND_MARGIN_SECONDS = 2.0
"""A request is begun only while its lease runs at least this much longer than the request may take."""


class Told(Protocol):
    """Told of every attempt, for metrics."""

    def attempted(self, delivery: Delivery, outcome: Outcome, *, now: datetime) -> None:
        """One attempt, or one decision not to make it, came to `outcome`."""
        ...


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds of delivering. `paces`: seconds between two messages to one destination, per channel. `roll_up_over`: so
    many broken promises may wait for one destination, each for a message of its own.
    """

    paces: Mapping[ChannelKind, float]
    lease_seconds: float
    request_seconds: float
    settle_seconds: float
    console_url: str
    roll_up_over: int


class Delivering:
    """The use case of the workers; any number of them, in any number of processes, may run it at once."""

    def __init__(
        self,
        *,
        deliveries: Deliveries,
        channels: Mapping[ChannelKind, Channel],
        policy: Policy,
        told: Told,
        now: Callable[[], datetime],
        obligations: Obligations | None = None,
    ) -> None:
        self._deliveries = deliveries
        self._channels = channels
        self._policy = policy
        self._told = told
        self._now = now
        self._obligations = obligations

    async def run_once(self) -> bool:
        """Deliver one message if one is due; whether one was."""
        work = await self._deliveries.claim(
            now=self._now(),
            lease_seconds=self._policy.lease_seconds,
            paces=self._paces(),
            roll_up_over=self._policy.roll_up_over,
        )
        if work is None:
            return False
        work = await self._sift(work)
        verdict = await self._review(work)
        if isinstance(verdict, Drop):
            await self._drop(work.delivery, verdict.reason)
        else:
            await self._send(work, verdict)
        return True

    def _paces(self) -> Mapping[ChannelKind, float]:
        """Only channels that are set up: what was planned for another one waits until it is set up again."""
        return {kind: self._policy.paces.get(kind, 0.0) for kind in self._channels}

    async def _sift(self, work: Work) -> Work:
        sifted = sift(work)
        if sifted.left_out or sifted.set_free:
            await self._deliveries.part(left_out=sifted.left_out, set_free=sifted.set_free, now=self._now())
        for each in sifted.left_out:
            self._told.attempted(each.entry.delivery, Outcome.SUPERSEDED, now=self._now())
        return sifted.work

    async def _review(self, work: Work) -> Delivery | Drop:
        verdict = review(work)
        asks = self._obligations is not None and is_announcement(work.delivery.step) and not work.entries
        if isinstance(verdict, Drop) or self._obligations is None or not asks:
            return verdict
        settled = await self._obligations.is_settled(work.delivery.obligation)
        return verdict if settled is None else Drop(settled)

    async def _drop(self, delivery: Delivery, reason: str) -> None:
        now = self._now()
        await self._deliveries.save(superseded(delivery, reason=reason), was=State.LEASED)
        await self._deliveries.free_at(delivery, now)
        self._told.attempted(delivery, Outcome.SUPERSEDED, now=now)
        logger.info("delivery_superseded", delivery=delivery.id, lead=delivery.lead, reason=reason)

    async def _send(self, work: Work, delivery: Delivery) -> None:
        now = self._now()
        if not self._enough_lease(delivery, now):
            await self._deliveries.save(postponed(delivery, until=now), was=State.LEASED)
            return
        delivery = sending(delivery, now=now)
        if not await self._deliveries.save(delivery, was=State.LEASED):
            logger.warning("lease_lost_before_sending", delivery=delivery.id)
            return
        result = await self._bounded(self._outgoing(work, delivery))
        await self._store(work, delivery, result)

    async def _bounded(self, outgoing: Outgoing) -> SendResult:
        """Send within the time that the lease allows for: a channel may need more than one request."""
        kind = outgoing.delivery.channel
        try:
            # A write to a file can't be called back, so giving up on it would prove nothing.
            async with asyncio.timeout(self._policy.request_seconds if needs_settling(kind) else None):
                return await self._channels[kind].send(outgoing)
        except TimeoutError:
            return Ambiguous(reason="no_answer", response=f"none within {self._policy.request_seconds:g} s")

    def _enough_lease(self, delivery: Delivery, now: datetime) -> bool:
        needed = timedelta(seconds=self._policy.request_seconds + SEND_MARGIN_SECONDS)
        return delivery.leased_until is not None and delivery.leased_until - now >= needed

    def _outgoing(self, work: Work, delivery: Delivery) -> Outgoing:
        url, now = self._policy.console_url, self._now()
        if msgspec.structs.replace(work, delivery=delivery).lists:
            message = render_roll_up(work.entries, console_url=url, now=now)
        else:
            message = render(delivery.step, work.event, about=work.about, console_url=url, now=now)
        replaces = None
        if delivery.operation is Operation.UPDATE and work.post is not None:
            replaces = (work.post.provider_channel or "", work.post.provider_id or "")
        names = {slack: name for event in _events(work) for slack, name in names_of(event).items()}
        return Outgoing(delivery=delivery, message=message, names=names, replaces=replaces)

    async def _store(self, work: Work, delivery: Delivery, result: SendResult) -> None:
        now = self._now()
        after = self._after(work, delivery, result, now)
        stored = await self._save_result(after, result)
        await self._slow_down(delivery, result, now)
        self._told.attempted(after, OUTCOMES[type(result)], now=now)
        log = logger.info if isinstance(result, Sent) else logger.warning
        log(
            "delivery_attempted",
            delivery=delivery.id,
            lead=delivery.lead,
            channel=delivery.channel,
            step=delivery.step,
            operation=delivery.operation,
            state=after.state,
            reason=after.reason,
            stored=stored,
        )

    async def _save_result(self, after: Delivery, result: SendResult) -> bool:
        if await self._deliveries.save(after, was=State.LEASED):
            return True
        # The answer came after the lease had run out: that it was sent is still worth knowing, nothing else is.
        return isinstance(result, Sent) and await self._deliveries.save(after, was=State.AMBIGUOUS)

    def _after(self, work: Work, delivery: Delivery, result: SendResult, now: datetime) -> Delivery:
        refused = isinstance(result, Permanent) and result.uneditable and delivery.operation is Operation.UPDATE
        said_apart = work.post is not None and delivery.step is not Step.FORGOTTEN and follow_up_wanted(work.post.step)
        if refused and said_apart:
            return postponed(as_follow_up(delivery), until=now)
        return concluded(delivery, result, now=now)

    async def _slow_down(self, delivery: Delivery, result: SendResult, now: datetime) -> None:
        """The pace counts from the answer, so that the provider sees the messages at least that far apart."""
        pace = timedelta(seconds=self._policy.paces.get(delivery.channel, 0.0))
        if isinstance(result, RateLimited | Held):
            # Slack limits a method for the whole workspace and does not say which limit was hit: all of that wait.
            until = now + timedelta(seconds=result.retry_after_seconds)
            await self._deliveries.hold(delivery.channel, delivery.operation, until=until)
        await self._deliveries.free_at(delivery, now + pace)


def _events(work: Work) -> Sequence[AnySlaEvent]:
    return [work.event, *(entry.event for entry in work.entries)]

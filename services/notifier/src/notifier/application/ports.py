"""What the use cases need of the outside: channels, stored deliveries, the inbox, the engine's present verdict."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Protocol

import msgspec

from notifier.domain.channels import ChannelKind, Operation
from notifier.domain.delivery import Delivery, State
from notifier.domain.outcomes import LookupResult, SendResult
from notifier.domain.rendering import Message
from notifier.domain.review import Entry, LeftOut, Work
from shared.events.sla import AnySlaEvent


class OwnershipLostError(Exception):
    """Another process owns the partition now: what was about to be stored here must not be."""


class Outgoing(msgspec.Struct, frozen=True, kw_only=True):
    """A message ready to leave. `replaces` names the message to edit: (provider channel, provider id)."""

    delivery: Delivery
    message: Message
    names: Mapping[str, str]
    replaces: tuple[str, str] | None = None


class Channel(Protocol):
    """A way by which messages leave. Failures are results, not exceptions."""

    async def send(self, outgoing: Outgoing) -> SendResult:
        """Post or edit, once: no retries inside."""
        ...

    async def look_up(self, delivery: Delivery) -> LookupResult:
        """Search for the delivery's message, sent at `sending_since` or later. Raises `LookupPostponedError`."""
        ...


class LookupPostponedError(Exception):
    """The channel could not be searched for now."""

    def __init__(self, reason: str, *, retry_after_seconds: float) -> None:
        super().__init__(reason)
        self.retry_after_seconds = retry_after_seconds


class Obligations(Protocol):
    """The engine's verdict as of now, asked just before sending. Optional: the inbox has it up to the stream."""

    async def is_settled(self, obligation: str) -> str | None:
        """Why nothing needs to be announced about the obligation any more; None: unsettled, or not to be had."""
        ...


class Deliveries(Protocol):
    """Stored deliveries. All instants come from the caller."""

    async def claim(
        self, *, now: datetime, lease_seconds: float, paces: Mapping[ChannelKind, float], roll_up_over: int
    ) -> Work | None:
        """Lease the oldest delivery that is due, in its thread's order, and whose destination is free at `now`.

        The destination counts as taken for its pace (seconds between messages) from now on. Where more than
        `roll_up_over` broken promises wait for it, they are rolled up in this one.
        """
        ...

    async def part(self, *, left_out: Sequence[LeftOut], set_free: Sequence[Entry], now: datetime) -> None:
        """Take these out of the message in which they were rolled up: superseded, or waiting on their own again."""
        ...

    async def save(self, delivery: Delivery, *, was: State) -> bool:
        """Write a delivery back if it still is in state `was` under the same lease; whether it was."""
        ...

    async def free_at(self, delivery: Delivery, at: datetime) -> None:
        """The delivery's destination may be used again from `at` on."""
        ...

    async def hold(self, channel: ChannelKind, operation: Operation, *, until: datetime) -> None:
        """No request of this kind leaves before `until`, from any replica."""
        ...

    async def expired(self, *, now: datetime, limit: int) -> Sequence[Delivery]:
        """Leased deliveries whose lease ran out."""
        ...

    async def to_look_up(self, *, now: datetime, limit: int) -> Sequence[Delivery]:
        """Ambiguous deliveries whose next look is due."""
        ...


class IntakeTransaction(Protocol):
    """One transaction of the inbox: all of it or nothing."""

    async def accept(self, events: Sequence[AnySlaEvent], *, now: datetime) -> Sequence[AnySlaEvent]:
        """Store the events; those not seen before, in order."""
        ...

    async def deliveries_of(self, obligations: Sequence[str]) -> Mapping[str, Sequence[Delivery]]:
        """All deliveries of these obligations, in order."""
        ...

    async def add(self, deliveries: Sequence[Delivery]) -> None:
        """Store new deliveries in this order; one that exists stays as it is."""
        ...

    async def put_aside(self, letters: Sequence["UndecodableRecord"], *, now: datetime) -> None:
        """Store records that nobody can read."""
        ...

    async def forgotten(self, leads: Sequence[str]) -> frozenset[str]:
        """Which of these leads are forgotten."""
        ...

    async def forget(self, lead: str, *, before: int | None, now: datetime) -> Sequence[Delivery]:
        """Remove what is personal from all that is stored about the lead, and say nothing more of it.

        What stands on the stream before the offset `before` is noted as still to be erased. Returns the messages that
        were posted about the lead, or may have been.
        """
        ...


class UndecodableRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A record of the stream that is no SLA event, where it stood, and why it is none."""

    topic: str
    partition: int
    offset: int
    key: bytes
    value: bytes
    reason: str


class Erasures(Protocol):
    """Forgotten leads of which the stream still holds something."""

    async def to_erase(self, *, limit: int) -> Sequence[tuple[str, int]]:
        """Leads, and the offset before which everything of them was taken in."""
        ...

    async def erased(self, lead: str, *, now: datetime) -> None:
        """The stream holds nothing of it any more, or can't give anything back."""
        ...


class Inbox(Protocol):
    """Where consumed events and the progress in the stream are kept."""

    async def own(self, topic: str, partitions: Sequence[int]) -> Mapping[int, int]:
        """Take over the partitions, fencing their former owner; the offset to read each from, where one is known."""
        ...

    def taking(self, topic: str, *, partition: int, position: int) -> AbstractAsyncContextManager[IntakeTransaction]:
        """A transaction that also moves the partition's position.

        Raises `OwnershipLostError` when another process has taken the partition over.
        """
        ...

    def aside(self) -> AbstractAsyncContextManager[IntakeTransaction]:
        """A transaction that has nothing to do with a position: for events redriven by hand."""
        ...

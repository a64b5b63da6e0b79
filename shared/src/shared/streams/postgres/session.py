"""A member's session: one connection whose advisory lock shows that the member lives, and which hears notifications."""

import asyncio
import contextlib
import secrets
from collections.abc import Sequence
from typing import Any, Self

import asyncpg

from shared.streams.postgres import statements
from shared.streams.postgres.database import Topic, dsn
from shared.streams.postgres.errors import FAILURES, translated
from shared.streams.postgres.options import PostgresOptions
from shared.streams.postgres.sharing import Share, share

CLOSE_TIMEOUT_SECONDS = 2.0


class Session:
    """Lives until it is closed or lost; a lost session's partitions are no longer owned.

    `wake` is set by notifications and by the loss; `regroup` when the group's members changed.
    """

    def __init__(
        self, connection: "asyncpg.Connection[asyncpg.Record]", options: PostgresOptions, topic: Topic, group: str
    ) -> None:
        self._connection = connection
        self._options = options
        self._topic = topic
        self._group = group
        self._busy = asyncio.Lock()  # a connection answers one statement at a time; the heartbeat shares it
        self._heart: asyncio.Task[None] | None = None
        self.member_id = secrets.randbits(62)
        self.claimed: set[int] = set()
        self.lost = False
        self.regroup = True
        self.wake = asyncio.Event()

    @classmethod
    async def join(cls, options: PostgresOptions, topic: Topic, group: str) -> Self:
        """Connect and become a member that owns nothing yet. Raises `StreamUnavailable`."""
        with translated(f"joining group {group!r}", address=options.address):
            connection = await asyncpg.connect(
                dsn(options),
                timeout=options.connect_timeout_seconds,
                command_timeout=options.command_timeout_seconds,
                server_settings={
                    "application_name": f"{options.client_id} member of {group}"[:63],
                    # A member that is frozen while it holds the group's lock must not hold the others up for long.
                    "idle_in_transaction_session_timeout": str(int(options.idle_transaction_seconds * 1000)),
                },
            )
            session = cls(connection, options, topic, group)
            try:
                await session._begin()
            except BaseException:
                connection.terminate()
                raise
        return session

    async def fetch(self, statement: str, *arguments: Any) -> Sequence[asyncpg.Record]:  # noqa: ANN401 - as asyncpg's
        """Run a statement on the session. Raises `StreamUnavailable`, and then the session is lost."""
        with translated("reading", address=self._options.address):
            try:
                async with self._busy:
                    rows: Sequence[asyncpg.Record] = await self._connection.fetch(statement, *arguments)
            except Exception:
                self._lose()
                raise
        return rows

    async def regroup_now(self) -> Sequence[int]:
        """Look at the group: expel its dead, claim what is free and due to us; returns what we should give back."""
        with translated(f"sharing the partitions of group {self._group!r}", address=self._options.address):
            try:
                async with self._busy, self._connection.transaction():
                    part = await self._claim_part()
            except Exception:
                self._lose()
                raise
        self.regroup = False
        if part is None:
            self._lose()  # we were silent for too long and the others have gone on without us
            return ()
        self.claimed.update(part.claim)
        return part.give_back

    async def give_back(self, partitions: Sequence[int]) -> None:
        """Let others claim these."""
        self.claimed.difference_update(partitions)
        await self.fetch(statements.GIVE_BACK, *self._group_key(), list(partitions), self.member_id)
        await self.fetch(statements.TELL_MEMBERS, *self._group_key())

    def expelled(self) -> None:
        """The others have gone on without us."""
        self._lose()

    async def close(self) -> None:
        """Leave the group, so that the partitions move at once; bounded, for the database may be gone."""
        if self._heart is not None:
            self._heart.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._heart
        with contextlib.suppress(*FAILURES):
            async with asyncio.timeout(CLOSE_TIMEOUT_SECONDS):
                if not self.lost:
                    await self._connection.execute(statements.LEAVE, self.member_id)
                    await self._connection.execute(statements.TELL_MEMBERS, *self._group_key())
                await self._connection.close()
        self._connection.terminate()

    async def _begin(self) -> None:
        self._connection.add_termination_listener(lambda _: self._lose())
        await self._connection.add_listener("stream_records", self._heard_records)
        await self._connection.add_listener("stream_members", self._heard_members)
        await self._connection.execute(statements.HOLD_MEMBER, self.member_id)
        await self._connection.execute(statements.JOIN, self.member_id, *self._group_key(), self._options.client_id)
        await self._connection.execute(statements.TELL_MEMBERS, *self._group_key())
        self._heart = asyncio.create_task(self._beat(), name="postgres-stream-heartbeat")

    async def _claim_part(self) -> Share | None:
        await self._connection.execute(statements.LOCK_GROUP, *self._group_key())
        if await self._connection.execute(statements.HEARTBEAT, self.member_id) == "UPDATE 0":
            return None
        await self._connection.execute(
            statements.EXPEL_DEAD, *self._group_key(), self.member_id, self._options.lease_seconds
        )
        rows = await self._connection.fetch(statements.HOLDINGS, *self._group_key())
        holdings = {row["member_id"]: row["partitions"] for row in rows}
        part = share(self.member_id, holdings, partitions=self._topic.partitions)
        if part.claim:
            await self._connection.execute(statements.CLAIM, *self._group_key(), part.claim, self.member_id)
        return part

    async def _beat(self) -> None:
        """Say that we live while our caller is busy, and look at the group again after each beat."""
        while not self.lost:
            await asyncio.sleep(self._options.heartbeat_seconds)
            try:
                async with self._busy:
                    status = await self._connection.execute(statements.HEARTBEAT, self.member_id)
            except FAILURES:
                self._lose()
                return
            if status == "UPDATE 0":
                self._lose()
            self.regroup = True
            self.wake.set()

    def _heard_records(self, _connection: object, _pid: int, _channel: str, payload: object) -> None:
        if payload == str(self._topic.topic_id):
            self.wake.set()

    def _heard_members(self, _connection: object, _pid: int, _channel: str, payload: object) -> None:
        if payload == f"{self._topic.topic_id} {self._group}":
            self.regroup = True
            self.wake.set()

    def _lose(self) -> None:
        self.lost = True
        self.wake.set()

    def _group_key(self) -> tuple[int, str]:
        return (self._topic.topic_id, self._group)

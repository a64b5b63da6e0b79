"""The three CRMs at work: posts the stories' webhooks over real HTTP, again and again until ingest takes them."""

import asyncio
import heapq
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import httpx

from deploy.demo.cast import Crm
from deploy.demo.dialect import Dialect
from deploy.demo.journal import Journal, Told
from deploy.demo.stories import Redelivered, Step, Story, gap_seconds, story
from deploy.demo.waiting import sleep

ANSWER_SECONDS = 5.0
"""HubSpot's patience; the others wait longer."""
TRY_AGAIN_SECONDS = 1.0
RESUME_SECONDS = 1.5
"""After a start the stories under way go on one after the other, this far apart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """One CRM: how it speaks, and the address that it posts to."""

    dialect: Dialect
    url: str


@dataclass(slots=True, kw_only=True)
class Tally:
    """What the status line tells of the simulator. `trouble` is the last answer that was no success."""

    posted: int = 0
    leads: int = 0
    waiting: int = 0
    trouble: str | None = None


@dataclass(slots=True, kw_only=True, order=True)
class _Due:
    at: datetime
    number: int
    told: Told = field(compare=False)
    story: Story = field(compare=False)
    last_body: bytes | None = field(default=None, compare=False)
    refused_body: bytes | None = field(default=None, compare=False)


class Simulator:
    """Tells stories until stopped. One webhook at a time: what a CRM sends about a lead comes in the story's order."""

    def __init__(
        self,
        *,
        client: httpx.AsyncClient,
        senders: Mapping[Crm, Sender],
        journal: Journal,
        say: Callable[[str], None],
    ) -> None:
        self._client = client
        self._senders = senders
        self._journal = journal
        self._say = say
        self._due: list[_Due] = []
        self._next_story_at: datetime | None = None
        self.tally = Tally(posted=journal.posted, leads=journal.next_number)

    async def run(self, stop: asyncio.Event) -> None:
        """Tell stories until `stop` is set."""
        while not stop.is_set():
            wake_at = await self.run_once(datetime.now(UTC))
            await sleep(stop, (wake_at - datetime.now(UTC)).total_seconds())

    async def run_once(self, now: datetime) -> datetime:
        """Begin the next story and post one webhook, each if its time has come; when to look again."""
        if self._next_story_at is None:
            self._resume(now)
            self._next_story_at = now
        if now >= self._next_story_at:
            self._next_story_at = now + timedelta(seconds=self._begin(now))
        if self._due and self._due[0].at <= now:
            await self._post(self._due[0], now)
        return min([self._next_story_at, *(due.at for due in self._due[:1])])

    def _resume(self, now: datetime) -> None:
        """Put back the stories that an earlier run left open."""
        for place, told in enumerate(self._journal.under_way):
            known = story(told.number, seed=self._journal.seed)
            at = now + timedelta(seconds=RESUME_SECONDS * (place + 1))
            heapq.heappush(self._due, _Due(at=at, number=told.number, told=told, story=known))

    def _begin(self, now: datetime) -> float:
        number = self._journal.next_number
        begun = story(number, seed=self._journal.seed)
        told = Told(number=number, started_at=now)
        self._journal.next_number += 1
        self._journal.under_way.append(told)
        self._journal.save()
        self.tally.leads = self._journal.next_number
        at = now + timedelta(seconds=begun.steps[0].posted_at_seconds)
        heapq.heappush(self._due, _Due(at=at, number=number, told=told, story=begun))
        return gap_seconds(number, seed=self._journal.seed)

    async def _post(self, due: _Due, now: datetime) -> None:
        """Post the story's next step, and plan the one after it; what was not taken is posted again soon."""
        step = due.story.steps[due.told.posted]
        body = self._body(due, step)
        if body is not None and not await self._taken(due.story.lead.crm, body, now):
            due.refused_body = body
            due.at = now + timedelta(seconds=TRY_AGAIN_SECONDS)
            heapq.heapreplace(self._due, due)
            return
        due.last_body, due.refused_body = body, None
        due.told.posted += 1
        heapq.heappop(self._due)
        if due.told.posted < len(due.story.steps):
            following = due.story.steps[due.told.posted]
            due.at += timedelta(seconds=following.posted_at_seconds - step.posted_at_seconds)
            heapq.heappush(self._due, due)
        else:
            self._journal.under_way.remove(due.told)
        self._journal.posted = self.tally.posted
        self._journal.save()

    def _body(self, due: _Due, step: Step) -> bytes | None:
        dialect = self._senders[due.story.lead.crm].dialect
        if due.refused_body is not None:
            return dialect.again(due.refused_body)
        if isinstance(step.action, Redelivered):
            return None if due.last_body is None else dialect.again(due.last_body)
        happened_at = due.at - timedelta(seconds=step.lag_seconds)
        created_at = min(due.told.started_at, happened_at)
        return dialect.body(due.story.lead, step.action, at=happened_at, created_at=created_at)

    async def _taken(self, crm: Crm, body: bytes, now: datetime) -> bool:
        sender = self._senders[crm]
        headers = sender.dialect.headers(body, now=now)
        try:
            answer = await self._client.post(sender.url, content=body, headers=headers, timeout=ANSWER_SECONDS)
        except httpx.TransportError as error:
            self._trouble(f"{crm}: ingest did not answer ({type(error).__name__}); the CRM will send it again")
            return False
        if answer.is_success:
            self.tally.posted += 1
            self.tally.trouble = None
            return True
        self._trouble(f"{crm}: ingest answered {answer.status_code} {answer.text.strip()[:200]}")
        return False

    def _trouble(self, text: str) -> None:
        if text != self.tally.trouble:
            self._say(text)
        self.tally.trouble = text

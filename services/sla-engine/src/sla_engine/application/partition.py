"""One owned partition: takes batches, fires what is due, judges again under a new edition of the agreement.

Each of the three ends in one transaction, fenced by the epoch. In memory are the agenda's near horizon and a bounded
cache of dossiers; both are only ever as new as the last commit, and are thrown away with the ownership.
"""

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial

import msgspec

from shared.events import lead as lead_events
from shared.events.lead import LeadEvent
from shared.logs import get_logger
from shared.streams.port import Fetch, StoredRecord
from sla_engine.application.advance import Step, advance
from sla_engine.application.agenda import MOST_LOADED, Agenda
from sla_engine.application.cache import DossierCache
from sla_engine.application.dossier import Dossier
from sla_engine.application.in_force import InForce
from sla_engine.application.ports import Claim, Commit, DeadLetter, Store, Unstorable, Watcher
from sla_engine.application.sifting import Arrival, check_storable, sift
from sla_engine.domain.instants import SECOND, to_us

logger = get_logger(__name__)

NO_LIMIT = 2**31 - 1
AT_HAND_US = 10 * SECOND
"""So far ahead at least deadlines are in memory; a round of the engine takes less."""
UNREADABLE = "unreadable"
UNJUDGEABLE = "unjudgeable"
UNSTORABLE = "unstorable"
REASONS = (UNREADABLE, UNJUDGEABLE, UNSTORABLE)
"""Why records are put aside."""
DETAIL_CHARACTERS = 500
LEADS_A_SLICE = 100

MOST_FAILURES = 100
"""So many failures in one batch, and more than half of it, are no matter of single records."""

Clock = Callable[[], datetime]


class TooManyFailuresError(Exception):
    """Most of a batch can't be processed: the fault is ours, not the records'. The service must stop."""


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """The bounds of one partition's work."""

    batch_leads: int = 1000
    """Leads judged in one transaction of firing or judging again."""
    horizon_us: int = 600 * SECOND
    """How far ahead wake-ups are kept in memory."""
    cached_leads: int = 2000
    """Dossiers kept decoded."""


class Partition:
    """See the module. Not for concurrent use: one call at a time."""

    def __init__(
        self,
        claim: Claim,
        *,
        store: Store,
        in_force: InForce,
        watcher: Watcher,
        clock: Clock,
        limits: Limits,
        judging: asyncio.Lock | None = None,
    ) -> None:
        """`judging` is held while leads are judged: partitions that share it judge one after the other.

        So one judges while another's statements run; side by side both would judge, and then both wait.
        """
        self.number = claim.partition
        self._judging = judging or asyncio.Lock()
        self.position = claim.position
        self.agenda = Agenda()
        self._epoch = claim.epoch
        self._through_us = claim.through_us
        self._store = store
        self._in_force = in_force
        self._editions = in_force.editions
        self._watcher = watcher
        self._clock = clock
        self._limits = limits
        self._cache = DossierCache(limits.cached_leads)
        self._rejudged_to: int | None = None if claim.agreement == self._editions.newest.mark else 0
        self._first_agreement = claim.agreement is None
        self._windows: frozenset[tuple[int, int]] = frozenset()
        if self._rejudged_to is not None:
            self._windows = self._editions.changed_windows(claim.agreement)

    @property
    def through_us(self) -> int:
        """How far this partition's input is known, and deadlines may fire."""
        return self._through_us

    @property
    def rejudging(self) -> bool:
        """Whether open leads still wait to be judged under the newest edition of the agreement."""
        return self._rejudged_to is not None or self._editions is not self._in_force.editions

    async def load_horizon(self) -> None:
        """Bring the near horizon into memory, as far as it is not there: as much of it as is due within seconds, the
        rest of a dense one with the rounds that follow.
        """
        now_us = to_us(self._clock())
        while self.agenda.known_until_us < now_us + self._limits.horizon_us // 2:
            start_us, end_us = self.agenda.known_until_us, now_us + self._limits.horizon_us
            found = await self._store.wakeups(self.number, from_us=start_us, to_us=end_us, limit=MOST_LOADED)
            if len(found) == MOST_LOADED:
                # What falls on the last instant may have been cut in the middle: take the whole of that instant.
                end_us = found[-1][0] + 1
                last = await self._store.wakeups(self.number, from_us=found[-1][0], to_us=end_us, limit=NO_LIMIT)
                found = [*found, *last]
            self.agenda.loaded(found, known_until_us=end_us)
            if end_us >= now_us + AT_HAND_US or self.agenda.next_us() <= now_us:
                return  # what is overdue goes first; the rest of the horizon is loaded after it

    def seconds_to_next(self, now: datetime) -> float:
        """How long this partition can wait, by time alone; 0 or less: something is due."""
        return (self.agenda.next_us() - to_us(now)) / SECOND

    async def take(self, fetch: Fetch) -> None:
        """Take in what was read: one transaction, unless there is nothing to make durable."""
        self._look_at_editions()
        now = self._clock()
        self._gate_no_later_than(now)
        if fetch.read_through is not None:
            self._through_us = max(self._through_us, min(to_us(fetch.read_through), to_us(now)))
        if not fetch.records and fetch.position == self.position:
            return
        began = time.perf_counter()
        by_lead, types, dead = _sorted_out(fetch.records)
        dossiers = await self._dossiers(list(by_lead))
        async with self._judging:
            steps, unjudgeable = await self._advance_all(by_lead, dossiers, now)
        _stop_if_all_fail(dead, unjudgeable, leads=len(by_lead), records=len(fetch.records))
        refused = await self._commit_or_put_aside(steps, [*dead, *unjudgeable], by_lead, position=fetch.position)
        letters = [*dead, *unjudgeable, *refused]
        reasons = Counter(letter.reason for letter in letters)
        self._watcher.took(types=types, dead=reasons, seconds=time.perf_counter() - began)

    async def fire(self) -> bool:
        """Judge the leads that are due, at most one batch of them, oldest first. Whether there may be more."""
        self._look_at_editions()
        now = self._clock()
        self._gate_no_later_than(now)
        await self.load_horizon()
        due = self.agenda.due(min(self._through_us, to_us(now)), limit=self._limits.batch_leads)
        if not due:
            return False
        await self._judge_again(due, now)
        return len(due) == self._limits.batch_leads

    def _gate_no_later_than(self, now: datetime) -> None:
        """Where the clock was set back, or the last owner's was ahead, what it called known has not even come yet."""
        self._through_us = min(self._through_us, to_us(now))

    async def rejudge(self) -> bool:
        """Judge a batch of leads under an edition that is new to them: those with an open promise, and those with one
        that ran in an exception's window that changed. Whether there are more."""
        self._look_at_editions()
        if self._rejudged_to is None:
            return False
        leads = await self._store.open_leads(
            self.number, after=self._rejudged_to, limit=self._limits.batch_leads, windows=sorted(self._windows)
        )
        complete, newest = len(leads) < self._limits.batch_leads, self._editions.newest
        await self._judge_again(leads, self._clock(), agreement=newest.mark if complete else None)
        self._rejudged_to = None if complete else leads[-1]
        self._windows = frozenset() if complete else self._windows
        if complete and not self._first_agreement:
            logger.info("agreement_applied", partition=self.number, version=newest.version, edition=newest.number)
        self._first_agreement = self._first_agreement and not complete
        return not complete

    def _look_at_editions(self) -> None:
        """Judge by the newest edition known; where it is new to this partition, begin to judge its leads again."""
        if self._editions is not self._in_force.editions:
            self._windows |= self._in_force.editions.changed_windows(self._editions.newest.mark)
            self._editions, self._rejudged_to = self._in_force.editions, 0

    async def _judge_again(self, leads: Sequence[int], now: datetime, *, agreement: str | None = None) -> None:
        known = self._cache.by_id(leads)
        missing = [lead for lead in leads if lead not in known]
        loaded = await self._store.load_by_id(missing) if missing else ()
        present = [*known.values(), *loaded]
        order = {lead: place for place, lead in enumerate(leads)}
        present.sort(key=lambda dossier: order[dossier.id] if dossier.id is not None else 0)
        no_events: Mapping[str, Sequence[Arrival]] = {each.key: () for each in present}
        async with self._judging:
            steps, _ = await self._advance_all(no_events, {each.key: each for each in present}, now)
        for lead in set(leads) - {step.after.id for step in steps}:
            self.agenda.set(lead, None)  # gone, or nothing to be done: it must not come up again and again
        await self._commit_or_put_aside(steps, (), no_events, position=None, agreement=agreement)

    async def _dossiers(self, keys: Sequence[str]) -> Mapping[str, Dossier]:
        known = self._cache.by_key(keys)
        missing = [key for key in keys if key not in known]
        return {**known, **await self._store.load(missing)} if missing else known

    async def _advance_all(
        self,
        by_lead: Mapping[str, Sequence[Arrival]],
        dossiers: Mapping[str, Dossier],
        now: datetime,
    ) -> tuple[list[Step], list[DeadLetter]]:
        steps: list[Step] = []
        unjudgeable: list[DeadLetter] = []
        for place, (key, arrivals) in enumerate(by_lead.items()):
            if place % LEADS_A_SLICE == LEADS_A_SLICE - 1:
                await asyncio.sleep(0)  # a large batch must not hold up heartbeats, other partitions and people
            attempt = partial(self._advance, dossiers.get(key), now=now)
            try:
                step = attempt([event for _, event in arrivals])
            except Exception:
                # A lead that breaks the core must not stop all the others: what breaks it is kept aside, told loudly.
                logger.exception("lead_unjudgeable", partition=self.number, lead=key)
                kept, bad = sift(arrivals, attempt)
                unjudgeable.extend(_letter(record, UNJUDGEABLE, repr(error)) for record, error in bad)
                step = attempt(kept) if kept else None
                if not arrivals:
                    self._postpone(dossiers.get(key))
            if step is not None:
                steps.append(step)
        return steps, unjudgeable

    def _advance(self, before: Dossier | None, events: Sequence[LeadEvent], *, now: datetime) -> Step | None:
        return advance(before, events, self._editions, through_us=self._through_us, now=now)

    def _postpone(self, dossier: Dossier | None) -> None:
        """A lead that could not be judged is not due again until the next start: else it would be tried for ever."""
        if dossier is not None and dossier.id is not None:
            self.agenda.set(dossier.id, None)

    async def _commit_or_put_aside(
        self,
        steps: Sequence[Step],
        letters: Sequence[DeadLetter],
        by_lead: Mapping[str, Sequence[Arrival]],
        *,
        position: int | None,
        agreement: str | None = None,
    ) -> list[DeadLetter]:
        """Commit the batch; where the database refuses it, lead by lead, and keep aside what it will never take."""
        try:
            await self._commit(steps, position=position, dead_letters=letters, agreement=agreement)
        except Unstorable as error:
            logger.warning("batch_refused", partition=self.number, reason=str(error))
        else:
            return []
        refused: list[DeadLetter] = []
        for step in steps:
            try:
                await self._commit([step], position=None, whole=False)
            except Unstorable as error:
                logger.exception("lead_unstorable", partition=self.number, lead=step.after.key)
                refused.extend(await self._store_without_bad(step, by_lead[step.after.key], error))
        # Last, so that a crash before it reads the batch again: what is stored by then is known as duplicates.
        await self._commit([], position=position, dead_letters=[*letters, *refused], agreement=agreement)
        return refused

    async def _store_without_bad(self, step: Step, arrivals: Sequence[Arrival], error: Unstorable) -> list[DeadLetter]:
        """Commit a refused step without the events that can't be stored; where that is no help, none of it."""
        attempt = partial(self._advance, step.before, now=self._clock())
        kept, bad = sift(arrivals, lambda events: check_storable(attempt(events)))
        if bad:
            letters = [_letter(record, UNSTORABLE, repr(reason)) for record, reason in bad]
            rest = attempt(kept) if kept else None
            if rest is None:
                return letters  # the others are known already
            with contextlib.suppress(Unstorable):
                await self._commit([rest], position=None, whole=False)
                return letters
        if not arrivals:
            self._postpone(step.before)
        return [_letter(record, UNSTORABLE, str(error)) for record, _ in arrivals]

    async def _commit(
        self,
        steps: Sequence[Step],
        *,
        position: int | None,
        whole: bool = True,
        dead_letters: Sequence[DeadLetter] = (),
        agreement: str | None = None,
    ) -> None:
        """Not `whole`: a part of a batch, which must not open the gate: the rest may be lost to a crash."""
        ids = await self._store.commit(
            Commit(
                partition=self.number,
                epoch=self._epoch,
                position=position,
                through_us=self._through_us if whole else 0,
                steps=steps,
                dead_letters=dead_letters,
                agreement=agreement,
                editions=self._editions.newest.number,
            )
        )
        if position is not None:
            self.position = position
        committed_us = to_us(self._clock())
        for step in steps:
            dossier = step.after if step.after.id is not None else _stored(step.after, ids)
            self._cache.put(dossier)
            assert dossier.id is not None
            self.agenda.set(dossier.id, dossier.wake_us)
            self._watcher.stepped(step, committed_us=committed_us)


def _stop_if_all_fail(
    dead: Sequence[DeadLetter], unjudgeable: Sequence[DeadLetter], *, leads: int, records: int
) -> None:
    failed = len(dead) + len(unjudgeable)
    # a lead counts once: many events of one bad lead say nothing about the others
    places = len(dead) + len({letter.key for letter in unjudgeable})
    if places >= MOST_FAILURES and places * 2 > len(dead) + leads:
        raise TooManyFailuresError(
            f"{failed} of {records} records can't be processed: this version and the one that wrote them do not fit, "
            "or this one is broken. Nothing was put aside; deploy a version that fits, and it goes on from here"
        )


def _stored(dossier: Dossier, ids: Mapping[str, int]) -> Dossier:
    return msgspec.structs.replace(dossier, id=ids[dossier.key])


def _sorted_out(
    records: Sequence[StoredRecord],
) -> tuple[dict[str, list[Arrival]], Counter[str], list[DeadLetter]]:
    """Events by lead in the order of arrival, how many of each type, and what can't be read."""
    by_lead: dict[str, list[Arrival]] = {}
    types: Counter[str] = Counter()
    dead: list[DeadLetter] = []
    decode = lead_events.decode
    for record in records:
        try:
            event = decode(record.value)
            if event.at.tzinfo is None:
                to_us(event.at)  # raises: an instant without a zone is no instant
            lead = event.lead
            _check_key(lead)
        except (msgspec.DecodeError, ValueError) as error:
            dead.append(_letter(record, UNREADABLE, str(error)))
            continue
        types[lead_events.event_type(event)] += 1
        arrivals = by_lead.get(lead)
        if arrivals is None:
            by_lead[lead] = [(record, event)]
        else:
            arrivals.append((record, event))
    return by_lead, types, dead


def _check_key(lead: str) -> None:
    if not lead or "\0" in lead:
        raise ValueError(f"the lead's key {lead!r} is empty or holds a NUL: no database takes it")


def _letter(record: StoredRecord, reason: str, detail: str) -> DeadLetter:
    return DeadLetter(
        offset=record.offset, key=record.key, value=record.value, reason=reason, detail=detail[:DETAIL_CHARACTERS]
    )

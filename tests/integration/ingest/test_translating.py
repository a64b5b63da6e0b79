"""From crm.received to lead events and dead letters, on a real stream and a real database."""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime, timedelta

import pytest

from ingest.application.failure_limit import FailureLimit
from ingest.application.ports import Claim, DeadLetter, Fenced
from ingest.application.redriving import Redriven, Replay, ReplayFrom, reading_at, redrive
from ingest.application.retention import Retention
from ingest.domain.sources import JsonRule
from shared.events.cloudevents import attributes
from shared.events.lead import LeadStageChanged
from shared.events.topics import CRM_RECEIVED, LEAD_EVENTS
from shared.streams.port import Record, Stream, StreamUnavailable
from tests.integration.ingest.translating import (
    RULE,
    SOURCE,
    Parts,
    form,
    parts,
    published,
    request,
    staged,
    until_caught_up,
    values_of,
)
from tests.support.ingest_sources import RECEIVED_AT

pytestmark = pytest.mark.postgres
LATER = RECEIVED_AT + timedelta(days=1)


@pytest.fixture
async def there(database_url: str) -> AsyncIterator[Parts]:
    async with parts(database_url) as opened:
        yield opened


async def letters_of(there: Parts, *, open_only: bool = False) -> Sequence[DeadLetter]:
    found = await there.letters.list(source=None, reason=None, open_only=open_only, limit=1000)
    return [stored.letter for stored in found]


async def test_requests_become_lead_events_keyed_by_lead_in_order(there: Parts) -> None:
    stages = ["new", "mql", "sql", "customer"]
    await there.receive(*(staged(number, stage) for stage in stages for number in range(30)))
    await until_caught_up(there.translating(), there.stream)
    events = await published(there.stream)
    assert len(events) == 120
    for number in range(30):
        of_lead = [one for one in events if one.lead == f"form:acme:lead:lead-{number}"]
        assert [one.stage for one in of_lead if isinstance(one, LeadStageChanged)] == stages


async def test_events_carry_cloudevents_attributes_and_their_origin(there: Parts) -> None:
    raw = staged(1)
    await there.receive(raw)
    await until_caught_up(there.translating(), there.stream)
    (event,) = await published(there.stream)
    assert (event.raw_id, event.received_at, event.source) == (raw.id, raw.received_at, "form")
    _, record = await last_record(there.stream)
    told = attributes(record.headers)
    assert (told["id"], told["type"], told["subject"]) == (event.id, "lead.stage_changed", event.lead)
    assert record.key == event.lead.encode()


async def last_record(stream: Stream) -> tuple[int, Record]:
    class Listener:
        async def assigned(self, partitions: Sequence[int]) -> dict[int, int]:
            assert partitions
            return {}

        async def revoked(self, partitions: Sequence[int]) -> None:
            assert partitions

    async with stream.subscribe(LEAD_EVENTS, group="headers", listener=Listener()) as subscription:
        for _ in range(100):
            for fetch in await subscription.fetch(max_records=10, timeout_seconds=0.2):
                for one in fetch.records:
                    return one.offset, Record(key=one.key, value=one.value, headers=one.headers)
    raise AssertionError("nothing on lead.events")


async def test_what_can_not_be_translated_is_put_aside_with_its_reason_and_request(there: Parts) -> None:
    broken = request(b"{not json")
    await there.receive(staged(1), broken, staged(2))
    await until_caught_up(there.translating(), there.stream)
    (letter,) = await letters_of(there)
    assert (letter.raw_id, letter.source, letter.reason, letter.part) == (broken.id, "form", "malformed_body", None)
    assert broken.body in letter.request
    assert len(await published(there.stream)) == 2


async def test_a_record_that_is_no_request_at_all_is_put_aside(there: Parts) -> None:
    await there.append(Record(key=b"form", value=b"\xc1 poison"), Record(key=b"form", value=b""))
    await there.receive(staged(1))
    await until_caught_up(there.translating(), there.stream)
    assert sorted(letter.request for letter in await letters_of(there)) == [b"", b"\xc1 poison"]
    assert {letter.reason for letter in await letters_of(there)} == {"undecodable_record"}
    assert len(await published(there.stream)) == 1


async def test_a_source_that_left_the_file_is_put_aside(there: Parts) -> None:
    await there.receive(staged(1))
    await until_caught_up(there.translating(sources={}), there.stream)
    (letter,) = await letters_of(there)
    assert letter.reason == "unknown_source"
    assert "redrive" in letter.detail


async def test_a_second_run_goes_on_where_the_first_committed(there: Parts) -> None:
    await there.receive(staged(1), request(b"broken"))
    await until_caught_up(there.translating(), there.stream)
    await there.receive(staged(2))
    await until_caught_up(there.translating(), there.stream)
    assert len(await published(there.stream)) == 2
    assert len(await letters_of(there)) == 1


async def test_a_crash_between_append_and_commit_repeats_the_same_ids(there: Parts) -> None:
    dying = there.translating()
    committing = there.ledger.commit

    async def crash(
        claim: Claim, *, position: int, letters: Sequence[DeadLetter], heard: Mapping[str, datetime]
    ) -> None:
        if heard:
            raise ConnectionResetError("killed here")
        await committing(claim, position=position, letters=letters, heard=heard)

    there.ledger.commit = crash  # type: ignore[method-assign]  # the crash
    await there.receive(staged(1), staged(2), request(b"broken"))
    with pytest.raises(ConnectionResetError):
        await until_caught_up(dying, there.stream)
    there.ledger.commit = committing  # type: ignore[method-assign]  # the next process
    await until_caught_up(there.translating(), there.stream)
    events = await published(there.stream)
    assert len(events) == 4
    assert len({event.id for event in events}) == 2
    assert len(await letters_of(there)) == 1


async def test_an_owner_that_lost_its_partition_commits_nothing(there: Parts) -> None:
    zombie = await there.ledger.claim(0, owner="zombie")
    await there.ledger.claim(0, owner="heir")
    await until_caught_up(there.translating(), there.stream)
    letter = DeadLetter(
        id="i", raw_id="r", source="form", part=None, reason="bug", detail="", request=b"", received_at=None
    )
    with pytest.raises(Fenced):
        await there.ledger.commit(zombie, position=999, letters=[letter], heard={})
    assert await letters_of(there) == []
    assert (await there.ledger.claim(0, owner="next")).position == 0


async def test_an_outage_of_the_stream_is_waited_out(there: Parts) -> None:
    class FailsTwice:
        """The stream, whose first two appends fail."""

        def __init__(self, stream: Stream) -> None:
            self._stream = stream
            self.failures = 2

        def __getattr__(self, name: str) -> object:
            return getattr(self._stream, name)

        async def append(self, topic: str, records: Sequence[Record]) -> None:
            if self.failures:
                self.failures -= 1
                raise StreamUnavailable("the broker went away")
            await self._stream.append(topic, records)

    await there.receive(*(staged(number) for number in range(10)))
    flaky: Stream = FailsTwice(there.stream)  # type: ignore[assignment]  # all else is passed on
    await until_caught_up(there.translating(stream=flaky), there.stream)
    assert len({event.id for event in await published(there.stream)}) == 10


async def test_when_most_fails_translation_stops_and_nothing_of_the_batch_is_lost(there: Parts) -> None:
    await there.receive(*(request(b"broken %d" % number) for number in range(150)))
    halting = there.translating(limit=FailureLimit(ratio=0.5, requests=100))
    await until_caught_up(halting, there.stream)
    assert halting.halted is not None
    assert "100 of the last 100" in halting.halted
    assert "source 'form' (malformed_body)" in halting.halted
    assert "LEADPACT_INGEST_FAILURE_LIMIT_RATIO=1" in halting.halted
    assert await letters_of(there) == []
    await until_caught_up(there.translating(), there.stream)
    assert len(await letters_of(there)) == 150


async def test_a_redrive_translates_with_the_corrected_mapping(there: Parts) -> None:
    wrong = form(JsonRule(type="lead.stage_changed", lead="id", fields={"stage": "missing"}))
    await there.receive(staged(1))
    await until_caught_up(there.translating(sources={"form": wrong}), there.stream)
    (stored,) = await there.letters.list(source="form", reason=None, open_only=True, limit=9)
    again = {"letters": there.letters, "stream": there.stream}
    assert await redrive(stored, sources={"form": wrong}, now=LATER, **again) is Redriven.FAILED_AGAIN  # type: ignore[arg-type]
    assert await published(there.stream) == []
    assert await redrive(stored, sources={"form": SOURCE}, now=LATER, **again) is Redriven.TRANSLATED  # type: ignore[arg-type]
    assert len(await published(there.stream)) == 1
    assert await letters_of(there, open_only=True) == []
    (after,) = await there.letters.list(source=None, reason=None, open_only=False, limit=9)
    assert after.redriven_at is not None
    assert after.attempts == 3


async def test_a_replay_repeats_the_same_ids_and_adds_what_was_not_translatable(there: Parts) -> None:
    silent = form(only("lead-1"))
    await there.receive(staged(1), staged(2))
    await until_caught_up(there.translating(sources={"form": silent}), there.stream)
    before = {event.id for event in await published(there.stream)}
    assert len(before) == 1
    work = replay(there, ReplayFrom())
    count = await work.run(group="replay-1")
    assert (count.read, count.requests, count.events) == (2, 2, 2)
    events = await published(there.stream)
    after = {event.id for event in events}
    assert before < after
    assert len(after) == 2
    assert sorted(event.reading for event in events) == [0, reading_at(LATER), reading_at(LATER)]
    for partition, end in (await there.stream.end_offsets(CRM_RECEIVED)).items():
        assert (await there.ledger.claim(partition, owner="looks")).position == end


def only(lead_id: str) -> JsonRule:
    return JsonRule(type=RULE.type, lead=RULE.lead, when=f"id == '{lead_id}'", fields=RULE.fields)


def replay(there: Parts, start: ReplayFrom, *, only_source: str | None = None) -> Replay:
    return Replay(
        start, stream=there.stream, sources={"form": SOURCE}, only_source=only_source, now=LATER, told=lambda _: None
    )


async def test_a_replay_begins_where_it_is_told(there: Parts) -> None:
    await there.receive(staged(1), staged(2), staged(3))
    later = ReplayFrom(instant=RECEIVED_AT + timedelta(seconds=1))
    assert (await replay(there, later).run(group="a")).requests == 0
    assert (await replay(there, ReplayFrom(instant=RECEIVED_AT)).run(group="b")).requests == 3
    assert (await replay(there, ReplayFrom(offset=2)).run(group="c")).requests == 1
    assert (await replay(there, ReplayFrom(offset=10_000)).run(group="d")).requests == 0
    assert (await replay(there, ReplayFrom(), only_source="other").run(group="e")).requests == 0
    assert len(await values_of(there.stream, LEAD_EVENTS)) == 4


async def test_dead_letters_are_deleted_after_their_time_with_their_requests(there: Parts) -> None:
    await there.receive(request(b"broken"))
    await until_caught_up(there.translating(), there.stream)
    (stored,) = await there.letters.list(source=None, reason=None, open_only=True, limit=9)
    retention = Retention(letters=there.letters, keep=timedelta(days=30), clock=lambda: RECEIVED_AT)
    assert await retention.run_once(stored.first_seen + timedelta(days=29)) == 0
    assert await retention.run_once(stored.first_seen + timedelta(days=31)) == 1
    assert await letters_of(there) == []


async def test_when_a_source_was_last_heard_survives_restarts(there: Parts) -> None:
    await there.receive(staged(1))
    await until_caught_up(there.translating(), there.stream)
    assert dict(await there.ledger.heard()) == {"form": RECEIVED_AT}

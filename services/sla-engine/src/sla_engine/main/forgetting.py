"""`sla-engine forget`: a person asked to be deleted."""

import asyncio
from datetime import UTC, datetime
from typing import Annotated, NoReturn, Optional

import typer

from shared.backing import Backing, open_backing
from shared.database import DatabaseError, open_pool
from shared.database.migrations import pending
from shared.events import lead as lead_events
from shared.events.cloudevents import lead_event_headers
from shared.events.envelope import ChangeOrigin, TimeSource
from shared.events.identity import identifier
from shared.events.lead import LeadDeleted
from shared.events.topics import LEAD_EVENTS
from shared.process import TOLD_WRONGLY, StartError, read_settings
from shared.streams.port import Record, StreamUnavailable
from sla_engine.adapters.oblivion import Forgotten, PostgresOblivion
from sla_engine.adapters.schema import MIGRATIONS
from sla_engine.application.joining import account_of
from sla_engine.application.ports import StoreUnavailable
from sla_engine.config import EngineSettings

NOT_FOUND = 1
LOOK_AGAIN_SECONDS = 0.2


class UnknownLead(Exception):  # noqa: N818 - it says what the lead is
    """No event of the lead has been seen."""


def forget(
    lead: Annotated[str, typer.Argument(help="The lead's key, such as hubspot:4711:contact:1001.")],
    *,
    source: Annotated[
        Optional[str],  # noqa: UP045 - Typer reads it at run time
        typer.Option(help="Forget it though no event of it has been seen: the source from which it would come."),
    ] = None,
    wait: Annotated[float, typer.Option(min=0, help="Seconds to wait until it is done.")] = 30.0,
) -> None:
    """Forget the person behind a lead: what a privacy deletion in the CRM does.

    It goes through the stream, so that all services learn of it: the engine bares
    the lead's history, rows, dead letters and what waits to be published; the
    notifier its events, and its messages in Slack; ingest the raw requests that it
    keeps. Leads merged with this one are forgotten with it. Promises still count.
    Whatever is told of the lead later is not kept. It can't be undone.

    Once asked it is durable: a running engine does it, or the next one that runs.
    Asking again changes nothing.

    Exit codes: 0 done, or asked for; 1 no such lead; 2 told wrongly.
    """
    try:
        for line in asyncio.run(_forget(read_settings(EngineSettings), lead, source=source, wait_seconds=wait)):
            typer.echo(line)
    except UnknownLead:
        _end(
            f"no event of a lead with the key {lead!r} has been seen. Is the key whole, such as "
            "hubspot:4711:contact:1001? To keep nothing of a lead that may still come, name its --source",
            NOT_FOUND,
        )
    except (StartError, DatabaseError, StoreUnavailable, StreamUnavailable) as error:
        _end(f"sla-engine: {error}", TOLD_WRONGLY)


async def _forget(settings: EngineSettings, lead: str, *, source: str | None, wait_seconds: float) -> list[str]:
    async with open_backing(settings, client_id="sla-engine-forget") as backing:
        if missing := await pending(backing.database_url, MIGRATIONS):
            raise StartError(f"the schema lacks {', '.join(missing)}: run `sla-engine migrate`")
        async with open_pool(backing.database_url, application_name="leadpact-forget", max_size=2) as pool:
            oblivion = PostgresOblivion(pool, database_url=backing.database_url)
            known = await oblivion.known(lead) or source
            if known is None:
                raise UnknownLead
            if (before := await oblivion.found(lead)) is not None:
                return [f"{lead} was forgotten {before.forgotten_at:%Y-%m-%d %H:%M:%S}Z already", *_told(before)]
            await _ask(backing, settings, lead, source=known)
            done = await _done(oblivion, lead, wait_seconds=wait_seconds)
    if done is None:
        asked = (
            f"{lead} will be forgotten: it stands on the stream, but the engine has not done it in {wait_seconds:g} s"
        )
        return [asked, "  a running engine does it, or the next one that runs; ask again to see what it did"]
    return [f"{lead} is forgotten", *_told(done)]


async def _ask(backing: Backing, settings: EngineSettings, lead: str, *, source: str) -> None:
    """The same id each time: asking twice is asking once."""
    now = datetime.now(UTC)
    event = LeadDeleted(
        id=identifier("sla-engine forget", lead),
        source=source,
        account=account_of(lead),
        lead=lead,
        occurred_at=now,
        time_source=TimeSource.EVENT,
        received_at=now,
        raw_id="",
        origin=ChangeOrigin.USER,
        privacy=True,
    )
    await backing.stream.ensure_topic(LEAD_EVENTS, partitions=settings.stream_partitions)
    record = Record(key=lead.encode(), value=lead_events.encode(event), headers=lead_event_headers(event))
    await backing.stream.append(LEAD_EVENTS, [record])


async def _done(oblivion: PostgresOblivion, lead: str, *, wait_seconds: float) -> Forgotten | None:
    loop = asyncio.get_running_loop()
    until = loop.time() + wait_seconds
    while True:
        found = await oblivion.found(lead)
        if found is not None or loop.time() >= until:
            return found
        await asyncio.sleep(LOOK_AGAIN_SECONDS)


def _told(done: Forgotten) -> list[str]:
    erased = "not yet erased" if done.erased_at is None else f"dealt with {done.erased_at:%Y-%m-%d %H:%M:%S}Z"
    return [
        f"  {done.events} events stay as times without content; {done.promises} promises still count",
        f"  {done.dead_letters} dead letters emptied; {done.waiting} waiting messages bared or dropped",
        f"  its records on the stream: {erased} (Kafka keeps them until the topic's retention ends)",
    ]


def _end(text: str, code: int) -> NoReturn:
    typer.echo(text, err=True)
    raise SystemExit(code)

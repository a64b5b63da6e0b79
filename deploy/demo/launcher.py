"""The demo from start to stop: database, three services, simulated CRMs, one screen, the feed."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime

import httpx

from deploy.demo.cast import Crm
from deploy.demo.children import Child, stop_all
from deploy.demo.environment import CrmSecrets, Slack, ignored_variables, service_environment
from deploy.demo.feed import Feed
from deploy.demo.guards import check_ports
from deploy.demo.hubspot import HubSpot
from deploy.demo.journal import Journal
from deploy.demo.pipedrive import Pipedrive
from deploy.demo.places import PlaceError, Places
from deploy.demo.salesforce import Salesforce
from deploy.demo.screen import Screen
from deploy.demo.simulator import Sender, Simulator
from deploy.demo.standing import ask_standing
from deploy.demo.waiting import sleep, unless, until_first
from shared.embedded import EmbeddedPostgres

READY_SECONDS = 90.0
TELL_EVERY_SECONDS = 3.0
LOOK_SECONDS = 0.2
STATUS_SECONDS = 1.0
PUBLIC_URL = "https://hooks.leadpact.example/webhooks"
"""As configured in `sources.yaml`: what the CRMs were told to call, and what HubSpot signs."""
ORGANIZATION = "00D5e000000DemoEAC"
PIPEDRIVE_USER = "pipedrive"


class ChildDiedError(Exception):
    """A service ended although nobody asked it to."""

    def __init__(self, child: Child) -> None:
        super().__init__(f"{child.name} ended with exit code {child.exit_code}")
        self.child = child


class Launcher:
    """Runs the demo in `places` until `stop` is set."""

    def __init__(self, places: Places, screen: Screen) -> None:
        self._places = places
        self._screen = screen
        self._slack = Slack.read()
        self._secrets = CrmSecrets.draw()

    async def run(self, stop: asyncio.Event) -> int:
        """The exit code: 0 stopped when asked, 1 something died."""
        places, screen = self._places, self._screen
        for name in ignored_variables():
            screen.say(f"{name} is set; the demo ignores it and uses settings of its own", style="yellow")
        check_ports(places)
        places.logs.mkdir(parents=True, exist_ok=True)
        journal = Journal.load(places.journal)
        try:
            async with self._database(stop), self._services(stop) as children:
                await self._until_ready(children, stop)
                if not stop.is_set():
                    self._introduce(journal)
                    await self._show(children, journal, stop)
        except ChildDiedError as died:
            screen.say(f"✗ {died}; everything is stopped. The end of {died.child.log}:", style="bold red")
            for line in died.child.last_words():
                screen.say(f"    {line}")
            return 1
        screen.say("Stopped. 'make demo' goes on where this left off; 'make demo-reset' forgets it all.")
        return 0

    @contextlib.asynccontextmanager
    async def _database(self, stop: asyncio.Event) -> AsyncIterator[None]:
        screen, begun = self._screen, time.monotonic()
        screen.say("→ 1/3 database: the embedded PostgreSQL")
        database = EmbeddedPostgres(self._places.state, progress=lambda sentence: screen.say(f"      {sentence}"))
        starting = asyncio.create_task(asyncio.to_thread(database.start))
        try:
            await unless(stop, starting)
            if not stop.is_set():
                screen.say(f"      ready after {time.monotonic() - begun:.1f} s")
            yield
        finally:
            with contextlib.suppress(Exception):  # told already
                await starting
            await asyncio.to_thread(database.leave)

    @contextlib.asynccontextmanager
    async def _services(self, stop: asyncio.Event) -> AsyncIterator[Sequence[Child]]:
        environment = service_environment(self._places, self._secrets, self._slack)
        children = [
            Child(name, environment=environment, log=self._places.logs / f"{name}.log") for name in self._places.ports
        ]
        if stop.is_set():
            yield children
            return
        self._screen.say(f"→ 2/3 services: {', '.join(self._places.ports)}")
        try:
            for child in children:
                await child.start()
            yield children
        finally:
            self._screen.say("→ stopping")
            for name in await stop_all(children):
                self._screen.say(f"      {name} did not stop in time and was killed", style="yellow")

    async def _until_ready(self, children: Sequence[Child], stop: asyncio.Event) -> None:
        begun = told = time.monotonic()
        missing = {child.name: child for child in children}
        reason = "started just now"
        async with httpx.AsyncClient() as client:
            while missing and not stop.is_set():
                for name, child in list(missing.items()):
                    _check_alive(child)
                    why = await _why_not_ready(client, self._places.url(name))
                    if why is None:
                        self._screen.say(f"      {name} ready after {time.monotonic() - begun:.1f} s")
                        del missing[name]
                    else:
                        reason = f"{name}: {why}"
                now = time.monotonic()
                if now - begun > READY_SECONDS:
                    raise PlaceError(
                        f"{', '.join(missing)} not ready within {READY_SECONDS:.0f} s ({reason});"
                        f" see {self._places.logs}"
                    )
                if missing and now - told > TELL_EVERY_SECONDS:
                    told = now
                    self._screen.say(f"      waiting for {', '.join(missing)} ({now - begun:.0f} s): {reason}")
                await sleep(stop, LOOK_SECONDS)

    def _introduce(self, journal: Journal) -> None:
        screen, places = self._screen, self._places
        engine = places.url("sla-engine")
        screen.say("→ 3/3 simulated HubSpot, Salesforce and Pipedrive")
        screen.say()
        screen.say("Leadpact is running. Where to look:", style="bold")
        screen.rows(
            [
                ("leads", f"{engine}/"),
                ("API docs", f"{engine}/docs"),
                *((f"metrics of {service}", f"{places.url(service)}/metrics") for service in places.ports),
                ("agreement", "deploy/demo/agreement.yaml (20 s to hand over, 30 s to call)"),
                ("data and logs", f"{places.state}"),
                ("stop", "Ctrl-C"),
                ("forget everything", "make demo-reset"),
            ]
        )
        screen.say()
        if journal.next_number:
            screen.say(f"Going on after lead {journal.next_number}.")
        if self._slack is not None:
            screen.say(f"Messages go to Slack channel {self._slack.channel}, and here:", style="bold")
        else:
            screen.say("What a sales manager would read in Slack:", style="bold")
        screen.say()

    async def _show(self, children: Sequence[Child], journal: Journal, stop: asyncio.Event) -> None:
        async with httpx.AsyncClient() as client:
            simulator = Simulator(
                client=client,
                senders=self._senders(),
                journal=journal,
                say=lambda text: self._screen.say(f"! {text}", style="yellow"),
            )
            feed = Feed(self._places.preview)
            await until_first(
                stop,
                simulator.run(stop),
                feed.run(stop, self._screen.say),
                self._status(simulator, client, stop),
                *(_watch(child, stop) for child in children),
            )

    def _senders(self) -> dict[Crm, Sender]:
        inbox = f"{self._places.url('ingest')}/webhooks"
        hubspot = HubSpot(secret=self._secrets.hubspot, public_url=f"{PUBLIC_URL}/hubspot")
        salesforce = Salesforce(organization=ORGANIZATION)
        pipedrive = Pipedrive(username=PIPEDRIVE_USER, password=self._secrets.pipedrive)
        return {
            Crm.HUBSPOT: Sender(dialect=hubspot, url=f"{inbox}/hubspot"),
            Crm.SALESFORCE: Sender(dialect=salesforce, url=f"{inbox}/salesforce?token={self._secrets.salesforce}"),
            Crm.PIPEDRIVE: Sender(dialect=pipedrive, url=f"{inbox}/pipedrive"),
        }

    async def _status(self, simulator: Simulator, client: httpx.AsyncClient, stop: asyncio.Event) -> None:
        while not stop.is_set() and not self._screen.gone:
            now = datetime.now(UTC)
            standing = await ask_standing(client, self._places.url("sla-engine"))
            promises = standing.sentence(now) if standing else "the engine does not answer"
            tally = simulator.tally
            self._screen.status(f"· {now:%H:%M:%S} UTC · {tally.posted} webhooks · {tally.leads} leads · {promises}")
            await sleep(stop, STATUS_SECONDS)


def _check_alive(child: Child) -> None:
    if child.exit_code is not None:
        raise ChildDiedError(child)


async def _watch(child: Child, stop: asyncio.Event) -> None:
    await unless(stop, asyncio.ensure_future(child.ended()))
    if not stop.is_set():
        _check_alive(child)


async def _why_not_ready(client: httpx.AsyncClient, url: str) -> str | None:
    try:
        answer = await client.get(f"{url}/readyz", timeout=4.0)
    except httpx.TransportError:
        return "it does not answer yet"
    return None if answer.is_success else answer.text

"""The demo's CRMs as senders for end-to-end tests: signed requests over real HTTP, sent again until they are taken."""

import asyncio
import secrets
from collections import Counter
from datetime import UTC, datetime, timedelta

import httpx

from deploy.demo.cast import PEOPLE, QUEUE, Crm, Lead, Owner
from deploy.demo.dialect import Dialect, Fact
from deploy.demo.hubspot import HubSpot
from deploy.demo.pipedrive import Pipedrive
from deploy.demo.salesforce import Salesforce
from deploy.demo.stories import Assigned, Called, Created, Disqualified

ANSWER_SECONDS = 10.0
TRY_AGAIN_SECONDS = 0.2
REDELIVER_SECONDS = 60.0
PUBLIC_HOST = "https://hooks.leadpact.example/webhooks"
ORGANIZATION = "00D5e000000DemoEAC"

ANA, BEN = PEOPLE[0], PEOPLE[1]
__all__ = ["ANA", "BEN", "QUEUE", "Assigned", "Called", "Created", "Crm", "CrmSenders", "Disqualified", "Owner"]


class CrmSenders:
    """Three CRMs that post to one ingest. `statuses` counts every answer that came (0: none came)."""

    def __init__(self, *, url: str) -> None:
        self.url = url
        self.statuses: Counter[int] = Counter()
        self.secrets = {
            "DEMO_HUBSPOT_SECRET": secrets.token_hex(16),
            "DEMO_SALESFORCE_TOKEN": secrets.token_hex(16),
            "DEMO_PIPEDRIVE_PASSWORD": secrets.token_hex(16),
        }
        self._client = httpx.AsyncClient(timeout=ANSWER_SECONDS)
        self._created: dict[int, datetime] = {}

    async def aclose(self) -> None:
        await self._client.aclose()

    def lead(self, number: int, crm: Crm) -> Lead:
        """An invented lead whose name tells it from all others."""
        return Lead(number=number, crm=crm, first_name=f"Lead{number:03d}", last_name=str(crm).title(), company="Acme")

    async def tell(self, lead: Lead, fact: Fact, *, at: datetime | None = None, times: int = 1) -> datetime:
        """Post what happened (now, unless told otherwise), `times` times; when it happened.

        As a CRM does, goes on until the request is taken with a 2xx; fails after a minute.
        """
        happened = datetime.now(UTC) if at is None else at
        created = self._created.setdefault(lead.number, happened)
        body = self._dialect(lead.crm).body(lead, fact, at=happened, created_at=created)
        for _ in range(times):
            await self._deliver(lead.crm, body)
            body = self._dialect(lead.crm).again(body)
        return happened

    async def _deliver(self, crm: Crm, body: bytes) -> None:
        deadline = datetime.now(UTC) + timedelta(seconds=REDELIVER_SECONDS)
        while True:
            status = await self._post(crm, body)
            self.statuses[status] += 1
            if 200 <= status < 300:
                return
            assert datetime.now(UTC) < deadline, f"ingest did not take a {crm} webhook; last answer: {status}"
            await asyncio.sleep(TRY_AGAIN_SECONDS)

    async def _post(self, crm: Crm, body: bytes) -> int:
        headers = self._dialect(crm).headers(body, now=datetime.now(UTC))
        try:
            answer = await self._client.post(self._address(crm), content=body, headers=headers)
        except httpx.TransportError:
            return 0
        return answer.status_code

    def _address(self, crm: Crm) -> str:
        address = f"{self.url}/webhooks/{crm}"
        return f"{address}?token={self.secrets['DEMO_SALESFORCE_TOKEN']}" if crm is Crm.SALESFORCE else address

    def _dialect(self, crm: Crm) -> Dialect:
        match crm:
            case Crm.HUBSPOT:
                return HubSpot(secret=self.secrets["DEMO_HUBSPOT_SECRET"], public_url=f"{PUBLIC_HOST}/hubspot")
            case Crm.SALESFORCE:
                return Salesforce(organization=ORGANIZATION)
            case Crm.PIPEDRIVE:
                return Pipedrive(username="pipedrive", password=self.secrets["DEMO_PIPEDRIVE_PASSWORD"])

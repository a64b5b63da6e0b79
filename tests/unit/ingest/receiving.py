"""A receiving app over an in-memory stream and a real spool, and requests as CRMs would send them."""

import base64
import contextlib
import hashlib
import hmac
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

import httpx
import msgspec

from ingest.adapters.spool import DiskSpool
from ingest.application.intake import Intake
from ingest.domain import raw_request
from ingest.domain.raw_request import RawRequest
from ingest.domain.sources import Authentication, AuthMethod, Source, SourceKind
from ingest.entrypoints.http.app import make_app
from ingest.entrypoints.http.figures import Figures
from ingest.entrypoints.http.webhooks import Webhooks
from shared.events.topics import CRM_RECEIVED
from shared.metrics import Metrics
from shared.operations import Operations
from tests.support.ingest_parts import AppendOnlyStream
from tests.support.ingest_sources import source_of

NOW = datetime(2026, 3, 2, 12, 0, 0, tzinfo=UTC)
SECRET = "not-a-real-secret"
ORGANISATION = "00D5e0000000001EAA"
JSON = {"content-type": "application/json"}

SOAP = f"""<?xml version="1.0" encoding="UTF-8"?>
<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"><soapenv:Body>
<notifications xmlns="http://soap.sforce.com/2005/09/outbound">
<OrganizationId>{ORGANISATION}</OrganizationId><ActionId>04k5e0000000001AAA</ActionId>
<SessionId>00D5e0000000001!live.login</SessionId>
<Notification><Id>04l5e0000000001AAA</Id>
<sObject xsi:type="sf:Lead" xmlns:sf="urn:sobject.enterprise.soap.sforce.com"
 xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><sf:Id>00Q5e0000000001EAA</sf:Id></sObject>
</Notification></notifications></soapenv:Body></soapenv:Envelope>""".encode()


def sources() -> dict[str, Source]:
    """One of each kind."""
    listed = (
        _source(SourceKind.HUBSPOT, "hubspot", secrets=(SECRET,)),
        _source(SourceKind.SALESFORCE_OUTBOUND_MESSAGE, "salesforce", secrets=("tok",), account=ORGANISATION),
        _source(
            SourceKind.PIPEDRIVE,
            "pipedrive",
            secrets=(SECRET,),
            authentication=Authentication(method=AuthMethod.BASIC, username="leadpact"),
        ),
        _source(SourceKind.STANDARD_WEBHOOKS, "standard", secrets=("whsec_bm90LWEtcmVhbC1zZWNyZXQ=",)),
        _source(SourceKind.CLOUDEVENTS, "events"),
        _source(
            SourceKind.JSON,
            "form",
            secrets=(SECRET,),
            authentication=Authentication(method=AuthMethod.HMAC_SHA256, header="x-signature"),
        ),
        msgspec.structs.replace(_source(SourceKind.JSON, "small"), max_body_bytes=100),
    )
    return {source.name: source for source in listed}


def _source(
    kind: SourceKind,
    name: str,
    *,
    secrets: tuple[str, ...] = (),
    account: str | None = None,
    authentication: Authentication | None = None,
) -> Source:
    public_url = f"https://hooks.example.com/webhooks/{name}"
    return source_of(
        kind, name=name, secrets=secrets, account=account, authentication=authentication, public_url=public_url
    )


class Receiving:
    """The app's client, and what the app stored."""

    def __init__(self, client: httpx.AsyncClient, stream: AppendOnlyStream, spool: DiskSpool, metrics: Metrics) -> None:
        self.client = client
        self.stream = stream
        self.spool = spool
        self._metrics = metrics

    async def post(self, path: str, body: bytes, headers: Mapping[str, str] | None = None) -> httpx.Response:
        return await self.client.post(f"/webhooks/{path}", content=body, headers={**JSON, **(headers or {})})

    @property
    def stored(self) -> list[RawRequest]:
        """What is in the stream."""
        return [raw_request.decode(one.value) for one in self.stream.of(CRM_RECEIVED)]

    def counted(self, source: str, reason: str) -> float:
        """How often a request of this source was refused for this reason; fails if there is no such figure."""
        labels = {"source": source, "reason": reason}
        value = self._metrics.registry.get_sample_value("leadpact_webhook_rejected_total", labels)
        assert value is not None, labels
        return value

    def answered(self, source: str, status: int) -> float:
        """How often a request of this source was answered so."""
        labels = {"source": source, "status": str(status)}
        value = self._metrics.registry.get_sample_value("leadpact_webhook_requests_total", labels)
        assert value is not None, labels
        return value


@contextlib.asynccontextmanager
async def receiving(folder: Path, *, spool_bytes: int = 10_000_000) -> AsyncIterator[Receiving]:
    """All of receiving but sockets and a real stream."""
    metrics = Metrics(service="ingest", version="test")
    stream = AppendOnlyStream()
    known = sources()
    async with DiskSpool(folder, max_bytes=spool_bytes) as spool:
        intake = Intake(stream=stream, spool=spool, append_timeout_seconds=0.2)
        webhooks = Webhooks(sources=known, intake=intake, figures=Figures(metrics, known), clock=lambda: NOW)
        app = make_app(sources=known, webhooks=webhooks, operations=Operations(metrics=metrics))
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://inside") as client:
            yield Receiving(client, stream, spool, metrics)


def hubspot_headers(body: bytes, *, path: str = "hubspot", at: datetime = NOW) -> dict[str, str]:
    """Signed as HubSpot's v3 says, for the public address."""
    timestamp = str(int(at.timestamp() * 1000))
    signed = b"POST" + f"https://hooks.example.com/webhooks/{path}".encode() + body + timestamp.encode()
    signature = base64.b64encode(hmac.digest(SECRET.encode(), signed, "sha256")).decode()
    return {**JSON, "x-hubspot-signature-v3": signature, "x-hubspot-request-timestamp": timestamp}


def hmac_headers(body: bytes) -> dict[str, str]:
    """Signed for the source `form`."""
    return {"x-signature": hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()}

"""A load generator in a process of its own: signed HubSpot requests over keep-alive connections.

`python -m tests.bench.ingest_load PORT SECONDS CONNECTIONS` prints what became of them as JSON. Each
connection sends its next request when the last one is answered; requests are signed before the clock starts.
"""

import asyncio
import base64
import hmac
import json
import re
import sys
import time
from typing import cast

import msgspec
import uvloop

SECRET = "bench-secret"
PUBLIC_URL = "https://hooks.example.com/webhooks/hubspot"
DIFFERENT = 64
_LENGTH = re.compile(rb"content-length: (\d+)")


class Load(msgspec.Struct):
    """What one load process saw: answers of 200, other answers, and how long an answer took."""

    answered: int
    refused: int
    seconds: float
    p50_ms: float
    p99_ms: float


def prepared(number: int) -> bytes:
    """One request as it goes over the wire, signed now: a batch of three property changes."""
    changes = [
        {
            "eventId": 3_000_000_000 + number * 10 + index,
            "subscriptionId": 2_000_001,
            "portalId": 44_000_001,
            "appId": 1_000_001,
            "occurredAt": 1_767_225_600_000 + number,
            "subscriptionType": "contact.propertyChange",
            "attemptNumber": 0,
            "objectId": 100_000 + number,
            "changeSource": "CRM_UI",
            "sourceId": "userId:9101",
            "propertyName": name,
            "propertyValue": value,
        }
        for index, (name, value) in enumerate(
            (("lifecyclestage", "marketingqualifiedlead"), ("hubspot_owner_id", "7101"), ("company", "Example Ltd"))
        )
    ]
    body = json.dumps(changes).encode()
    timestamp = str(int(time.time() * 1000)).encode()
    signed = b"POST" + PUBLIC_URL.encode() + body + timestamp
    signature = base64.b64encode(hmac.digest(SECRET.encode(), signed, "sha256"))
    return (
        b"POST /webhooks/hubspot HTTP/1.1\r\nhost: hooks.example.com\r\ncontent-type: application/json\r\n"
        b"user-agent: HubSpot Connect 2.0\r\naccept: */*\r\nx-hubspot-signature-version: v3\r\n"
        b"x-hubspot-signature-v3: %b\r\nx-hubspot-request-timestamp: %b\r\ncontent-length: %d\r\n\r\n%b"
        % (signature, timestamp, len(body), body)
    )


class Connection(asyncio.Protocol):
    """Sends, waits for the whole answer, sends the next."""

    def __init__(self, requests: list[bytes], load: Load, waits: list[float], ends: float) -> None:
        self._requests = requests
        self._load = load
        self._waits = waits
        self._ends = ends
        self._next = 0
        self._sent = 0.0
        self._got = b""
        self._transport: asyncio.Transport | None = None
        self.done = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's own is none by class
        self._send()

    def data_received(self, data: bytes) -> None:
        self._got += data
        head = self._got.find(b"\r\n\r\n")
        if head < 0:
            return
        length = _LENGTH.search(self._got, 0, head)
        if len(self._got) < head + 4 + (int(length[1]) if length else 0):
            return
        now = time.perf_counter()
        self._waits.append(now - self._sent)
        if self._got.startswith(b"HTTP/1.1 200"):
            self._load.answered += 1
        else:
            self._load.refused += 1
        self._got = b""
        if now < self._ends:
            self._send()
        else:
            assert self._transport is not None
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_result(exc)

    def _send(self) -> None:
        assert self._transport is not None
        self._next = (self._next + 1) % len(self._requests)
        self._sent = time.perf_counter()
        self._transport.write(self._requests[self._next])


async def run(port: int, seconds: float, connections: int) -> Load:
    """Load the server for so long."""
    requests = [prepared(number) for number in range(DIFFERENT)]
    load = Load(answered=0, refused=0, seconds=0, p50_ms=0, p99_ms=0)
    waits: list[float] = []
    loop = asyncio.get_running_loop()
    began = time.perf_counter()
    made = [
        (await loop.create_connection(lambda: Connection(requests, load, waits, began + seconds), "127.0.0.1", port))[1]
        for _ in range(connections)
    ]
    await asyncio.gather(*(connection.done for connection in made))
    load.seconds = time.perf_counter() - began
    waits.sort()
    load.p50_ms, load.p99_ms = (waits[int(len(waits) * share)] * 1000 for share in (0.5, 0.99))
    return load


if __name__ == "__main__":
    result = uvloop.run(run(int(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3])))
    sys.stdout.write(msgspec.json.encode(result).decode())

"""/livez answers always, /readyz names what is missing, /metrics survives a database that does not answer."""

import httpx
from starlette.applications import Starlette

from shared.metrics import Metrics, all_metrics
from shared.operations import Operations


def client_of(operations: Operations) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app=Starlette(routes=operations.routes()))
    return httpx.AsyncClient(transport=transport, base_url="http://service")


async def in_order() -> None:
    return


async def broken() -> None:
    raise ConnectionError("no answer from db.internal:5432")


async def test_readiness_names_each_missing_part_and_why() -> None:
    operations = Operations(metrics=Metrics(service="test", version="1"))
    operations.ready_when("stream", in_order)
    operations.ready_when("database", broken)
    async with client_of(operations) as client:
        answer = await client.get("/readyz")
        assert answer.status_code == 503
        assert answer.json() == {
            "status": "not ready",
            "missing": [{"name": "database", "reason": "no answer from db.internal:5432"}],
        }
        assert (await client.get("/livez")).status_code == 200


async def test_ready_when_all_checks_pass() -> None:
    operations = Operations(metrics=Metrics(service="test", version="1"))
    operations.ready_when("stream", in_order)
    async with client_of(operations) as client:
        answer = await client.get("/readyz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ready"})


async def test_a_failing_refresh_is_counted_and_the_rest_still_served() -> None:
    operations = Operations(metrics=Metrics(service="test", version="1"))
    operations.refresh_on_scrape("windows", broken)
    async with client_of(operations) as client:
        text = (await client.get("/metrics")).text
    assert 'leadpact_scrape_refresh_failures_total{refresh="windows"} 1.0' in text
    assert 'leadpact_build_info{service="test",version="1"} 1.0' in text
    assert "_created" not in text


def test_metric_names_follow_the_conventions() -> None:
    for metric in all_metrics():
        assert metric.name.startswith("leadpact_")
        assert (metric.kind == "counter") == metric.name.endswith("_total")
        assert metric.help.endswith(".")
        assert not {"lead", "email", "owner"} & set(metric.labels)

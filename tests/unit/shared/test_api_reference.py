"""The API's reference needs no other host, and shows what the document holds as text."""

import httpx
from fastapi import FastAPI, Query

from shared.api_reference import install_reference


async def page() -> httpx.Response:
    app = FastAPI(title="Things & more", version="1", docs_url=None, redoc_url=None)

    @app.get("/api/v1/things", summary="All <things>")
    async def things(colour: str = Query(description="Which colour.")) -> list[str]:
        return [colour]

    install_reference(app)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://service") as client:
        return await client.get("/docs")


async def test_it_names_operations_parameters_and_answers() -> None:
    text = (await page()).text
    assert "<code>GET /api/v1/things</code>" in text
    assert "Which colour." in text
    assert "Validation Error" in text


async def test_it_shows_the_document_as_text() -> None:
    text = (await page()).text
    assert "All &lt;things&gt;" in text
    assert "Things &amp; more" in text


async def test_it_loads_nothing_from_anywhere() -> None:
    answer = await page()
    assert "<script" not in answer.text
    assert "//" not in answer.text.replace("</", "")
    assert answer.headers["content-security-policy"].startswith("default-src 'none'; style-src 'sha256-")

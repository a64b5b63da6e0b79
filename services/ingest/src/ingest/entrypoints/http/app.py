"""The ASGI app: webhooks, operations, and the OpenAPI document of both."""

from importlib.metadata import version
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.types import ASGIApp, Receive, Scope, Send

from ingest.domain.sources import Sources
from ingest.entrypoints.http.openapi import described_paths
from ingest.entrypoints.http.webhooks import PREFIX, Webhooks
from shared.api_reference import install_reference
from shared.operations import Operations
from shared.problem import install_problem_handlers

DESCRIPTION = """Receives webhooks of CRMs and stores them before it answers.

Senders, their kinds and their secrets stand in the sources file; `ingest schema` prints its JSON Schema.
"""


def make_app(*, sources: Sources, webhooks: Webhooks, operations: Operations) -> ASGIApp:
    """All that ingest answers over HTTP."""
    app = FastAPI(
        title="Leadpact ingest",
        version=version("leadpact-ingest"),
        description=DESCRIPTION,
        docs_url=None,  # a page of our own stands there
        redoc_url=None,
    )
    install_problem_handlers(app)
    app.router.routes.extend(operations.routes())

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
            document["paths"] = {**described_paths(sources), **document.get("paths", {})}
            app.openapi_schema = document
        return app.openapi_schema

    install_reference(app)
    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's own way to extend the document
    return Front(people=app, webhooks=webhooks)


class Front:
    """Webhooks take the short way, past middleware and routing that cost as much as all they need."""

    def __init__(self, *, people: ASGIApp, webhooks: ASGIApp) -> None:
        self._people = people
        self._webhooks = webhooks

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One connection."""
        hook = scope["type"] == "http" and scope["path"].startswith(PREFIX)
        await (self._webhooks if hook else self._people)(scope, receive, send)

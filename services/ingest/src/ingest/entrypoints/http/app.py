"""The ASGI app: webhooks, operations, and the OpenAPI document of both."""

from importlib.metadata import version
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.routing import Route

from ingest.domain.sources import Sources
from ingest.entrypoints.http.openapi import described_paths
from ingest.entrypoints.http.webhooks import Webhooks
from shared.operations import Operations
from shared.problem import install_problem_handlers

DESCRIPTION = """Receives webhooks of CRMs and stores them before it answers.

Senders, their kinds and their secrets stand in the sources file; `ingest schema` prints its JSON Schema.
"""


def make_app(*, sources: Sources, webhooks: Webhooks, operations: Operations) -> FastAPI:
    """All that ingest answers over HTTP."""
    app = FastAPI(title="Leadpact ingest", version=version("leadpact-ingest"), description=DESCRIPTION)
    install_problem_handlers(app)
    # First in the list: a webhook should not be compared with the routes of people. What follows the source's name is
    # the secret path that Salesforce may be given.
    hooks = [Route("/webhooks/{source}", webhooks), Route("/webhooks/{source}/{below:path}", webhooks)]
    app.router.routes[:0] = hooks
    app.router.routes.extend(operations.routes())

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
            document["paths"] = {**described_paths(sources), **document.get("paths", {})}
            app.openapi_schema = document
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's own way to extend the document
    return app

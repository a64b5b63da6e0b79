"""The engine's HTTP app: API, pages, operations."""

from collections.abc import Callable
from datetime import datetime
from importlib.metadata import version

from fastapi import FastAPI, Request
from starlette.responses import Response

from shared.operations import Operations
from shared.problem import Problem, install_problem_handlers, problem_response
from sla_engine.application.in_force import InForce
from sla_engine.application.ports import StoreUnavailable
from sla_engine.application.reading import Reader, Unaskable
from sla_engine.entrypoints.http.api import make_api
from sla_engine.entrypoints.http.pages import make_pages

DESCRIPTION = (
    "Every promise on every lead becomes a clock. Lists, explanations and figures; errors are RFC 9457 problems."
)
DOCUMENT_URL = "/api/v1/openapi.json"


def make_app(*, reader: Reader, in_force: InForce, clock: Callable[[], datetime], operations: Operations) -> FastAPI:
    """All routes of the engine."""
    app = FastAPI(
        title="Leadpact sla-engine",
        version=version("leadpact-sla-engine"),
        description=DESCRIPTION,
        openapi_url=DOCUMENT_URL,
        docs_url=None,  # a page of our own stands there: see `reference`
        redoc_url=None,
    )
    install_problem_handlers(app)
    app.add_exception_handler(StoreUnavailable, _unavailable)
    app.add_exception_handler(Unaskable, _unaskable)
    app.include_router(make_api(reader=reader, in_force=in_force, clock=clock))
    app.include_router(make_pages(reader=reader, in_force=in_force, clock=clock, document=app.openapi))
    app.router.routes.extend(operations.routes())
    return app


async def _unavailable(request: Request, error: Exception) -> Response:
    problem = Problem(
        title="Not available for now",
        status=503,
        detail=f"{error}; ask again in a few seconds",
        instance=request.url.path,
    )
    return problem_response(problem, headers={"retry-after": "5"})


async def _unaskable(request: Request, error: Exception) -> Response:
    return problem_response(
        Problem(title="Bad request", status=400, detail=str(error), instance=request.url.path),
    )

"""The engine's HTTP app."""

from collections.abc import Callable
from datetime import datetime

from fastapi import FastAPI

from shared.operations import Operations
from shared.problem import install_problem_handlers
from sla_engine.application.reading import Reader
from sla_engine.domain.agreement import Agreement


def make_app(*, reader: Reader, agreement: Agreement, clock: Callable[[], datetime], operations: Operations) -> FastAPI:
    """All routes of the engine."""
    app = FastAPI(title="Leadpact sla-engine")
    install_problem_handlers(app)
    app.router.routes.extend(operations.routes())
    return app

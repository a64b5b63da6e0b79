"""The notifier over HTTP: operations, and the deliveries as JSON."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Protocol

from fastapi import FastAPI, HTTPException, Query
from pydantic import BaseModel, ConfigDict, Field

from notifier.domain.channels import ChannelKind, Operation, Step
from notifier.domain.delivery import Delivery, State
from shared.api_reference import install_reference
from shared.operations import Operations
from shared.problem import install_problem_handlers

MAX_PAGE = 500
STORABLE = "^[^\\x00]*$"
"""Texts that PostgreSQL can look for."""


class Deliveries(Protocol):
    """What the API reads."""

    async def find(
        self,
        *,
        states: Sequence[State] | None,
        lead: str | None,
        obligation: str | None,
        channel: ChannelKind | None,
        before: int | None,
        limit: int,
    ) -> Sequence[Delivery]:
        """Deliveries by filters, newest first; `before` is the `sequence` below which the page begins."""
        ...

    async def get(self, delivery_id: str) -> Delivery | None:
        """One delivery."""
        ...


class DeliveryOut(BaseModel):
    """One message, or one edit of a message, to one destination."""

    model_config = ConfigDict(from_attributes=True)

    id: str
    sequence: int = Field(description="Grows with every delivery planned.")
    lead: str
    obligation: str
    event_id: str = Field(description="The SLA event it tells of.")
    step: Step
    operation: Operation
    thread: str = Field(description="The delivery whose message an update edits or a follow-up answers; else its own.")
    channel: ChannelKind
    destination: str
    state: State
    attempts: int = Field(description="Tries that failed on their own account.")
    announced_at: datetime
    due_at: datetime | None = Field(description="When it is tried or looked up next; null: nothing more by itself.")
    sent_at: datetime | None
    reason: str | None = Field(description="Why it is in its state.")
    response: str | None = Field(description="The provider's last answer.")


class DeliveryPage(BaseModel):
    """A page, newest first. `next`: give it as `before` for the next page; null: this is the last."""

    deliveries: list[DeliveryOut]
    next: int | None


def build_app(*, deliveries: Deliveries, operations: Operations, version: str) -> FastAPI:
    """The ASGI app."""
    app = FastAPI(
        title="Leadpact notifier",
        version=version,
        description="What was said to whom about promises on leads, and what could not be said.",
        docs_url=None,  # a page of our own stands there
        redoc_url=None,
    )
    install_problem_handlers(app)
    app.router.routes.extend(operations.routes())
    install_reference(app)

    @app.get("/api/v1/deliveries", summary="Deliveries by filters, newest first", tags=["deliveries"])
    async def list_deliveries(  # noqa: PLR0917 - FastAPI reads query parameters from the signature
        state: Annotated[list[State] | None, Query(description="One or more states.")] = None,
        lead: Annotated[str | None, Query(description="Key of a lead.", pattern=STORABLE)] = None,
        obligation: Annotated[str | None, Query(description="Id of an obligation.", pattern=STORABLE)] = None,
        channel: ChannelKind | None = None,
        before: Annotated[int | None, Query(ge=0, lt=2**63, description="The `next` of the page before.")] = None,
        limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 50,
    ) -> DeliveryPage:
        found = await deliveries.find(
            states=state, lead=lead, obligation=obligation, channel=channel, before=before, limit=limit + 1
        )
        page = [DeliveryOut.model_validate(each) for each in found[:limit]]
        return DeliveryPage(deliveries=page, next=page[-1].sequence if len(found) > limit else None)

    @app.get("/api/v1/deliveries/{delivery_id}", summary="One delivery", tags=["deliveries"])
    async def get_delivery(delivery_id: str) -> DeliveryOut:
        found = None if "\0" in delivery_id else await deliveries.get(delivery_id)
        if found is None:
            raise HTTPException(404, f"there is no delivery {delivery_id}")
        return DeliveryOut.model_validate(found)

    return app

"""What the simulator asks of each CRM it plays. The CRMs are the outside world: nothing of ingest is imported here."""

from datetime import datetime
from typing import Protocol

from deploy.demo.cast import Lead
from deploy.demo.stories import Assigned, Called, Created, Disqualified

Fact = Created | Assigned | Called | Disqualified
"""What may happen to a lead; a redelivery is no fact of its own."""


class Dialect(Protocol):
    """How one CRM says things over HTTP."""

    def body(self, lead: Lead, fact: Fact, *, at: datetime, created_at: datetime) -> bytes:
        """The request body for a fact that happened `at` on a lead that exists since `created_at` (aware UTC)."""
        ...

    def again(self, body: bytes) -> bytes:
        """The same message as this CRM would deliver it once more."""
        ...

    def headers(self, body: bytes, *, now: datetime) -> dict[str, str]:
        """The request's headers with the proof of who sends it, made anew for every delivery."""
        ...

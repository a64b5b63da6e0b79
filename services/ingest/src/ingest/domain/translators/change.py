"""One change in a CRM, and the envelope of the events it becomes."""

from collections.abc import Mapping
from datetime import datetime
from typing import TypedDict

from ingest.domain.raw_request import RawRequest
from ingest.domain.sources import Source
from ingest.domain.translation import FailureReason, Untranslatable
from shared.events.envelope import Actor, ChangeOrigin, TimeSource
from shared.events.identity import identifier


class Envelope(TypedDict):
    """The fields that every lead event has."""

    id: str
    source: str
    account: str
    lead: str
    occurred_at: datetime
    time_source: TimeSource
    received_at: datetime
    raw_id: str
    actor: Actor | None
    origin: ChangeOrigin
    traceparent: str | None


class Change:
    """One change in a CRM, from which one or several events are made.

    `key` are the parts of the CRM's own dedup key. An event's id is the hash of the source, the key, the event's type,
    what it is about where a change can tell several of that type, and its ordinal among those: a redelivery gives the
    same ids, and so does a replay under a mapping that has learned more.
    """

    __slots__ = (
        "_key",
        "_ordinals",
        "account",
        "actor",
        "lead",
        "occurred_at",
        "origin",
        "raw",
        "source",
        "time_source",
    )

    def __init__(
        self,
        *,
        raw: RawRequest,
        source: Source,
        key: tuple[str, ...],
        account: str,
        lead: str,
        occurred_at: datetime,
        time_source: TimeSource,
        actor: Actor | None = None,
        origin: ChangeOrigin = ChangeOrigin.UNKNOWN,
    ) -> None:
        self.raw = raw
        self.source = source
        self.account = account
        self.lead = lead
        self.occurred_at = occurred_at
        self.time_source = time_source
        self.actor = actor
        self.origin = origin
        self._key = key
        self._ordinals: dict[tuple[str, str], int] = {}

    def envelope(
        self,
        event_type: str,
        *,
        about: str = "",
        lead: str | None = None,
        occurred_at: datetime | None = None,
        time_source: TimeSource | None = None,
    ) -> Envelope:
        """The envelope of the change's next event of that type; `lead` and times override what the change says."""
        named = (event_type, about)
        ordinal = self._ordinals.get(named, 0)
        self._ordinals[named] = ordinal + 1
        return {
            "id": identifier(self.source.name, *self._key, event_type, about, str(ordinal)),
            "source": self.source.name,
            "account": self.account,
            "lead": lead or self.lead,
            "occurred_at": occurred_at or self.occurred_at,
            "time_source": time_source or self.time_source,
            "received_at": self.raw.received_at,
            "raw_id": self.raw.id,
            "actor": self.actor,
            "origin": self.origin,
            "traceparent": self.raw.traceparent,
        }


def about_attributes(attributes: Mapping[str, object]) -> str:
    """What an event on several attributes is about: which they are. One more in the mapping is an event of its own."""
    return ",".join(sorted(attributes))


def check_account(source: Source, account: str) -> str:
    """`account`, unless the source is configured for another one."""
    if source.account is not None and source.account != account:
        raise Untranslatable(
            FailureReason.WRONG_ACCOUNT,
            f"it belongs to account {account!r}, but source {source.name!r} is configured for {source.account!r}",
        )
    return account

"""Words and figures on the pages: states, instants in the reader's zone, durations, where a time came from."""

from collections.abc import Mapping
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import msgspec

from shared.events.envelope import ChangeOrigin, TimeSource
from sla_engine.application.dossier import Provenance
from sla_engine.domain.durations import say
from sla_engine.domain.instants import SECOND

STATES: Mapping[str, tuple[str, str]] = {
    "on_track": ("On track", "●"),
    "at_risk": ("At risk", "▲"),
    "breached": ("Broken", "✕"),
    "met": ("Kept", "✓"),
    "met_late": ("Done late", "✓"),
    "cancelled": ("No longer counts", "–"),
    "paused": ("Paused", "‖"),
    "excused": ("Excused", "–"),
    "withdrawn": ("Withdrawn", "–"),
}
"""A word and a sign for each state: colour alone tells nobody who cannot see it."""

_TIME_SOURCES = {
    TimeSource.EVENT: "time stamped by the CRM on this change",
    TimeSource.RECORD: "time of the CRM record's last change",
    TimeSource.RECEIVED: "the CRM gave no time: when the request arrived",
}
_ORIGINS = {
    ChangeOrigin.USER: "by a user",
    ChangeOrigin.IMPORT: "by an import",
    ChangeOrigin.WORKFLOW: "by a workflow",
    ChangeOrigin.INTEGRATION: "by an integration",
    ChangeOrigin.API: "through the API",
    ChangeOrigin.MERGE: "by a merge",
    ChangeOrigin.SYSTEM: "by the CRM itself",
}


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """An instant as people read it: in their zone, with UTC behind it."""

    text: str
    utc: str
    iso: str


def instant(at: datetime, zone: ZoneInfo, now: datetime, after: datetime | None = None) -> Shown:
    """Date and time in the reader's zone; the date is left out on the same day, the year in the same year.

    `after` is an instant shown just before: the date is left out on that day, too.
    """
    local, today = at.astimezone(zone), (after or now).astimezone(zone)
    day = "" if local.date() == today.date() else f"{local:%a} {local.day} {local:%b} "
    if local.year != today.year:
        day = f"{day}{local.year} "
    at_utc = at.astimezone(UTC)
    return Shown(
        text=f"{day}{local:%H:%M:%S}",
        utc=f"{at_utc:%Y-%m-%d %H:%M:%S} UTC",
        iso=at_utc.isoformat().replace("+00:00", "Z"),
    )


def relative(at: datetime, now: datetime) -> str:
    """How far away an instant is, such as "in 12 min" or "5 min ago"."""
    apart = say(round(abs((at - now).total_seconds())) * SECOND)
    if apart == "0 s":
        return "now"
    return f"in {apart}" if at > now else f"{apart} ago"


def duration(seconds: float) -> str:
    """A duration, such as "1 h 30 min"; rounded down, as everywhere else, so that sums agree."""
    return say(int(seconds) * SECOND)


def percent(ratio: float) -> str:
    """A ratio as a whole percentage."""
    return f"{ratio * 100:.0f} %"


def origin(provenance: Provenance | None) -> str:
    """Where an event's time came from, and how the change came about."""
    if provenance is None:
        return ""
    by = _ORIGINS.get(provenance.origin)
    return _TIME_SOURCES[provenance.time_source] + (f"; {by}" if by else "")

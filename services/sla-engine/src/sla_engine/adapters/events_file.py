"""Reading lead events from a file, one JSON object a line, as they stand on the stream or written by hand."""

import difflib
import re
import sys
from pathlib import Path
from typing import Any

import msgspec

from shared.events import lead
from shared.events.identity import identifier
from shared.events.lead import LeadEvent
from sla_engine.domain.instants import to_us
from sla_engine.domain.paper_faults import EventsError

_TYPES = sorted(str(kind.__struct_config__.tag) for kind in lead.LeadEvent.__args__)


def read_events(file: Path) -> list[LeadEvent]:
    """The events in a file; `-` is standard input. Empty lines and lines that begin with # are passed over.

    Written by hand, a line may leave out what only machines know: id, source, account, received_at (then it was
    received when it occurred), time_source and raw_id. Raises `EventsError` with every bad line.
    """
    try:
        text = sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise EventsError(str(file), (f"can't be read: {error}",)) from error
    events: list[LeadEvent] = []
    faults: list[str] = []
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip() and not line.lstrip().startswith("#"):
            try:
                events.append(_event(line, number))
            except ValueError as error:
                faults.append(f"line {number}: {error}")
    if faults:
        raise EventsError(str(file), tuple(faults))
    return events


def _event(line: str, number: int) -> LeadEvent:
    try:
        data = msgspec.json.decode(line)
    except msgspec.DecodeError as error:
        raise ValueError(f"is no JSON: {error}. Write one object a line") from error
    if not isinstance(data, dict):
        raise ValueError("is no JSON object. Write one event a line, in braces")  # noqa: TRY004 - a fault of the text
    _check_type(data)
    try:
        event: LeadEvent = msgspec.convert(_completed(data, line, number), lead.LeadEvent)
    except msgspec.ValidationError as error:
        raise ValueError(_said(str(error))) from error
    for name in ("occurred_at", "received_at", "performed_at"):
        if (instant := getattr(event, name, None)) is not None:
            try:
                to_us(instant)
            except ValueError as error:
                raise ValueError(f"{name}: {error}") from error
    return event


def _check_type(data: dict[str, Any]) -> None:
    said = data.get("type")
    if said in _TYPES:
        return
    near = difflib.get_close_matches(str(said), _TYPES, n=1)
    cure = f'Did you mean "{near[0]}"?' if near else f"Write one of {', '.join(_TYPES)}"
    raise ValueError(f'"{said}" is no type of lead event. {cure}' if said is not None else f'"type" is missing. {cure}')


def _completed(data: dict[str, Any], line: str, number: int) -> dict[str, Any]:
    occurred = data.get("occurred_at", data.get("performed_at"))
    by_hand = {
        "id": identifier("line", line.strip()),
        "source": "paper",
        "account": "paper",
        "occurred_at": occurred,
        "received_at": occurred,
        "time_source": "event",
        "raw_id": f"line-{number}",
    }
    if data["type"] == "touch.logged":
        by_hand |= {"touch": f"line-{number}", "performed_at": occurred, "direction": "outbound"}
    if data["type"] == "lead.stage_changed":
        by_hand["raw_stage"] = data.get("stage")
    return {key: value for key, value in {**by_hand, **data}.items() if value is not None or key == "owner"}


def _said(error: str) -> str:
    if missing := re.match(r"Object missing required field `(\w+)`", error):
        return f'"{missing[1]}" is missing. Add it'
    problem, _, place = error.partition(" - at `$.")
    return f"{place.rstrip('`')}: {problem}" if place else problem

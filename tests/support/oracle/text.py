"""An agreement with declared clocks as the text of an agreement file. JSON is YAML."""

import datetime as dt
import json

from tests.support.oracle.declared import Agreement, Clock, Exempt, Member, Window
from tests.support.oracle.paper import hours_entry


def as_text(agreement: Agreement) -> str:
    """The agreement file that says it."""
    head: dict[str, object] = {
        "name": "Oracle",
        "version": agreement.version,
        "timezone": agreement.zone,
        "calendar": agreement.default_hours,
    }
    days = {"from": agreement.first_day, "to": agreement.last_day}
    if any(days.values()):
        head["term"] = {name: day.isoformat() for name, day in days.items() if day is not None}
    return json.dumps(
        {
            "agreement": head,
            "parties": {
                "marketing": {"name": "Marketing", "team": agreement.marketing_team},
                "sales": {"name": "Sales", "team": agreement.sales_team},
            },
            "people": [_person(person) for person in agreement.people],
            "teams": [
                {
                    "name": team,
                    "calendar": hours,
                    "members": [person.id for person in agreement.people if person.team == team],
                    "queues": [queue for queue, served in agreement.queues.items() if served == team],
                }
                for team, hours in agreement.teams.items()
            ],
            "calendars": {name: hours_entry(hours) for name, hours in agreement.hours.items()},
            "segments": [{"name": name, "when": when} for name, when in agreement.segments],
            "exceptions": [_exception(exempt) for exempt in agreement.exceptions],
            "clocks": {clock.id: _clock(clock) for clock in agreement.clocks},
        },
        indent=1,
    )


def _person(person: Member) -> dict[str, object]:
    said: dict[str, object] = {"id": person.id, "name": person.id.title(), "crm": [person.crm]}
    if person.zone is not None:
        said["zone"] = person.zone
    if person.hours is not None:
        said["calendar"] = person.hours
    if person.absences:
        said["absences"] = [_absence(window) for window in person.absences]
    return said


def _absence(window: Window) -> dict[str, str]:
    """Whole days are written as the first and the last of them."""
    start, end = window
    if start.time() == end.time() == dt.time():
        last = end - dt.timedelta(days=1)
        return {"from": start.date().isoformat(), "to": last.date().isoformat(), "why": "Holiday"}
    return {**_window(window), "why": "Doctor"}


def _exception(exempt: Exempt) -> dict[str, object]:
    said: dict[str, object] = {**_window(exempt.window), "why": "Outage", "by": "Erika", "effect": exempt.effect}
    filters = {
        "clocks": exempt.clocks,
        "teams": exempt.teams,
        "sources": exempt.sources,
        "segments": exempt.segments,
    }
    return {**said, **{name: list(values) for name, values in filters.items() if values}}


def _window(window: Window) -> dict[str, str]:
    start, end = window
    return {"from": f"{start:%Y-%m-%d %H:%M}", "to": f"{end:%Y-%m-%d %H:%M}"}


def _clock(clock: Clock) -> dict[str, object]:
    said: dict[str, object] = {
        "name": clock.id.title(),
        "per": clock.per,
        "held_by": clock.held_by,
        "calendar": clock.calendar,
        "warnings": [warning.text for warning in clock.warnings],
        "settle": f"{clock.settle_seconds}s",
        "on_reassignment": "restart" if clock.restart else "continue",
        "blame": clock.blame,
        "targets": {segment: _targets(clock, segment) for segment in clock.targets},
    }
    if clock.times is not None:
        said["times"] = clock.times
    conditions = {
        "start": clock.start,
        "stop": clock.stop,
        "reset": clock.reset,
        "cancel": clock.cancel,
        "pause": clock.pause,
        "resume": clock.resume,
    }
    return {**said, **{name: condition for name, condition in conditions.items() if condition is not None}}


def _targets(clock: Clock, segment: str) -> object:
    several = clock.targets[segment]
    if not several:
        return "none"
    texts = [target.text for target in several]
    said: object = texts[0] if len(texts) == 1 else texts
    return said if several[0].calendar is None else {"within": said, "calendar": several[0].calendar}

"""Asking the calendars that an agreement names for absences, when the agreement is read and never on the hot path.

What they say becomes part of the text (`absences_read`), so that it is stored and hashed with the rest, and every later
reading of the stored text needs no feed.
"""

import datetime as dt
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path as FilePath
from typing import NamedTuple

import httpx
from pydantic import ValidationError

from sla_engine.adapters.agreement_schema import FeedEntry
from sla_engine.adapters.away_events import FeedError, Window, away
from sla_engine.adapters.faults import Faults
from sla_engine.adapters.yaml_lines import Lines, Path
from sla_engine.domain.agreement_faults import AgreementError

KEY = "absences_read"
MOST_BYTES = 5_000_000
SECONDS = 20.0
YEARS_BEFORE, YEARS_AFTER = 1, 2
"""Whole civil years, so that the same feed says the same every day of a year."""

Read = Mapping[str, list[Window]]


class FeedsUnread(AgreementError):  # noqa: N818 - it says what is so
    """Nothing is known to be wrong with the agreement but that calendars it names can't be read now."""


class Asked(NamedTuple):
    """A person's feed, and where the agreement names it."""

    person: str
    path: Path
    feed: FeedEntry


def feeds_in(data: Mapping[str, object]) -> list[Asked]:
    """The feeds that an agreement names; none where what they said stands in it already."""
    people = data.get("people")
    if KEY in data or not isinstance(people, list):
        return []
    found: list[Asked] = []
    for at, person in enumerate(people):
        if isinstance(person, dict) and person.get("absences_ics") is not None:
            try:
                feed = FeedEntry.model_validate(person["absences_ics"])
            except ValidationError:
                continue  # told with the other faults of the file
            found.append(Asked(str(person.get("id") or person.get("name")), ("people", at, "absences_ics"), feed))
    return found


def ask(asked: Asked, *, folder: FilePath, today: dt.date) -> list[Window]:
    """When that person is away. Raises `FeedError`."""
    years = (today.year - YEARS_BEFORE, today.year + YEARS_AFTER)
    return away(_data(asked.feed, folder), counts=asked.feed.events, years=years)


def with_absences(text: str, read: Read) -> str:
    """The agreement's text with what the feeds said at its end."""
    if not read:
        return text
    lines = ["", "# What the calendars named by absences_ics said when this was read.", f"{KEY}:"]
    for person, windows in sorted(read.items()):
        lines.append(f"  {json.dumps(person, ensure_ascii=False)}:{'' if windows else ' []'}")
        lines += [f'    - {{from: "{from_}", to: "{to}"}}' for from_, to in windows]
    return text.rstrip("\n") + "\n" + "\n".join(lines) + "\n"


def completed(
    text: str, data: object, lines: Lines, *, file: FilePath, today: dt.date, before: Read | None = None
) -> tuple[str, tuple[str, ...]]:
    """The text with the absences that its feeds tell of.

    A feed that can't be read is a fault (`FeedsUnread`), or, where `before` has what that person's said before, that
    stands; the second answer says why, for each such person.
    """
    faults, read, stale = Faults(lines), {}, []
    for each in feeds_in(data) if isinstance(data, dict) else ():
        try:
            read[each.person] = ask(each, folder=file.parent, today=today)
        except FeedError as error:
            if before is not None and each.person in before:
                read[each.person] = list(before[each.person])
                stale.append(f"{each.person}: {error}")
            else:
                cure = "Give the path of an .ics file or an https address, or write the absences down"
                faults.add(each.path, f"the calendar of {each.person} can't be read: {error}", cure)
    try:
        faults.stop_if_any(str(file))
    except AgreementError as error:
        raise FeedsUnread(error.file, error.faults) from error
    return with_absences(text, read), tuple(stale)


def read_before(declared: Mapping[str, object]) -> Read:
    """What the feeds said when an agreement was read, from its content."""
    told = declared.get(KEY)
    if not isinstance(told, dict):
        return {}
    return {str(person): [(each["from"], each["to"]) for each in windows] for person, windows in told.items()}


def _data(feed: FeedEntry, folder: FilePath) -> bytes:
    place = feed.feed if feed.env is None else os.environ.get(feed.env, "")
    if not place:
        raise FeedError(f"the environment variable {feed.env} is not set or empty")
    if place.startswith(("webcal://", "webcals://")):
        place = "https://" + place.partition("://")[2]
    return fetched(place) if "://" in place else _file(folder / place)


def _file(path: FilePath) -> bytes:
    try:
        with path.open("rb") as opened:
            return _bounded(opened.read(MOST_BYTES + 1))
    except OSError as error:
        raise FeedError(f"{error.strerror or type(error).__name__}: {path}") from error


def fetched(address: str, *, opened: Callable[[], httpx.Client] | None = None) -> bytes:
    """Over https only, also after a redirect. Errors name the host alone: such addresses hold secrets."""
    make = opened or (lambda: httpx.Client(follow_redirects=True, max_redirects=3, timeout=SECONDS))
    host = httpx.URL(address).host
    if not address.startswith("https://"):
        raise FeedError("its address does not begin with https://")
    deadline = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=SECONDS)
    try:
        with make() as client, client.stream("GET", address) as response:
            if any(each.url.scheme != "https" for each in (*response.history, response)):
                raise FeedError(f"{host} leads to an address that is not https")
            if not response.is_success:
                raise FeedError(f"{host} answers {response.status_code}")
            data = b""
            for part in response.iter_bytes():
                data = _bounded(data + part)
                if dt.datetime.now(dt.UTC) > deadline:
                    raise FeedError(f"{host} takes longer than {SECONDS:.0f} s")
            return data
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise FeedError(f"{host} can't be reached ({type(error).__name__})") from error


def _bounded(data: bytes) -> bytes:
    if len(data) > MOST_BYTES:
        raise FeedError(f"it is larger than {MOST_BYTES // 1_000_000} MB")
    return data

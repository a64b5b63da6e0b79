"""Windows of time from the file: exceptions of the agreement, absences of people."""

import datetime as dt
from collections.abc import Sequence
from zoneinfo import ZoneInfo

from sla_engine.adapters import agreement_schema as schema
from sla_engine.adapters.calendar_words import wall_time
from sla_engine.adapters.faults import Faults
from sla_engine.adapters.yaml_lines import Path
from sla_engine.adapters.zones import known_zones
from sla_engine.domain.agreement import Exception_
from sla_engine.domain.calendar_spec import ClosedWindow
from sla_engine.domain.calendar_year import first_instant, last_instant


def build_exceptions(read: schema.AgreementFile, faults: Faults) -> tuple[Exception_, ...]:
    """The windows among the exceptions; clauses in words are left to people."""
    found: list[Exception_] = []
    for at, entry in enumerate(read.exceptions):
        path: Path = ("exceptions", at)
        if entry.from_ is None and entry.to is None:
            if entry.what is None:
                faults.add(path, "is neither a window nor a clause", 'Say "from:" and "to:", or "what:"')
            continue
        built = _exception(entry, path, read, faults)
        if built is not None:
            found.append(built)
    return tuple(found)


def _exception(
    entry: schema.ExceptionEntry, path: Path, read: schema.AgreementFile, faults: Faults
) -> Exception_ | None:
    for name in ("from_", "to", "why", "by"):
        if getattr(entry, name) is None:
            word = name.rstrip("_")
            faults.add(path, f"{word} is missing", f'Write "{word}:": a window needs its ends, a reason and an author')
    faults_of = (
        ("clocks", entry.clocks, read.clocks, "clock"),
        ("teams", entry.teams, [team.name for team in read.teams], "team"),
        ("segments", entry.segments, [*(segment.name for segment in read.segments), "default"], "segment"),
    )
    for word, said, names, what in faults_of:
        for name in said:
            faults.known((*path, word), name, names, what)
    window = _window(entry.from_ or "", entry.to or "", path, faults)
    if window is None or entry.why is None or entry.by is None or read.agreement.timezone not in known_zones():
        return None
    zone = ZoneInfo(read.agreement.timezone)
    return Exception_(
        from_us=first_instant(window[0], zone),
        to_us=last_instant(window[1], zone),
        effect=entry.effect,
        reason=entry.why,
        author=entry.by,
        clocks=frozenset(entry.clocks),
        teams=frozenset(entry.teams),
        sources=frozenset(entry.sources),
        segments=frozenset(entry.segments),
        line=faults.lines.of(path),
    )


def absences(
    entry: schema.PersonEntry, zone: str, told: Sequence[schema.ReadAbsence], path: Path, faults: Faults
) -> tuple[ClosedWindow, ...]:
    """When a person is away by the clocks of `zone`: by their entry, and by what their calendar `told`."""
    found: list[ClosedWindow] = []
    for at, each in enumerate(entry.absences):
        window = _window(each.from_, each.to, (*path, "absences", at), faults)
        if window is not None:
            found.append(ClosedWindow(window[0], window[1], each.why))
    for at, read in enumerate(told):
        place = ("absences_read", entry.id or entry.name, at)
        window = _window(_by_the_clocks_of(zone, read.from_), _by_the_clocks_of(zone, read.to), place, faults)
        if window is not None:
            found.append(ClosedWindow(window[0], window[1], "away, by their calendar"))
    return tuple(found)


def _by_the_clocks_of(zone: str, text: str) -> str:
    """An instant, such as 2026-03-02T09:00Z, as the clocks of a zone show it; any other text as it is."""
    if not text.endswith("Z") or zone not in known_zones():
        return text
    try:
        instant = dt.datetime.fromisoformat(text)
    except ValueError:
        return text
    return instant.astimezone(ZoneInfo(zone)).replace(tzinfo=None).isoformat(sep=" ", timespec="minutes")


def _window(from_: str, to: str, path: Path, faults: Faults) -> tuple[dt.datetime, dt.datetime] | None:
    """Two readings of a wall clock; a bare date begins at its 00:00 and ends with the day."""
    ends: list[dt.datetime] = []
    for word, text in (("from", from_), ("to", to)):
        if not text:
            return None
        try:
            read = wall_time(text)
        except ValueError as error:
            problem, _, cure = str(error).partition(": ")
            faults.add((*path, word), problem, cure[:1].upper() + cure[1:])
            return None
        ends.append(read + dt.timedelta(days=1) if word == "to" and _is_day(text) else read)
    if ends[1] <= ends[0]:
        faults.add(path, "ends before it begins", "Write the later time under to")
        return None
    return ends[0], ends[1]


def _is_day(text: str) -> bool:
    return len(text.strip()) == len("2026-03-02")

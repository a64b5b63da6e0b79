"""Editions of an agreement, and judging under several of them: docs/clocks.md, "Editions of an agreement".

Each edition is judged on its own; `judge_under` then takes every obligation from the edition it belongs to. So the
verdict is a function of the facts and the editions alone, whatever the order in which either became known.
"""

import enum
import itertools
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Self

import msgspec

from sla_engine.domain.agreement import Agreement, Exception_
from sla_engine.domain.history import History
from sla_engine.domain.instants import from_us, to_us
from sla_engine.domain.judgement import judge
from sla_engine.domain.obligation import Obligation, Verdict

_ALWAYS_US = -(2**62)
"""Before every instant: since then the first edition applies."""
_NEVER_US = 2**62
_WORDS = frozenset({"exceptions", "contacts", "definitions", "consequences", "name", "version", "summary", "review"})
"""Sections of a file, and keys of its section `agreement`, that verdicts of an edition do not depend on."""


class OpenChoice(enum.StrEnum):
    """What an edition means for promises that are open when it is applied."""

    KEEP = "keep"
    """They stay under the edition by which they are judged."""
    RECOMPUTE = "recompute"
    """They are judged by the new edition from their start on."""
    RESTART = "restart"
    """They are judged by the new edition, and their clocks start anew at that instant."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Edition:
    """An agreement that was applied. `number` counts from 1; `applied_us` of the first plays no part."""

    number: int
    agreement: Agreement
    applied_us: int = 0
    open: OpenChoice = OpenChoice.RECOMPUTE

    @property
    def version(self) -> str:
        """The version of its agreement. Two editions may have the same: one was applied again."""
        return self.agreement.version

    @property
    def mark(self) -> str:
        """Names it among all editions."""
        return f"{self.number} {self.version}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Editions:
    """All editions, oldest first, each applied later than the one before; at least one.

    `judged` are their agreements as promises are judged by them: with the exceptions of the newest. `terms` has one
    number for all editions by which the same verdicts come out: they differ in words, or in their exceptions.
    """

    all: tuple[Edition, ...]
    newest: Edition = field(init=False, repr=False)
    judged: tuple[Agreement, ...] = field(init=False, repr=False, compare=False)
    terms: tuple[int, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        instants = [edition.applied_us for edition in self.all[1:]]
        if not self.all or any(late <= early for early, late in itertools.pairwise(instants)):
            raise ValueError("editions must be at least one, each applied later than the one before")
        object.__setattr__(self, "newest", self.all[-1])
        exceptions = self.newest.agreement.exceptions
        judged = tuple([_with(edition.agreement, exceptions) for edition in self.all])
        object.__setattr__(self, "judged", judged)
        terms = [_terms(agreement) for agreement in judged]
        object.__setattr__(self, "terms", tuple([terms.index(each) for each in terms]))

    @classmethod
    def only(cls, agreement: Agreement) -> Self:
        """One edition, from the beginning of time."""
        return cls(all=(Edition(number=1, agreement=agreement),))

    def followed_by(self, agreement: Agreement, *, applied_us: int, open_: OpenChoice) -> Self:
        """These and one more."""
        number = self.newest.number + 1
        added = Edition(number=number, agreement=agreement, applied_us=applied_us, open=open_)
        return type(self)(all=(*self.all, added))

    def known_at(self, instant_us: int) -> Self:
        """Those applied by then: for rehearsals, in which nobody knows yet what will be agreed."""
        known = [edition for place, edition in enumerate(self.all) if not place or edition.applied_us <= instant_us]
        return self if len(known) == len(self.all) else type(self)(all=tuple(known))

    def changed_windows(self, since: str | None) -> frozenset[tuple[int, int]]:
        """The windows of exceptions that the newest edition has and one since the mark has not, or the reverse.

        What is over may count otherwise for them. Every edition since the mark matters: until open leads were judged
        again, arriving events were judged by each in turn. An unknown mark knew of none.
        """
        newest = _exceptions(self.newest.agreement)
        place = next((place for place, each in enumerate(self.all) if each.mark == since), None)
        changed = set(newest) if place is None else set()
        for each in self.all[place or 0 :]:
            changed |= _exceptions(each.agreement) ^ newest
        return frozenset([(each.from_us, each.to_us) for each in changed])

    def by_version(self, version: str) -> Agreement:
        """The agreement that this version names, as promises are judged by it; the newest where none is so named."""
        found = (by for edition, by in zip(self.all, self.judged, strict=True) if edition.version == version)
        return next(found, self.judged[-1])


def _with(agreement: Agreement, exceptions: tuple[Exception_, ...]) -> Agreement:
    return agreement if agreement.exceptions == exceptions else replace(agreement, exceptions=exceptions)


def _exceptions(agreement: Agreement) -> frozenset[Exception_]:
    return frozenset([replace(each, line=0) for each in agreement.exceptions])


def _terms(agreement: Agreement) -> tuple[object, ...]:
    """What verdicts depend on besides exceptions, in the words of the file; and the lines that they name."""
    declared = {name: said for name, said in agreement.declared.items() if name not in _WORDS}
    head = declared.get("agreement")
    if isinstance(head, Mapping):
        declared["agreement"] = {name: said for name, said in head.items() if name not in _WORDS}
    lines = tuple([target.line for clock in agreement.clocks for _, target in clock.targets])
    return json.dumps(declared, sort_keys=True, default=str), agreement.clock_ids, lines


def judge_under(history: History, editions: Editions, now: datetime) -> Verdict:
    """Judge every promise on the lead at `now`, each under the edition it belongs to.

    An edition that is applied after `now` is not in force yet; the verdict's `next_fact_us` comes no later than it.
    """
    if len(editions.all) == 1:
        return judge(history, editions.judged[0], now)
    now_us, newest_us = to_us(now), editions.newest.applied_us
    if newest_us <= now_us and (not history.facts or history.facts[0].at_us >= newest_us):
        return judge(history, editions.judged[-1], now)
    return _Session(history, editions, now_us).verdict()


class _Carried(msgspec.Struct):
    """An obligation and the place of the edition it belongs to. `over`: an edition cancelled it."""

    place: int
    obligation: Obligation
    restarted_us: int | None = None
    over: bool = False

    def ended_by(self, instant_us: int) -> bool:
        """Whether it had ended by then, so that no later edition changes it."""
        if self.over:
            return True
        stopped_us = self.obligation.stopped_us
        return stopped_us is not None and stopped_us <= instant_us


class _Session:
    """One judgement under several editions, told from the first that can matter to the last in force."""

    def __init__(self, history: History, editions: Editions, now_us: int) -> None:
        self.history = history
        self.editions = editions
        self.now_us = now_us
        self.carried: dict[str, _Carried] = {}
        self.known: dict[int, Verdict] = {}

    def verdict(self) -> Verdict:
        """The verdict of the newest edition in force, with every obligation from where it belongs."""
        last = self._last()
        first = min(self._first(), last)
        for place in range(first, last + 1):
            verdict = self._enter(place, since_us=_ALWAYS_US if place == first else self._applied_us(place))
        # Runs that stay under an older edition end with its term, too.
        coming = [each.next_fact_us for each in self.known.values() if each.next_fact_us is not None]
        if self._applied_us(last + 1) < _NEVER_US:
            coming.append(self._applied_us(last + 1))
        obligations = sorted(
            (each.obligation for each in self.carried.values()),
            key=lambda each: (each.started_us, each.clock, each.cycle, each.round),
        )
        return msgspec.structs.replace(
            verdict, obligations=tuple(obligations), next_fact_us=min(coming) if coming else None
        )

    def _first(self) -> int:
        """The edition in force at the first fact: nothing started before it."""
        facts = self.history.facts
        first_us = facts[0].at_us if facts else self.now_us
        return max(place for place in range(len(self.editions.all)) if not place or self._applied_us(place) <= first_us)

    def _last(self) -> int:
        """The newest edition in force."""
        return max(
            place for place in range(len(self.editions.all)) if not place or self._applied_us(place) <= self.now_us
        )

    def _applied_us(self, place: int) -> int:
        return self.editions.all[place].applied_us if place < len(self.editions.all) else _NEVER_US

    def _enter(self, place: int, *, since_us: int) -> Verdict:
        """An edition comes into force: what is open goes on or ends, and from now on runs start under it."""
        verdict = self._judge(place, {})
        runs = {each.id: each for each in verdict.obligations}
        if self.carried:
            restarted = self._carry_over(place, since_us, runs)
            if restarted:
                for each in self._judge(place, restarted).obligations:
                    if each.id in restarted:
                        self.carried[each.id].obligation = each
        until_us = self._applied_us(place + 1)
        for each in verdict.obligations:
            if since_us <= each.started_us < until_us and each.id not in self.carried:
                self.carried[each.id] = _Carried(place, each)
        return verdict

    def _carry_over(self, place: int, at_us: int, runs: Mapping[str, Obligation]) -> dict[str, int]:
        """What the edition applied at `at_us` means for what was open then; which clocks it starts anew."""
        choice, clocks = self.editions.all[place].open, self.editions.judged[place].clock_ids
        restarted: dict[str, int] = {}
        for each in [each for each in self.carried.values() if not each.ended_by(at_us)]:
            now = runs.get(each.obligation.id)
            kept = choice is OpenChoice.KEEP and each.obligation.clock in clocks
            if kept:
                continue
            if now is None or each.obligation.clock not in clocks:
                self._cancel(each, at_us, self.editions.all[place].version)
                continue
            each.place, each.obligation, each.restarted_us = place, now, None
            running = now.started_us < at_us and (now.stopped_us is None or now.stopped_us > at_us)
            if choice is OpenChoice.RESTART and running:
                each.restarted_us = restarted[now.id] = at_us
        return restarted

    def _cancel(self, each: _Carried, at_us: int, version: str) -> None:
        """Nobody promises it any more: it stands as it stood then."""
        known = each.obligation
        if known.started_us > at_us:  # by the edition it came to belong to it starts only later: it never was
            del self.carried[known.id]
            return
        verdict = judge(
            self.history,
            self.editions.judged[each.place],
            from_us(self.now_us),
            restarted_us={} if each.restarted_us is None else {known.id: each.restarted_us},
            unpromised={known.id: (at_us, f"the agreement ({version}) no longer promises it")},
        )
        each.obligation = next(one for one in verdict.obligations if one.id == known.id)
        each.over = True

    def _judge(self, place: int, restarted_us: Mapping[str, int]) -> Verdict:
        by, now = self.editions.judged[place], from_us(self.now_us)
        if restarted_us:
            return judge(self.history, by, now, restarted_us=restarted_us)
        known = self.known.get(self.editions.terms[place])
        if known is None:
            known = self.known[self.editions.terms[place]] = judge(self.history, by, now)
        return known if known.agreement_version == by.version else _in_the_words_of(by, known)


def _in_the_words_of(agreement: Agreement, verdict: Verdict) -> Verdict:
    """The verdict of another edition with the same terms."""
    version = agreement.version
    return msgspec.structs.replace(
        verdict,
        agreement=agreement.name,
        agreement_version=version,
        obligations=tuple([msgspec.structs.replace(each, agreement_version=version) for each in verdict.obligations]),
    )

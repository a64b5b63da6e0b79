"""What would come of an edition for promises that are open: judged on paper, nothing is stored."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

import msgspec

from sla_engine.application.forgetting import is_forgotten
from sla_engine.application.joining import kept_promises
from sla_engine.domain.agreement import Agreement
from sla_engine.domain.editions import Editions, OpenChoice, judge_under
from sla_engine.domain.history import History
from sla_engine.domain.instants import from_us, to_us
from sla_engine.domain.obligation import Obligation, State, Verdict

EXAMPLES = 3
"""So many are shown of each thing that happens to a clock's promises."""


class Tally(msgspec.Struct, kw_only=True):
    """How many of a clock's promises fare how. `open` is what is open now, and is the sum of the six that follow;
    `at_risk`, `broken` and `mended` count besides what turns so at once. `corrected` are closed promises that would
    count otherwise, because an exception was declared, changed or taken back.
    """

    open: int = 0
    stays: int = 0
    earlier: int = 0
    later: int = 0
    cancelled: int = 0
    done: int = 0
    excused: int = 0
    at_risk: int = 0
    broken: int = 0
    mended: int = 0
    corrected: int = 0

    def count(self, words: Iterable[str]) -> None:
        """One more of each."""
        for word in words:
            setattr(self, word, getattr(self, word) + 1)


class Example(msgspec.Struct, frozen=True, kw_only=True):
    """One promise and what would become of it. `what` holds names of `Tally`'s fields."""

    lead: str
    lead_name: str
    clock: str
    what: Sequence[str]
    deadline_before: datetime
    deadline_after: datetime
    state_before: State
    state_after: State


class Outlook(msgspec.Struct, kw_only=True):
    """What one choice would bring: by clock, and with some examples."""

    choice: OpenChoice
    clocks: dict[str, Tally]
    examples: list[Example]


class Forecast:
    """Takes in one lead after the other and sums up, for each choice asked for."""

    def __init__(self, editions: Editions, draft: Agreement, choices: Sequence[OpenChoice], now: datetime) -> None:
        # this machine's clock may lag behind the database's, by which editions are applied
        self._applied_us = max(to_us(now), editions.newest.applied_us + 1)
        self._editions = editions
        self._proposed = {
            choice: editions.followed_by(draft, applied_us=self._applied_us, open_=choice) for choice in choices
        }
        clocks = {**_names(draft), **_names(editions.newest.agreement)}
        self.clock_names: Mapping[str, str] = clocks
        self.outlooks = [
            Outlook(choice=choice, clocks={clock: Tally() for clock in clocks}, examples=[]) for choice in choices
        ]
        self.leads = 0

    def take(self, history: History) -> None:
        """One lead with a promise that is open, or that an exception may concern."""
        if is_forgotten(history):
            return
        self.leads += 1
        before = self._judged(history, self._editions)
        known = {each.id: each for each in before.obligations}
        for outlook in self.outlooks:
            for each in self._judged(history, self._proposed[outlook.choice]).obligations:
                was = known.get(each.id)
                if was is not None:
                    _note(outlook, before, was, each)

    def _judged(self, history: History, editions: Editions) -> Verdict:
        return kept_promises(judge_under(history, editions, from_us(self._applied_us)), history)


def _names(agreement: Agreement) -> dict[str, str]:
    return {clock.id: clock.name for clock in agreement.clocks}


def _note(outlook: Outlook, verdict: Verdict, was: Obligation, now: Obligation) -> None:
    tally = outlook.clocks.setdefault(was.clock, Tally())
    what = _what(was, now)
    tally.count(what)
    if was.stopped_us is None:
        tally.count(["open"])
    telling = [word for word in what if word != "stays"]
    if any(getattr(tally, word) <= EXAMPLES for word in telling):
        outlook.examples.append(
            Example(
                lead=verdict.lead,
                lead_name=verdict.lead_name,
                clock=was.clock,
                what=telling,
                deadline_before=was.deadline,
                deadline_after=now.deadline,
                state_before=was.state,
                state_after=now.state,
            )
        )


def _what(was: Obligation, now: Obligation) -> list[str]:
    """Everything that happens to one promise."""
    if was.stopped_us is not None:
        return [] if now.state is was.state else ["corrected"]
    if now.state is State.CANCELLED:
        return ["cancelled"]
    if now.state is State.EXCUSED:
        return ["excused"]
    if now.stopped_us is not None:
        return ["done"]
    moved = now.deadline_us - was.deadline_us
    what = ["stays" if not moved else "earlier" if moved < 0 else "later"]
    if now.state is not was.state:
        if now.state is State.BREACHED:
            what.append("broken")
        elif was.state is State.BREACHED:
            what.append("mended")
        if now.state is State.AT_RISK:
            what.append("at_risk")
    return what

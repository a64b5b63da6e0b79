"""The story of a lead: which clocks started, stopped, were cancelled or paused, and who held them, by its facts alone.

Nothing here knows of targets or calendars. docs/clocks.md says what is meant: facts of one instant apply in their
order, clocks are asked after each, and what they answered is settled at the end of the instant.
"""

from collections.abc import Mapping, Sequence

import msgspec

from shared.events.envelope import Owner, OwnerKind
from shared.events.lead import Scalar
from sla_engine.domain.agreement import Agreement, Clock
from sla_engine.domain.facts import (
    AnyFact,
    Assigned,
    Attributes,
    Created,
    Deleted,
    Disposed,
    Merged,
    Stage,
    Touch,
)
from sla_engine.domain.moments import Count, Moment
from sla_engine.domain.obligation import Ending
from sla_engine.domain.reasons import because, owned, with_reason
from sla_engine.domain.run import Pause, Run, Track

_USER = OwnerKind.USER  # bound once: in Python 3.11 each look at a member of an enum is a call

_STOP, _RESET, _CANCEL, _PAUSE, _RESUME = range(5)
_STOPPED, _WAS_RESET, _WAS_CANCELLED = Ending.STOPPED, Ending.RESET, Ending.CANCELLED
_STAY_ENDED, _TERM_ENDED = Ending.STAY_ENDED, Ending.TERM_ENDED
_NOTHING: frozenset[str] = frozenset()
_MANY = 2**31


class Story(msgspec.Struct, gc=False):
    """The lead as the facts so far left it, and the runs they made. It is the scene that conditions look at."""

    agreement: Agreement
    source: str
    runs: list[Run] = []
    stage: str | None = None
    held: Owner | None = None
    cycle: int = 0
    fact: AnyFact | None = None
    attributes: dict[str, Scalar] = {}
    ended: frozenset[str] = _NOTHING
    counts: Mapping[Count, int] = {}
    qualified: bool = False
    gone: bool = False
    _tracks: list[Track] = []
    _at_us: int = 0
    _stirred: bool = False
    _paused: bool = False
    _told: dict[str, str] = {}
    _ending: tuple[str, str] | None = None
    _sent_back_in: str | None = None
    _again_us: int | None = None

    def __post_init__(self) -> None:
        self._tracks = [Track(clock, clock.times or _MANY) for clock in self.agreement.clocks]

    def apply(self, facts: Sequence[AnyFact], now_us: int) -> None:  # noqa: C901 - the hot loop, not cut into calls
        """Tell the story up to `now_us`. `facts` are in order."""
        ends_us = self.agreement.ends_us
        listening = self.agreement.plan.listening
        tracks = self._tracks
        at_us: int | None = None
        first = True
        for fact in facts:
            if fact.at_us != at_us:
                if self._stirred:
                    self._settle()
                if ends_us is not None and fact.at_us > ends_us and (at_us is None or at_us <= ends_us):
                    self._end_term(ends_us)
                at_us = self._at_us = fact.at_us
                self._stirred = self._paused
            self.fact = fact
            kind = type(fact)
            if self._change(fact) or first:
                # What begins now held nothing before: every clock is asked whose start may hold by then.
                for place, track in enumerate(tracks):
                    if first or track.clock.in_stay or place in listening[kind]:
                        self._look(track, fact)
                first = False
            else:
                for place in listening[kind]:
                    self._look(tracks[place], fact)
        if self._stirred:
            self._settle()
        if ends_us is not None and now_us >= ends_us and (at_us is None or at_us <= ends_us):
            self._end_term(ends_us)

    # -- what conditions see ------------------------------------------------------------------------------------------

    @property
    def staying(self) -> bool:
        """Whether the lead is in the qualified stages and nothing in this instant ends that."""
        return self.qualified and self._ending is None

    @property
    def owner(self) -> str | None:
        """The owner by the id in the agreement, else in the CRM."""
        if self.held is None:
            return None
        person = self.agreement.person(self.source, self.held.id) if self.held.kind is _USER else None
        return self.held.id if person is None else person.id

    @property
    def team(self) -> str | None:
        """The team of whoever has the lead."""
        team = self.agreement.team_of(self.source, self.held)
        return None if team is None else team.name

    def toucher(self, touch: Touch) -> str | None:
        """Whoever touched the lead, by the id in the agreement, else in the CRM."""
        person = None if touch.by_id is None else self.agreement.person(self.source, touch.by_id)
        return touch.by_id if person is None else person.id

    def team_of_toucher(self, touch: Touch) -> str | None:
        """The team of whoever touched the lead."""
        person = None if touch.by_id is None else self.agreement.person(self.source, touch.by_id)
        return None if person is None else person.team

    # -- what facts change --------------------------------------------------------------------------------------------

    def _change(self, fact: AnyFact) -> bool:  # noqa: C901 - one case a kind of fact
        """Bring the state up to the fact. Whether a stay began by it."""
        kind = type(fact)
        if kind is Touch:
            return False
        if kind is Stage:
            return self._enter(fact)  # type: ignore[arg-type] # the exact type was just compared
        if kind is Assigned:
            self._assign(fact)  # type: ignore[arg-type] # same
            return False
        match fact:
            case Created() | Attributes():
                if kind is Created:
                    self.gone = False
                if self.agreement.plan.asks_attributes:
                    self.attributes = self.attributes | fact.attributes
            case Disposed():
                if self.qualified and fact.disposition.casefold() in self.agreement.closing_dispositions:
                    self._end((fact.id, with_reason(fact.disposition, fact.reason)))
                    if self.stage is not None:
                        # When the lead enters a stage again, be it the same, that is a transition.
                        self._sent_back_in, self.stage = self.stage, None
            case Merged():
                self._lose(fact.id, f"merged into {fact.into}")
            case Deleted():
                self._lose(fact.id, "deleted in the CRM")
            case _:
                pass
        return False

    def _enter(self, fact: Stage) -> bool:
        stage = fact.stage.casefold()
        if stage == self.stage or self.gone:
            return False
        self.stage = stage
        self._told["stage"] = fact.id
        if stage not in self.agreement.qualified_stages:
            self._sent_back_in = None
            if self.qualified:
                self._end((fact.id, f"left the qualified stages: {fact.stage}"))
            return False
        self._ending = None
        if self.qualified:
            return False
        self.qualified = True
        self.cycle += 1
        self._again_us = fact.at_us if stage == self._sent_back_in else None
        self._told["stay"] = fact.id
        for track in self._tracks:
            if track.clock.in_stay:
                track.rounds, track.left, track.rests, track.counts = 0, track.clock.times or _MANY, False, {}
        return True

    def _assign(self, fact: Assigned) -> None:
        owner = fact.owner
        if _same(owner, self.held):
            return
        self.held = owner
        self._told["owner"] = fact.id
        for track in self._tracks:
            run = track.run
            if run is not None and track.clock.follows_owner:
                run.pass_to(fact.at_us, owner)

    def _end(self, because: tuple[str, str]) -> None:
        self._ending = because
        self._stirred = True

    def _lose(self, event: str, reason: str) -> None:
        """The lead is gone; should it be created again, its stage and owner must be told anew."""
        self.gone, self.stage, self.held, self._sent_back_in = True, None, None, None
        self._end((event, reason))

    # -- asking the clocks --------------------------------------------------------------------------------------------

    def _look(self, track: Track, fact: AnyFact) -> None:
        """Ask a clock at a fact."""
        if track.run is None:
            if track.left and self._starts(track) and self._may_start(track):
                self._begin(track, self._grounds(track.clock, fact.id))
                self._ask(track, track.clock.running, fact)
                if track.answers is not None:
                    track.answers[_RESET] = None  # what starts a run does not reset it
            return
        asked = track.clock.asked_at[type(fact)]
        if asked:
            self._ask(track, asked, fact)
        if track.left and self._starts(track) and track.again is None and _stopped(track):
            track.again = fact

    def _starts(self, track: Track) -> bool:
        """Whether the clock's start became true by the fact just applied."""
        start = track.clock.start
        if start.of_facts:
            return self._starts_by_a_fact(track, start)
        before, holds = track.rests, start.holds(self)
        track.rests = holds
        return holds and not before

    def _starts_by_a_fact(self, track: Track, start: Moment) -> bool:
        """The same where a question of the fact is in it: such a question does not hold between facts."""
        if start.counted:
            _count(start.counted, track.counts, self)
        self.counts = track.counts
        became = start.holds(self) and not track.rests
        if start.rests:
            fact, ended = self.fact, self.ended
            self.fact, self.ended = None, _NOTHING
            track.rests = start.holds(self)
            self.fact, self.ended = fact, ended
        return became

    def _may_start(self, track: Track) -> bool:
        agreement = self.agreement
        if agreement.starts_us is not None and self._at_us < agreement.starts_us:
            return False
        if agreement.ends_us is not None and self._at_us >= agreement.ends_us:
            return False
        return (self.qualified and self._ending is None) if track.clock.in_stay else not self.gone

    def _begin(self, track: Track, events: tuple[str, ...]) -> None:
        clock, at_us = track.clock, self._at_us
        track.rounds += 1
        track.left -= 1
        turns = [(at_us, self.held if clock.follows_owner else None)]
        run = (
            Run(clock, self.cycle, track.rounds, at_us, events, turns)
            if clock.in_stay
            else Run(clock, track.rounds, 1, at_us, events, turns)
        )
        track.run = run
        track.answers = track.again = None
        self.runs.append(run)

    def _ask(
        self, track: Track, asked: Sequence[tuple[int, Moment]], fact: AnyFact | None, by: AnyFact | None = None
    ) -> None:
        """Ask of an open run; the first fact by which each holds is remembered, or `by` where there is no fact."""
        if track.clock.counted and track.run is not None:
            _count(track.clock.counted, track.run.counts, self)
            self.counts = track.run.counts
        answers = track.answers
        for place, moment in asked:
            if (answers is None or answers[place] is None) and moment.holds(self):
                if answers is None:
                    answers = track.answers = [None] * 5
                answers[place] = fact or by
                self._stirred = True

    def _grounds(self, clock: Clock, event: str) -> tuple[str, ...]:
        """The events on which a clock's start rests, the one that gave it among them."""
        told = self._told
        events = [told[word] for word in clock.rests_on if word in told]
        if clock.start.of_facts or not events:
            events.append(event)
        return (events[0],) if len(events) == 1 else tuple(dict.fromkeys(events))

    # -- the end of an instant ----------------------------------------------------------------------------------------

    def _settle(self) -> None:
        ending = self._ending
        last = self.fact
        if ending is not None and self._again_us == self._at_us:
            self._withdraw_stay()
        ended: dict[str, AnyFact] = {}
        chained = self.agreement.plan.chained
        for place, track in enumerate(self._tracks):
            if track.run is not None and not (chained and place in chained):
                self._close(track, ended)
        for place in chained:
            self._link(self._tracks[place], ended)
        self.fact = last
        if ending is not None:
            self._leave()
        self._stirred = False
        self._paused = any([track.run is not None and track.run.paused for track in self._tracks])  # noqa: C419 - twice as fast

    def _close(self, track: Track, ended: dict[str, AnyFact]) -> None:
        """Settle what the open run's clock answered in this instant."""
        clock, run, answers, again = track.clock, track.run, track.answers, track.again
        assert run is not None
        track.answers = track.again = None
        over = self._ending if clock.in_stay or self.gone else None
        done = None if answers is None else answers[_STOP] or answers[_RESET]
        if done is not None and answers is not None:
            stopped = answers[_STOP] is not None
            asked = clock.stop if stopped or clock.reset is None else clock.reset
            self._stop(run, asked, done, _STOPPED if stopped else _WAS_RESET)
            ended[clock.id] = done
            track.run = None
            follow = again if stopped else done
            if follow is not None and over is None and track.left and self._may_start(track):
                self._begin(track, (follow.id,))
                self._look_around(track, follow, ended)
        elif answers is not None and (fact := answers[_CANCEL]) is not None:
            run.cancel(self._at_us, fact.id, self._because(fact), _WAS_CANCELLED)
            track.run = None
        elif over is not None:
            run.cancel(self._at_us, *over, _STAY_ENDED)
            track.run = None
        elif answers is not None and (fact := answers[_PAUSE]) is not None and self._pauses(clock):
            if not run.paused:
                run.pauses.append(Pause(self._at_us, fact.id))
        elif run.paused and self._resumes(clock, answers):
            pause = run.pauses[-1]
            by = self.fact if answers is None or answers[_RESUME] is None else answers[_RESUME]
            pause.to_us, pause.to_event = self._at_us, None if by is None else by.id

    def _pauses(self, clock: Clock) -> bool:
        """Whether it is paused, having been told so: a pause by state alone is as the state is in the end."""
        return clock.resume is not None or (clock.pause is not None and clock.pause.holds(self))

    def _resumes(self, clock: Clock, answers: list[AnyFact | None] | None) -> bool:
        if clock.resume is not None:
            return answers is not None and answers[_RESUME] is not None
        return clock.pause is not None and not clock.pause.holds(self)

    def _link(self, track: Track, ended: dict[str, AnyFact]) -> None:
        """Tell a clock that waits for others what ended, then settle it."""
        by = next((fact for clock, fact in ended.items() if clock in track.clock.chained), None)
        if by is not None:
            self.fact, self.ended = None, frozenset(ended)
            if track.run is not None:
                self._ask(track, track.clock.running, None, by)
                if track.left and self._starts(track) and _stopped(track):
                    track.again = by
            elif track.left and self._starts(track) and self._may_start(track):
                self._begin(track, self._grounds(track.clock, by.id))
                self._look_around(track, by, ended)
                return
            self.ended = _NOTHING
        if track.run is not None:
            self._close(track, ended)

    def _look_around(self, track: Track, by: AnyFact, ended: dict[str, AnyFact]) -> None:
        """A run that begins when its instant is over sees the state as it then is, and is not reset by it."""
        fact, self.fact, self.ended = self.fact, None, _NOTHING
        self._ask(track, track.clock.running, None, by)
        if track.answers is not None:
            track.answers[_RESET] = None
            self._close(track, ended)
        self.fact = fact

    def _withdraw_stay(self) -> None:
        """A snapshot of a lead that was sent back states its stage and the disposition once more: nothing began."""
        self.runs = [run for run in self.runs if run.cycle != self.cycle or not run.clock.in_stay]
        self.cycle -= 1
        for track in self._tracks:
            if track.clock.in_stay:
                track.run = track.answers = track.again = None

    def _leave(self) -> None:
        """The stay is over."""
        self.qualified, self._ending, self._again_us = False, None, None

    def _end_term(self, ends_us: int) -> None:
        for track in self._tracks:
            if track.run is not None:
                track.run.cancel(ends_us, None, "the agreement ended", _TERM_ENDED)
                track.run = None
        self._paused = False

    # -- words --------------------------------------------------------------------------------------------------------

    def _stop(self, run: Run, asked: Moment, fact: AnyFact, ending: Ending) -> None:
        """Done, by this fact or by what was so already when the run began."""
        owner = self._told.get("owner")
        if type(fact) not in asked.kinds and "owner" in asked.grounds and owner is not None:
            run.stop(self._at_us, owner, f"{owned(self.held)} already", ending)
        else:
            run.stop(self._at_us, fact.id, self._because(fact), ending)

    def _because(self, fact: AnyFact) -> str:
        """Why something ended, in a person's words."""
        return f"{fact.channel.value} by {self._who(fact)}" if isinstance(fact, Touch) else because(fact)

    def _who(self, touch: Touch) -> str:
        """Who touched the lead, by the best name there is."""
        if touch.by_id is None:
            return touch.by_name or "a person"
        person = self.agreement.person(self.source, touch.by_id)
        if person is not None:
            return person.name
        owners = self.held.name if self.held is not None and self.held.id == touch.by_id else None
        return touch.by_name or owners or touch.by_id


def _stopped(track: Track) -> bool:
    return track.answers is not None and track.answers[_STOP] is not None


def _count(counted: Sequence[Count], counts: dict[Count, int], story: Story) -> None:
    for each in counted:
        if each.part.holds(story):
            counts[each] = counts.get(each, 0) + 1


def _same(one: Owner | None, other: Owner | None) -> bool:
    if one is None or other is None:
        return one is other
    return one.id == other.id and one.kind is other.kind

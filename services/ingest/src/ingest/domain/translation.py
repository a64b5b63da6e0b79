"""What became of a raw request: events, what was left out and why, and what could not be understood."""

import enum
from collections.abc import Iterable

import msgspec

from shared.events.lead import LeadEvent


class FailureReason(enum.StrEnum):
    """Why a part could not be translated: a closed set, it feeds metrics and dead letters."""

    MALFORMED_BODY = "malformed_body"
    """The body is not what its kind says it should be."""
    MALFORMED_PART = "malformed_part"
    """One part of the body lacks something, or has it in a wrong form."""
    MALFORMED_TIME = "malformed_time"
    """An instant that can't be read."""
    UNMAPPED_STAGE = "unmapped_stage"
    """A stage the mapping does not know. Add it to the mapping and replay."""
    UNMAPPED_DEAL_STAGE = "unmapped_deal_stage"
    """A deal stage the mapping does not know."""
    REDACTED = "redacted"
    """The CRM hides a value that is needed."""
    WRONG_ACCOUNT = "wrong_account"
    """The part belongs to another account than the source is configured for."""
    RULE_FAILED = "rule_failed"
    """A rule of the mapping gave something that the event does not take."""
    TOO_MANY_PARTS = "too_many_parts"
    """More parts than the CRM ever sends in one request."""
    BUG = "bug"
    """The translator itself failed; the detail names the exception. Report it."""


class Step(msgspec.Struct, frozen=True, gc=False):
    """Part number `part` (from 0) became `event`, because `why`."""

    part: int
    event: LeadEvent
    why: str


class Ignored(msgspec.Struct, frozen=True, gc=False):
    """Part number `part`, or `what` of it, became nothing, because `why`."""

    part: int
    what: str
    why: str


class Failure(msgspec.Struct, frozen=True, gc=False):
    """Part number `part` could not be translated (None: the request as a whole). `detail` says place and cure."""

    part: int | None
    reason: FailureReason
    detail: str


class Translation(msgspec.Struct, frozen=True, kw_only=True):
    """The result for one raw request. Failed parts go to the dead letters; all the others count.

    A part may fail in one respect and count in others (an unknown stage, a known owner). It has one failure at most,
    whose reason is that of the first respect and whose detail names all; done again with a corrected mapping, the
    events that counted before come out with the same ids.
    """

    steps: tuple[Step, ...] = ()
    ignored: tuple[Ignored, ...] = ()
    failures: tuple[Failure, ...] = ()

    @property
    def events(self) -> tuple[LeadEvent, ...]:
        """The events alone, in the order of the parts."""
        return tuple(step.event for step in self.steps)


class Untranslatable(Exception):  # noqa: N818 - it carries a verdict, not a fault
    """Raised inside a translator to give up one part (or the whole body) with a reason."""

    def __init__(self, reason: FailureReason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


PartResult = LeadEvent | str
"""What a translator yields for a part is a pair: (event, why), or (what was ignored, why)."""

Told = Iterable[tuple[PartResult, str]]
"""What a translator tells of one part, in order."""


class Collector:
    """Gathers what translators tell, part by part, and within a part respect by respect."""

    def __init__(self) -> None:
        self._steps: list[Step] = []
        self._ignored: list[Ignored] = []
        self._failures: dict[int | None, Failure] = {}
        self._seen: set[str] = set()

    def part(self, index: int, told: Told) -> None:
        """Take what is told of part `index` in one respect: all of it, or, if `Untranslatable` is raised, none."""
        try:
            results = list(told)
        except Untranslatable as refusal:
            self.fail(index, refusal)
            return
        for result, why in results:
            if isinstance(result, str):
                self._ignored.append(Ignored(index, result, why))
            elif result.id in self._seen:
                self._ignored.append(Ignored(index, "the whole part", "the same change was told twice in one request"))
            else:
                self._seen.add(result.id)
                self._steps.append(Step(index, result, why))

    def fail(self, index: int | None, refusal: Untranslatable) -> None:
        """Part `index`, or the whole request, can't be translated."""
        before = self._failures.get(index)
        if before is None:
            self._failures[index] = Failure(index, refusal.reason, refusal.detail)
        else:
            self._failures[index] = Failure(index, before.reason, f"{before.detail}; {refusal.detail}")

    def result(self) -> Translation:
        """All that was gathered."""
        return Translation(
            steps=tuple(self._steps), ignored=tuple(self._ignored), failures=tuple(self._failures.values())
        )

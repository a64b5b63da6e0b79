"""What became of a payload and why, as lines for people: what `ingest translate` prints."""

from collections.abc import Iterator

import msgspec

from ingest.domain.translation import Failure, Ignored, Step, Translation
from shared.events.lead import Event, event_type

_ENVELOPE = frozenset(Event.__struct_fields__) | {"type"}


def presented(translation: Translation) -> list[str]:
    """The lines: part by part what it became, what was left out, what failed; a summary last.

    ```
    part 0
      → lead.stage_changed  stage=mql raw_stage=marketingqualifiedlead
          lead hubspot:62515:contact:1801, at 2024-01-16T16:27:47.780Z (event), by user 7, origin workflow
          because lifecyclestage = 'marketingqualifiedlead' is stage 'mql'
      · lastname = 'Okoye' ignored: mapping.attributes does not name it
    1 event, 1 ignored, 0 failures
    ```
    """
    lines: list[str] = []
    for part in _parts(translation):
        lines.append("the request as a whole" if part is None else f"part {part}")
        for step in translation.steps:
            if step.part == part:
                lines.extend(_step(step))
        lines.extend(_ignored(one) for one in translation.ignored if one.part == part)
        lines.extend(_failure(one) for one in translation.failures if one.part == part)
    lines.append(_summary(translation))
    return lines


def _parts(translation: Translation) -> list[int | None]:
    numbered = {one.part for one in translation.steps} | {one.part for one in translation.ignored}
    failed = {one.part for one in translation.failures}
    whole: list[int | None] = [None] if None in failed else []
    return whole + sorted(part for part in numbered | failed if part is not None)


def _step(step: Step) -> Iterator[str]:
    event = step.event
    yield f"  → {event_type(event)}  {' '.join(_own_fields(event))}".rstrip()
    yield f"      {', '.join(_circumstances(event))}"
    yield f"      because {step.why}"


def _own_fields(event: Event) -> Iterator[str]:
    for name, value in msgspec.to_builtins(event).items():
        if name not in _ENVELOPE:
            shown = value if isinstance(value, str) and " " not in value else msgspec.json.encode(value).decode()
            yield f"{name}={shown}"


def _circumstances(event: Event) -> Iterator[str]:
    yield f"lead {event.lead}"
    at = msgspec.to_builtins(event.occurred_at)
    yield f"at {at} ({event.time_source.value})"
    if event.actor is not None:
        yield f"by {event.actor.kind.value} {event.actor.name or event.actor.id or ''}".rstrip()
    yield f"origin {event.origin.value}"


def _ignored(one: Ignored) -> str:
    return f"  · {one.what} ignored: {one.why}"


def _failure(one: Failure) -> str:
    return f"  ✗ {one.reason.value}: {one.detail}"


def _summary(translation: Translation) -> str:
    counts = (
        (len(translation.steps), "event", "events"),
        (len(translation.ignored), "ignored", "ignored"),
        (len(translation.failures), "failure", "failures"),
    )
    return ", ".join(f"{count} {one if count == 1 else many}" for count, one, many in counts)

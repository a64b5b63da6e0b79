"""Whatever an event says, its message is one that Slack takes, and one that says nothing in Slack's own signs."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from notifier.domain.channels import ChannelKind, Operation, Step
from notifier.domain.delivery import Delivery
from notifier.domain.rendering import names_of, render
from notifier.domain.review import Entry
from notifier.domain.roll_up import render_roll_up
from notifier.domain.slack_text import escaped, link, plain
from notifier.domain.terminal import terminal_lines
from shared.events.envelope import OwnerKind
from shared.events.forgetting import without_person
from shared.events.sla import AnySlaEvent, Escalation, HolderTime, ObligationBreached, Party
from tests.support import sla_events
from tests.support.slack_blocks import ADVISED_TEXT, refusal, width

PROPERTY = settings(derandomize=True, max_examples=150, deadline=None)

SETTLED = (Step.MET_LATE, Step.CANCELLED, Step.RETRACTED)
MOST_DRAWN = 5
"""Of a long list; the others are like the last of these."""

words = st.one_of(
    st.text(max_size=60),
    st.text(alphabet="<>&*_~`|@!#: \n\u202e😀a", max_size=40),
    st.sampled_from(["&" * 4000, "😀" * 2000, "<" * 800, "", " ", "<!channel>", "<@U0EVIL>", "a" * 5000]),
)
seconds = st.floats(min_value=0, max_value=1e9, allow_nan=False)
instants = st.integers(min_value=0, max_value=4_000_000_000).map(lambda at: datetime.fromtimestamp(at, tz=UTC))
parties = st.builds(
    Party,
    id=words,
    name=words,
    kind=st.sampled_from([None, *OwnerKind]),
    team=st.none() | words,
    zone=st.none() | st.sampled_from(["Europe/Paris", "America/St_Johns", "nowhere", "../etc"]),
    slack=st.none() | st.sampled_from(["U0MARALIND", "C0INBOUND", "W1", "U<x>"]),
)
holder_times = st.builds(
    HolderTime, holder=parties, since=instants, to=st.none() | instants, business_seconds=seconds, wall_seconds=seconds
)
escalations = st.none() | st.builds(Escalation, team=words, channel=st.none() | words, manager=st.none() | parties)
FIELDS = {
    "lead": words,
    "lead_name": words,
    "clock_name": words,
    "agreement": words,
    "agreement_version": words,
    "segment": words,
    "summary": words,
    "started_at": instants,
    "deadline": instants,
    "occurred_at": instants,
    "announced_at": instants,
    "target_seconds": seconds,
    "business_seconds": seconds,
    "holder": parties,
    "holders": st.lists(holder_times, max_size=12).map(tuple),
    "escalation": escalations,
    "crm_url": st.none() | words | st.sampled_from(["https://crm.example/<x>|y", "https://crm.example/" + "ä" * 900]),
    "late": st.booleans(),
}


@st.composite
def cases(draw: st.DrawFn) -> tuple[Step, AnySlaEvent, AnySlaEvent | None]:
    """A step with an event that takes it, and the event it is about."""
    breach = msgspec.structs.replace(sla_events.breached(), **{name: draw(each) for name, each in FIELDS.items()})
    changed = {name: getattr(breach, name) for name in FIELDS} | {"summary": draw(words)}
    reason = draw(words)
    step: Step = draw(st.sampled_from(list(Step)))
    match step:
        case Step.WARNING:
            return step, sla_events.at_risk(**{name: getattr(breach, name) for name in FIELDS}), None
        case Step.BREACH:
            return step, breach, None
        case Step.MET_LATE:
            return step, sla_events.met_late(**changed), breach
        case Step.CANCELLED:
            return step, sla_events.cancelled(**changed, reason=reason), breach
        case Step.RETRACTED | Step.RESTORED:
            return step, sla_events.retracted(breach, **changed, reason=reason), breach
        case Step.FORGOTTEN:
            bare = without_person(breach)
            return step, bare, bare


@PROPERTY
@given(case=cases(), waited=st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=30)))
def test_slack_takes_the_message_of_any_event(
    case: tuple[Step, AnySlaEvent, AnySlaEvent | None], waited: timedelta
) -> None:
    step, event, about = case
    message = render(step, event, about=about, console_url="http://console.example", now=event.announced_at + waited)
    assert refusal(message.text, list(message.blocks)) is None
    assert width(message.text) <= ADVISED_TEXT
    assert message == render(
        step, event, about=about, console_url="http://console.example", now=event.announced_at + waited
    )


@st.composite
def lists(draw: st.DrawFn) -> list[Entry]:
    """Broken promises of anybody, some of them settled since."""
    entries = []
    for number in range(draw(st.sampled_from([2, 3, 41]))):
        if number < MOST_DRAWN:
            said = {name: draw(each) for name, each in FIELDS.items()}
        breach = msgspec.structs.replace(sla_events.breached(), id=str(number), **said)
        later = draw(st.sampled_from([None, *SETTLED])) if number < MOST_DRAWN else None
        entries.append(
            Entry(
                delivery=delivery(number),
                event=breach,
                later=[] if later is None else [settling(later, breach, said)],
            )
        )
    return entries


def settling(step: Step, breach: ObligationBreached, said: dict[str, Any]) -> AnySlaEvent:
    """What becomes of it."""
    if step is Step.MET_LATE:
        return sla_events.met_late(**said)
    return sla_events.cancelled(**said) if step is Step.CANCELLED else sla_events.retracted(breach, **said)


def delivery(number: int) -> Delivery:
    return Delivery(
        id=str(number),
        obligation=str(number),
        lead="l",
        event_id=str(number),
        channel=ChannelKind.SLACK,
        destination="C1",
        step=Step.BREACH,
        operation=Operation.POST,
        thread="0",
        announced_at=sla_events.DEADLINE,
        due_at=None,
        sequence=number,
    )


@settings(PROPERTY, max_examples=50)
@given(entries=lists())
def test_slack_takes_the_list_of_any_broken_promises(entries: list[Entry]) -> None:
    message = render_roll_up(entries, console_url="http://console.example", now=sla_events.DEADLINE)
    assert refusal(message.text, list(message.blocks)) is None
    assert width(message.text) <= ADVISED_TEXT
    texts = [block["text"]["text"] for block in message.blocks[1:] if "text" in block]
    for inside in re.findall(r"<([^<>]*)>", "\n".join([*texts, message.text])):
        assert re.match(r"date\^|@[UW][A-Z0-9]+$|https?://", inside.removeprefix("!")), inside
    for text in texts:
        assert re.sub(r"<[^<>]*>", "", text).count("<") == 0


@PROPERTY
@given(case=cases())
def test_what_stands_in_angle_brackets_was_put_there_by_us(
    case: tuple[Step, AnySlaEvent, AnySlaEvent | None],
) -> None:
    step, event, about = case
    message = render(step, event, about=about, console_url="http://console.example", now=event.announced_at)
    texts = [block["text"]["text"] for block in message.blocks[1:] if "text" in block]
    texts += [
        part["text"] for block in message.blocks[1:] for part in (*block.get("fields", ()), *block.get("elements", ()))
    ]
    for inside in re.findall(r"<([^<>]*)>", "\n".join([*texts, message.text])):
        assert re.match(r"date\^|@[UW][A-Z0-9]+$|https?://", inside.removeprefix("!")), inside
    for text in texts:
        assert re.sub(r"<[^<>]*>", "", text).count("<") == 0


@PROPERTY
@given(case=cases())
def test_any_message_reads_as_lines_of_text(case: tuple[Step, AnySlaEvent, AnySlaEvent | None]) -> None:
    step, event, about = case
    message = render(step, event, about=about, console_url="http://console.example", now=event.announced_at)
    lines = terminal_lines(message.blocks, names=names_of(event))
    assert len(lines) >= len(message.blocks)
    assert all("\n" not in line for line in lines)


@PROPERTY
@given(text=words, limit=st.integers(min_value=1, max_value=300))
def test_no_text_is_longer_than_its_limit_nor_cut_inside_an_escape(text: str, limit: int) -> None:
    assert width(plain(text, limit)) <= limit
    cut = escaped(text, limit)
    assert width(cut) <= limit
    assert re.sub(r"&(amp|lt|gt);", "", cut).count("&") == 0


@PROPERTY
@given(url=words | st.sampled_from(["https://x.example/a?b=c&d=<e>|f", "HTTP://X.EXAMPLE", "http://[::1]/"]))
def test_a_link_is_one_link(url: str) -> None:
    made = link(url, "label")
    if made is not None:
        assert re.fullmatch(r"<https?://[^<>|\s]*\|label>", made, re.IGNORECASE), made

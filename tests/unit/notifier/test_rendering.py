"""What people read, word by word."""

from datetime import timedelta

import msgspec
import pytest

from notifier.domain.channels import Step
from notifier.domain.rendering import Message, names_of, render
from notifier.domain.terminal import terminal_lines
from shared.events.sla import AnySlaEvent, Escalation
from tests.support import sla_events
from tests.support.sla_events import DEADLINE, START

SUMMARY = "Nobody has contacted Juno Vale within 1 h; Mara Lind has held the lead for 50 min of business time."
CRM_PAGE = "https://app.example.com/contacts/515/contact/77"
CONSOLE = "https://leadpact.example.com"


def rendered(step: Step, event: AnySlaEvent, about: AnySlaEvent | None = None) -> Message:
    return render(step, event, about=about, console_url=CONSOLE, now=event.announced_at)


def lines(step: Step, event: AnySlaEvent, about: AnySlaEvent | None = None) -> list[str]:
    return terminal_lines(rendered(step, event, about).blocks, names=names_of(event))


def test_a_breach_names_lead_owner_deadline_and_who_held_it_how_long() -> None:
    assert lines(Step.BREACH, sla_events.breached()) == [
        "🔴 First touch missed: Juno Vale",
        f"   @Theo Brandt {SUMMARY}",
        "   Owner            @Mara Lind (Inbound)",
        "   Was due          Mon 02 Mar 11:00 CET",
        "   Promised within  1 h of business time",
        "   Held for         Inbound queue 10 min → Mara Lind 50 min",
        f"   Timeline and reasons: {CONSOLE}/leads/hubspot:515:contact:77 · Open in the CRM: {CRM_PAGE}",
        "   Agreement Sales and marketing 3, segment default",
    ]


def test_a_warning_says_when_it_is_due() -> None:
    assert lines(Step.WARNING, sla_events.at_risk())[:4] == [
        "🟡 First touch due soon: Juno Vale",
        "   Juno Vale still waits for a first touch: 15 min of business time left; Mara Lind holds the lead.",
        "   Owner            @Mara Lind (Inbound)",
        "   Due              Mon 02 Mar 11:00 CET",
    ]


def test_done_late_says_when_and_how_late_and_strikes_what_was_said() -> None:
    assert lines(Step.MET_LATE, sla_events.met_late(), sla_events.breached())[:4] == [
        "🟠 First touch done late: Juno Vale",
        "   Juno Vale was contacted late.",
        "   Done Mon 02 Mar 11:12 CET, 12 min of business time too late.",
        f"   ~{SUMMARY}~",
    ]


def test_a_retraction_says_what_was_wrong_and_why() -> None:
    breach, warning = sla_events.breached(), sla_events.at_risk()
    assert lines(Step.RETRACTED, sla_events.retracted(breach), breach)[:3] == [
        "⚪ First touch not missed after all: Juno Vale",
        "   Taken back: First touch of Juno Vale was announced as breached, but a call at 09:30 was logged later.",
        f"   ~{SUMMARY}~",
    ]
    assert lines(Step.RETRACTED, sla_events.retracted(warning), warning)[0] == (
        "⚪ First touch: warning taken back: Juno Vale"
    )


def test_a_cancellation_says_why() -> None:
    assert lines(Step.CANCELLED, sla_events.cancelled(), sla_events.breached())[:2] == [
        "⚪ First touch no longer due: Juno Vale",
        "   First touch of Juno Vale no longer counts: the lead was sent back to marketing.",
    ]


def test_a_reason_that_the_summary_leaves_out_is_added() -> None:
    event = sla_events.cancelled(summary="No longer due.", reason="merged away")
    assert lines(Step.CANCELLED, event, sla_events.breached())[1:3] == ["   No longer due.", "   Why: merged away"]


def test_times_are_shown_in_each_readers_zone() -> None:
    fields = rendered(Step.BREACH, sla_events.breached()).blocks[2]["fields"]
    assert fields[1]["text"] == (
        f"*Was due*\n<!date^{int(DEADLINE.timestamp())}^{{date_short_pretty}} {{time}}|Mon 02 Mar 11:00 CET>"
    )


def test_an_unknown_zone_falls_back_to_utc() -> None:
    holder = msgspec.structs.replace(sla_events.OWNER, zone="Mars/Olympus")
    assert "   Was due          Mon 02 Mar 10:00 UTC" in lines(Step.BREACH, sla_events.breached(holder=holder))


def test_a_breach_without_a_manager_mentions_nobody() -> None:
    event = sla_events.breached(escalation=Escalation(team="Inbound", channel="C0INBOUND"))
    assert rendered(Step.BREACH, event).blocks[1]["text"]["text"].startswith("Nobody has contacted")


@pytest.mark.parametrize(
    ("event", "now_after"),
    [(sla_events.breached(late=True), timedelta(0)), (sla_events.breached(), timedelta(minutes=6))],
    ids=["marked by the engine", "waited here"],
)
def test_a_late_message_says_so(event: AnySlaEvent, now_after: timedelta) -> None:
    now = event.announced_at + now_after
    message = render(Step.BREACH, event, about=None, console_url=CONSOLE, now=now)
    assert "⏱ This message is late: it was due" in message.blocks[3]["elements"][2]["text"]


def test_signs_from_outside_can_neither_mention_nor_link_nor_format() -> None:
    event = sla_events.breached(lead_name="<!channel> *Bold* & <https://evil.example|x>", summary="<@U1> `code`")
    message = rendered(Step.BREACH, event)
    assert message.blocks[1]["text"]["text"] == "<@U0THEOBRANDT> &lt;@U1&gt; ˋcodeˋ"
    assert "<!channel>" not in message.text
    assert "&lt;!channel&gt;" in message.text


@pytest.mark.parametrize("url", ["javascript:alert(1)", "http://[broken", "https://x.example/" + "a" * 3000, ""])
def test_an_address_that_can_not_be_a_link_is_left_out(url: str) -> None:
    message = rendered(Step.BREACH, sla_events.breached(crm_url=url))
    assert "CRM" not in message.blocks[3]["elements"][0]["text"]


def test_the_text_of_a_notification_tells_it_all_in_one_look() -> None:
    assert rendered(Step.BREACH, sla_events.breached()).text == (f"🔴 First touch missed: Juno Vale\n{SUMMARY}")


def test_a_message_about_a_lead_without_a_name_has_its_key() -> None:
    event = sla_events.breached(lead_name=" ", started_at=START)
    assert lines(Step.BREACH, event)[0] == "🔴 First touch missed: hubspot:515:contact:77"

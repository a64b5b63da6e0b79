"""The page that imitates Slack shows what Slack would: mentions by name, dates by their fallback, nothing as HTML."""

import pytest

from tests.support.slack_render import page


def shown(text: str, **message: object) -> str:
    blocks = [{"type": "section", "text": {"type": "mrkdwn", "text": text}}]
    return page([{"channel": "# sales", "at": "10:00", "blocks": blocks, **message}])


def test_a_member_is_shown_by_name() -> None:
    assert '<span class="mention">@Maria Lund</span>' in shown("<@U0MARIA> look", names={"U0MARIA": "Maria Lund"})


def test_a_date_is_shown_by_its_fallback() -> None:
    assert "Due 10:00 UTC." in shown("Due <!date^1772445600^{time}|10:00 UTC>.")


def test_links_bold_and_struck_text_look_so() -> None:
    text = shown("*Why:* ~no~ <https://crm.example/1|Open>")
    assert '<b>Why:</b> <s>no</s> <a href="https://crm.example/1">Open</a>' in text


def test_what_people_wrote_stays_text() -> None:
    assert "&lt;script&gt;" in shown("Lead &lt;script&gt;")
    headings = page([{"channel": "c", "at": "", "blocks": [{"type": "header", "text": {"text": "<b>"}}]}])
    assert "&lt;b&gt;" in headings


def test_an_edited_message_says_so() -> None:
    assert "(edited)" in shown("x", edited=True)
    assert "(edited)" not in shown("x")


def test_a_block_that_can_not_be_shown_is_named() -> None:
    with pytest.raises(ValueError, match="'actions' can't be shown yet"):
        page([{"channel": "c", "at": "", "blocks": [{"type": "actions"}]}])

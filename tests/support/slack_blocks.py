"""Slack's published limits of messages, as the fake enforces them: the reason why Slack would refuse, or None."""

from collections.abc import Iterable, Mapping
from typing import Any

MAX_BLOCKS = 50
MAX_TEXT = 40_000
ADVISED_TEXT = 4_000


def refusal(text: object, blocks: object) -> str | None:
    """Slack's error for a message, with what is wrong; None: it is taken."""
    if text is not None and not isinstance(text, str):
        return "invalid_arguments: text is no string"
    if not blocks:
        return None if text else "no_text: neither text nor blocks"
    if not isinstance(blocks, list):
        return "invalid_blocks_format: blocks are no list"
    if isinstance(text, str) and width(text) > MAX_TEXT:
        return "msg_too_long: text"
    if len(blocks) > MAX_BLOCKS:
        return f"invalid_blocks: {len(blocks)} blocks"
    wrong = next((reason for block in blocks for reason in _faults(block)), None)
    return None if wrong is None else f"invalid_blocks: {wrong}"


def width(text: str) -> int:
    """UTF-16 code units, as JavaScript counts."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _faults(block: Mapping[str, Any]) -> Iterable[str]:
    match block.get("type"):
        case "header":
            yield from _text_faults(block.get("text"), limit=150, kinds={"plain_text"})
        case "section":
            yield from _section_faults(block)
        case "context":
            elements = block.get("elements", [])
            if not 1 <= len(elements) <= 10:
                yield f"context with {len(elements)} elements"
            for element in elements:
                yield from _text_faults(element, limit=3000, kinds={"mrkdwn", "plain_text"})
        case "divider":
            return
        case kind:
            yield f"a block of type {kind}"


def _section_faults(block: Mapping[str, Any]) -> Iterable[str]:
    if "text" not in block and "fields" not in block:
        yield "a section with neither text nor fields"
    if "text" in block:
        yield from _text_faults(block["text"], limit=3000, kinds={"mrkdwn", "plain_text"})
    if "fields" in block and not 1 <= len(block["fields"]) <= 10:
        yield f"a section with {len(block['fields'])} fields"
    for field in block.get("fields", ()):
        yield from _text_faults(field, limit=2000, kinds={"mrkdwn", "plain_text"})


def _text_faults(text: object, *, limit: int, kinds: set[str]) -> Iterable[str]:
    if not isinstance(text, Mapping) or text.get("type") not in kinds or not isinstance(text.get("text"), str):
        yield f"a text object that is none of {sorted(kinds)}"
    elif not 1 <= width(text["text"]) <= limit:
        yield f"a text of {width(text['text'])} characters where {limit} are the limit"

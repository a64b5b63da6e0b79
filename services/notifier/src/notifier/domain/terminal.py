"""The same blocks as lines of text, for terminals and files."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

_DATE = re.compile(r"<!date\^\d+\^[^|>]*\|([^>]*)>")
_MEMBER = re.compile(r"<@([UW][A-Z0-9]+)>")
_LINK = re.compile(r"<([^@!#|>][^|>]*)\|([^>]*)>")
_BOLD = re.compile(r"(?<![^\s(])\*([^*\n]+)\*")


def terminal_lines(blocks: Sequence[Mapping[str, Any]], *, names: Mapping[str, str]) -> list[str]:
    """`blocks` as lines. `names` gives the names behind Slack member ids."""
    return [line for block in blocks for line in _lines(block, names)]


def _lines(block: Mapping[str, Any], names: Mapping[str, str]) -> Iterator[str]:
    match block["type"]:
        case "header":
            yield block["text"]["text"]
        case "section":
            if "text" in block:
                for line in _read(block["text"]["text"], names).splitlines():
                    yield f"   {line}"
            yield from _columns([_read(field["text"], names) for field in block.get("fields", ())])
        case "context":
            for element in block["elements"]:
                yield f"   {_read(element['text'], names)}"
        case _:
            yield f"   [{block['type']}]"


def _columns(fields: Sequence[str]) -> Iterator[str]:
    """`Name\\nvalue` fields as aligned lines."""
    pairs = [field.partition("\n") for field in fields]
    width = max((len(name) for name, _, _ in pairs), default=0)
    for name, _, value in pairs:
        yield f"   {name:<{width}}  {value}"


def _read(text: str, names: Mapping[str, str]) -> str:
    text = _DATE.sub(lambda found: found[1], text)
    text = _MEMBER.sub(lambda found: "@" + names.get(found[1], found[1]), text)
    text = _LINK.sub(lambda found: f"{found[2]}: {found[1]}", text)
    text = _BOLD.sub(lambda found: found[1], text)
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")

"""Block Kit messages as a page that looks as Slack does, for pictures in the documents and for looking at a change.

`python -m tests.support.slack_render MESSAGES.json PAGE.html`: the file holds a list of `{"channel", "at", "blocks",
"edited"}`, with an optional `"names"` of members. Pictures are taken by any browser, for example
`chromium --headless --screenshot=PICTURE.png --window-size=W,H PAGE.html`.
"""

import html
import json
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

APP_NAME = "Leadpact"
STYLE = """
:root { color-scheme: light; }
body { margin: 0; background: #fff; color: #1d1c1d;
  font: 15px/1.46668 Lato, "Noto Sans", "Liberation Sans", sans-serif; }
main { max-width: 720px; padding: 8px 0 12px; }
.channel { padding: 10px 20px; border-bottom: 1px solid #e5e5e5; font-weight: 900; font-size: 18px; }
.message { display: flex; gap: 10px; padding: 12px 20px 6px; }
.avatar { flex: none; width: 36px; height: 36px; border-radius: 6px; background: #1f4e5f; color: #fff;
  text-align: center; font-weight: 900; line-height: 36px; }
.who { font-weight: 900; }
.badge { background: #e8e8e8; color: #616061; border-radius: 2px; font-size: 10px; font-weight: 700; padding: 1px 4px;
  margin: 0 6px; vertical-align: 1px; }
.at, .edited { color: #616061; font-size: 12px; }
.body { min-width: 0; flex: 1; }
.header { font-weight: 900; font-size: 18px; margin: 6px 0 4px; }
.section { margin: 4px 0 8px; overflow-wrap: anywhere; }
.fields { display: grid; grid-template-columns: 1fr 1fr; gap: 8px 16px; }
.context { color: #616061; font-size: 13px; margin: 2px 0; }
a { color: #1264a3; text-decoration: none; }
.mention { background: #e8f5fa; color: #1264a3; border-radius: 3px; padding: 0 2px 1px; }
s { color: #616061; }
"""

_CONTROL = re.compile(r"<([^<>]*)>")
_BOLD = re.compile(r"(?<![\w*])\*([^*\n]+)\*(?![\w*])")
_STRUCK = re.compile(r"(?<![\w~])~([^~\n]+)~(?![\w~])")
_CODE = re.compile(r"`([^`\n]+)`")


def page(messages: Sequence[Mapping[str, Any]]) -> str:
    """A whole page; the messages of a channel stand below its name."""
    parts: list[str] = []
    channel = None
    for message in messages:
        if message["channel"] != channel:
            channel = message["channel"]
            parts.append(f'<div class="channel">{html.escape(channel)}</div>')
        parts.append(_message(message))
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{APP_NAME}</title>'
        f"<style>{STYLE}</style><main>{''.join(parts)}</main></html>"
    )


def _message(message: Mapping[str, Any]) -> str:
    names = message.get("names", {})
    blocks = "".join(_block(block, names) for block in message["blocks"])
    edited = '<span class="edited">(edited)</span>' if message.get("edited") else ""
    return (
        f'<div class="message"><div class="avatar">L</div><div class="body"><span class="who">{APP_NAME}</span>'
        f'<span class="badge">APP</span><span class="at">{html.escape(message["at"])}</span>'
        f"{blocks}{edited}</div></div>"
    )


def _block(block: Mapping[str, Any], names: Mapping[str, str]) -> str:
    match block["type"]:
        case "header":
            return f'<div class="header">{html.escape(block["text"]["text"])}</div>'
        case "section":
            text = f'<div class="section">{_text(block["text"], names)}</div>' if "text" in block else ""
            fields = "".join(f"<div>{_text(field, names)}</div>" for field in block.get("fields", ()))
            return text + (f'<div class="section fields">{fields}</div>' if fields else "")
        case "context":
            return "".join(f'<div class="context">{_text(each, names)}</div>' for each in block["elements"])
        case other:
            raise ValueError(f"a block of type {other!r} can't be shown yet; add it to {Path(__file__).name}")


def _text(text: Mapping[str, str], names: Mapping[str, str]) -> str:
    """Slack's mrkdwn as HTML. Only control sequences stand in `<…>`; what people wrote comes escaped (`&lt;`)."""
    if text["type"] == "plain_text":
        return html.escape(text["text"])
    shown = _CONTROL.sub(lambda found: _control(found[1], names), text["text"])
    shown = _CODE.sub(r"<code>\1</code>", shown)
    shown = _STRUCK.sub(r"<s>\1</s>", _BOLD.sub(r"<b>\1</b>", shown))
    return shown.replace("\n", "<br>")


def _control(sequence: str, names: Mapping[str, str]) -> str:
    target, _, label = sequence.partition("|")
    if target.startswith("!date^"):
        return label
    if target.startswith("@"):
        return f'<span class="mention">@{html.escape(names.get(target[1:], target[1:]))}</span>'
    return f'<a href="{target}">{label or target}</a>'


def main(arguments: Sequence[str]) -> int:
    """Read the messages, write the page."""
    if len(arguments) != 2:
        sys.stderr.write("usage: python -m tests.support.slack_render MESSAGES.json PAGE.html\n")
        return 2
    source, target = map(Path, arguments)
    target.write_text(page(json.loads(source.read_text(encoding="utf-8"))), encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))

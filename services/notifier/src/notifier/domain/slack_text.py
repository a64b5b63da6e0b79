"""Text for Slack: escaped, within limits, with mentions, links and times in each reader's own zone."""

from datetime import UTC, datetime, tzinfo
from urllib.parse import quote, urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

ELLIPSIS = "…"
MAX_URL = 1000
"""A longer address is left out: a link that is cut leads nowhere."""
_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
# Slack has no escape for its formatting signs: look-alikes keep a name from opening bold, strike or code.
_LOOK_ALIKES = {"*": "∗", "~": "∼", "`": "ˋ"}


def one_line(text: str) -> str:
    """White space of any kind becomes single spaces, and characters that don't print go."""
    printable = "".join(sign if sign.isprintable() else " " for sign in text)
    return " ".join(printable.split())


def plain(text: str, limit: int) -> str:
    """At most `limit` characters of one line, for plain-text fields; an ellipsis shows that something was cut."""
    line = one_line(text)
    return line if width(line) <= limit else _cut(line, limit, escapes={})


def escaped(text: str, limit: int) -> str:
    """One line for mrkdwn, at most `limit` characters after escaping."""
    line = "".join(_LOOK_ALIKES.get(sign, sign) for sign in one_line(text))
    whole = "".join(_ESCAPES.get(sign, sign) for sign in line)
    return whole if width(whole) <= limit else _cut(line, limit, escapes=_ESCAPES)


def link(url: str | None, label: str) -> str | None:
    """A link, or None where the address is missing, not http(s), or too long. `label` is text of ours, not escaped."""
    if not url or _scheme(url) not in {"http", "https"}:
        return None
    safe = quote(url, safe="%/:?#[]@!$&'()+,;=~-._")
    safe = "".join(_ESCAPES.get(sign, sign) for sign in safe)
    return f"<{safe}|{label}>" if len(safe) <= MAX_URL else None


def moment(at: datetime, *, zone: str | None) -> str:
    """An instant, shown by Slack in each reader's zone; others read the fallback, in `zone` or UTC."""
    epoch = int(at.timestamp())
    return f"<!date^{epoch}^{{date_short_pretty}} {{time}}|{local(at, zone=zone)}>"


def local(at: datetime, *, zone: str | None) -> str:
    """An instant as text in a named zone, such as `Mon 22 Nov 14:05 CET`; in UTC where the zone is not known."""
    return f"{at.astimezone(_zone(zone)):%a %d %b %H:%M %Z}"


def mention(slack_id: str) -> str | None:
    """A mention of a member (U…, W…), or None for what is no member id."""
    return f"<@{slack_id}>" if slack_id[:1] in {"U", "W"} and slack_id.isalnum() and slack_id.isascii() else None


def _zone(name: str | None) -> tzinfo:
    try:
        return ZoneInfo(name) if name else UTC
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC


def _scheme(url: str) -> str:
    try:
        return urlsplit(url).scheme.lower()
    except ValueError:
        return ""


def width(text: str) -> int:
    """How long Slack takes a text to be: in UTF-16 code units, as JavaScript counts."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _cut(line: str, limit: int, *, escapes: dict[str, str]) -> str:
    room = limit - len(ELLIPSIS)
    kept: list[str] = []
    for sign in line:
        sent = escapes.get(sign, sign)
        room -= width(sent)
        if room < 0:
            break
        kept.append(sent)
    return "".join(kept).rstrip() + ELLIPSIS

"""Durations and warnings as people write them: "15m", "1h 30m", "2 business days", "75%", "15m left"."""

import re
from dataclasses import dataclass

from sla_engine.domain.instants import DAY, HOUR, MINUTE, SECOND

_UNITS = {
    "us": 1, "ms": 1000,
    "s": SECOND, "sec": SECOND, "secs": SECOND, "second": SECOND, "seconds": SECOND,
    "m": MINUTE, "min": MINUTE, "mins": MINUTE, "minute": MINUTE, "minutes": MINUTE,
    "h": HOUR, "hr": HOUR, "hrs": HOUR, "hour": HOUR, "hours": HOUR,
}  # fmt: skip
_PART = re.compile(r"\s*(\d+(?:\.\d{1,6})?)\s*([a-z]+)\s*", re.IGNORECASE)
_BUSINESS_DAYS = re.compile(r"\s*(\d+(?:\.\d{1,6})?)\s*business\s*days?\s*", re.IGNORECASE)
_PLAIN_DAYS = re.compile(r"\s*\d+(?:\.\d+)?\s*(?:d|days?|w|weeks?)\s*", re.IGNORECASE)
_PERCENT = re.compile(r"\s*(\d{1,2}(?:\.\d+)?)\s*%(?:\s*used)?\s*", re.IGNORECASE)
_SHARE = re.compile(r"\s*(\d{1,3}(?:\.\d+)?)\s*%\s*")
_LEFT = re.compile(r"\s*(.+?)\s+(?:left|before)\s*", re.IGNORECASE)
_WALL = re.compile(r"\s*(.+?)\s+wall(?:\s+time)?\s*", re.IGNORECASE)
_DAYS = re.compile(r"\s*(\d+(?:\.\d{1,6})?)\s*(?:d|days?)\s*", re.IGNORECASE)
_DAY_WITHOUT_TIME = re.compile(r"\s*(?:by\s+)?(?:same|next)\s*business\s*days?\s*", re.IGNORECASE)
_APPOINTMENT = re.compile(
    r"\s*(?:by\s+)?(same|next|\d{1,3})\s*business\s*days?\s*(?:at|by|,)?\s*(\d{1,2}):(\d{2})\s*", re.IGNORECASE
)
_EXAMPLES = 'such as "90s", "15m", "1h 30m" or "2 business days"'


class DurationError(ValueError):
    """The text is no duration; the message says what to write instead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Duration:
    """An amount of business time (`wall`: of the wall clock's time, in which every hour counts).

    `business_days` is resolved by the calendar in which the clock starts.
    """

    text: str
    us: int = 0
    business_days: float = 0.0
    wall: bool = False

    def in_calendar(self, business_day_us: int) -> int:
        """Microseconds, where the calendar's own day has `business_day_us` of them."""
        return self.us + round(self.business_days * business_day_us) if self.business_days else self.us


@dataclass(frozen=True, slots=True, kw_only=True)
class Appointment:
    """A time of the wall clock, `minute` minutes after midnight, on the `business_days`-th business day from the start:
    0 is the start's own day if that time is not past yet, 1 the next business day."""

    text: str
    business_days: int
    minute: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Warning_:  # noqa: N801 - `Warning` is a builtin exception
    """When to warn: once `used` (0–1) of the target is used, or when `left_us` of it is left."""

    name: str
    used: float | None = None
    left_us: int = 0

    def after_us(self, target_us: int) -> int | None:
        """Business time from the start after which the warning is due. None: the target is no longer than that."""
        if self.used is not None:
            return round(target_us * self.used)
        return target_us - self.left_us if self.left_us < target_us else None


def parse_duration(text: str) -> Duration:
    """Read a duration. Raises `DurationError` with the cure; a bare day is refused, for it may mean two things."""
    if days := _BUSINESS_DAYS.fullmatch(text):
        return Duration(text=text.strip(), business_days=float(days[1]))
    if _PLAIN_DAYS.fullmatch(text):
        raise DurationError(
            f'"{text.strip()}" may mean the calendar\'s own days or 24 hours each: write "1 business day" or "24h"'
        )
    total_us, at = 0, 0
    while at < len(text) and (part := _PART.match(text, at)):
        unit = _UNITS.get(part[2].lower())
        if unit is None:
            break
        total_us += round(float(part[1]) * unit)
        at = part.end()
    if at == 0 or at < len(text):
        raise DurationError(f'"{text.strip()}" is no duration: write one {_EXAMPLES}')
    return Duration(text=text.strip(), us=total_us)


def parse_target(text: str) -> Duration | Appointment:
    """Read a target: a duration, "4h wall", or "next business day 10:00". Raises `DurationError` with the cure."""
    if said := _APPOINTMENT.fullmatch(text):
        hour, minute = int(said[2]), int(said[3])
        if hour > 23 or minute > 59:
            raise DurationError(f'"{said[2]}:{said[3]}" is no time of day: write one from 00:00 to 23:59')
        days = {"same": 0, "next": 1}.get(said[1].lower())
        return Appointment(
            text=text.strip(), business_days=int(said[1]) if days is None else days, minute=hour * 60 + minute
        )
    if wall := _WALL.fullmatch(text):
        if days_of_wall := _DAYS.fullmatch(wall[1]):
            return Duration(text=text.strip(), us=round(float(days_of_wall[1]) * DAY), wall=True)
        duration = parse_duration(wall[1])
        if duration.business_days:
            raise DurationError(
                f'"{text.strip()}" mixes business days and the wall clock: write "2 days wall" or "48h wall"'
            )
        return Duration(text=text.strip(), us=duration.us, wall=True)
    if _DAY_WITHOUT_TIME.fullmatch(text):
        raise DurationError(f'"{text.strip()}" says no time of day: write it such as "next business day 10:00"')
    try:
        return parse_duration(text)
    except DurationError as error:
        more = ', "4h wall" or "next business day 10:00"'
        raise DurationError(str(error).replace(_EXAMPLES, _EXAMPLES.replace(" or ", ", ") + more)) from None


def parse_warning(text: str) -> Warning_:
    """Read a warning: "75%" of the target used, or "15m left". Raises `DurationError` with the cure."""
    if percent := _PERCENT.fullmatch(text):
        used = float(percent[1]) / 100
        if used > 0:
            return Warning_(name=text.strip(), used=used)
    elif left := _LEFT.fullmatch(text):
        duration = parse_duration(left[1])
        if not duration.business_days and duration.us > 0:
            return Warning_(name=text.strip(), left_us=duration.us)
    raise DurationError(f'"{text.strip()}" is no warning: write a share of the target such as "75%", or "15m left"')


def parse_share(text: str) -> float:
    """Read a share such as "90%" or "99.5%". Raises `DurationError` with the cure."""
    share = _SHARE.fullmatch(text)
    if share is None or not 0 < float(share[1]) <= 100:
        raise DurationError(f'"{text.strip()}" is no share: write one such as "90%"')
    return float(share[1]) / 100


def say(duration_us: int) -> str:
    """A duration for people: "45 s", "58 min", "1 h 30 min", "2 d 3 h"."""
    units = ((DAY, "d"), (HOUR, "h"), (MINUTE, "min"), (SECOND, "s"))
    if 0 < duration_us < SECOND:
        return "less than 1 s"
    rest, words = max(duration_us, 0), []
    for unit, word in units:
        amount, rest = divmod(rest, unit)
        if amount:
            words.append(f"{amount} {word}")
        elif words:
            break
        if len(words) == 2:
            break
    return " ".join(words) or "0 s"

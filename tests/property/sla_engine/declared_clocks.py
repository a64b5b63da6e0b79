"""Agreements that declare clocks of every kind, for properties that must hold whatever is declared."""

from datetime import timedelta

from hypothesis import strategies as st

from sla_engine.adapters.agreement_file import parse_agreement
from sla_engine.domain.agreement import Agreement
from sla_engine.domain.editions import Editions, OpenChoice
from sla_engine.domain.instants import to_us
from tests.property.sla_engine.stories import BEGIN, SPAN_MINUTES
from tests.support.story_builder import agreement, utc

_HEAD = """
agreement: {name: Test agreement, version: 1, timezone: %(zone)s%(term)s}
parties:
  marketing: {name: Marketing, team: Campaigns}
  sales: {name: Sales, team: Inside sales}
people:
  - {name: Max Muster, id: max, crm: ["u-max"]}
  - name: Eva Example
    id: eva
    crm: ["crm:u-eva"]
    calendar: late
    absences: [{from: "2024-01-09 14:00", to: "2024-01-09 16:00", why: dentist}]
  - {name: Mia Manager, id: mia}
teams:
  - {name: Inside sales, members: [max, eva], manager: mia, queues: [q-inbound], calendar: office}
  - {name: Campaigns, manager: mia, calendar: office}
calendars:
  office: {week: {monday-friday: ["08:00-12:00", "13:00-17:00"]}}
  late: {week: {monday-friday: "13:00-21:00"}}
segments:
  - name: Enterprise
    when: {attribute: size, at_least: 1000}
%(exceptions)s
clocks:
%(clocks)s
"""

_FAMILIES = """
  handoff: {targets: {Enterprise: 30m, default: 1h}, warnings: ["50%"], settle: 0s}
  acceptance: {targets: {default: 2h}, calendar: owner, on_reassignment: restart, blame: first_holder}
  first_touch: {targets: {Enterprise: 15m, default: 1h}, warnings: ["50%", "10m left"], calendar: owner}
  next_touch: {targets: {default: 3h}, warnings: ["75%"], blame: longest_holder}
  attempt: {targets: {default: [1h, 2h, 4h]}, calendar: always, times: 3}
  depth: {targets: {default: 6h}}
  disposition: {targets: {Enterprise: none, default: 1 business day}, warnings: ["25%", "75%"]}
  opportunity: {targets: {default: next business day 10:00}}
"""

_PAUSED = """
  first_touch:
    targets: {default: 1h}
    warnings: ["50%"]
    calendar: owner
    pause: {stage: [sal]}
  answer:
    start: {qualified: true}
    stop: {event: [lead.accepted, lead.rejected]}
    pause: {owner_kind: [queue, nobody]}
    targets: {default: same business day 17:00}
    warnings: ["50%"]
    calendar: team
  wall:
    per: lead
    start: {event: lead.created}
    stop: {touch: {channels: [call]}, count: 2}
    pause: {event: lead.rejected}
    resume: {event: [lead.assigned, lead.disposed]}
    cancel: {event: lead.disposed}
    targets: {default: 5h wall}
    warnings: ["80%"]
"""

_CHAINED = """
  first_touch: {targets: {default: 30m}, calendar: always}
  second:
    start: {ended: first_touch}
    stop: {touch: {}}
    pause: {stage: [sal]}
    targets: {default: 2h}
    calendar: owner
    on_reassignment: restart
    warnings: ["50%"]
  third:
    per: lead
    start: {any: [{ended: second}, {all: [{owner_kind: person}, {not: {qualified: true}}]}]}
    stop: {any: [{ended: first_touch}, {event: lead.attributes_changed}]}
    reset: {event: lead.stage_changed, stage: [recycled]}
    times: 4
    held_by: marketing
    targets: {default: [1h, next business day 09:30]}
  gap:
    per: lead
    start: {touch: {}}
    reset: {touch: {}}
    stop: {event: lead.converted}
    cancel: {event: lead.deleted}
    targets: {default: 90m}
    held_by: Inside sales
    calendar: team
"""

_EXCEPTIONS = """
exceptions:
  - {from: "2024-01-08 10:00", to: "2024-01-08 11:30", effect: pause, why: outage, by: Mia Manager}
  - from: "2024-01-09 09:00"
    to: "2024-01-09 10:30"
    effect: pause
    why: snow
    by: Mia Manager
    teams: [Inside sales]
  - {from: "2024-01-08 12:00", to: "2024-01-08 14:30", effect: excuse, why: fire drill, by: Mia Manager}
  - from: "2024-01-09"
    to: "2024-01-10"
    effect: excuse
    why: strike
    by: Mia Manager
    clocks: [first_touch]
"""


def _agreement(clocks: str, *, zone: str = "UTC", term: str = "", exceptions: str = "") -> Agreement:
    text = _HEAD % {"zone": zone, "term": term, "exceptions": exceptions, "clocks": clocks}
    return parse_agreement(text, today=utc("2024-01-01").date())


DECLARED: list[Agreement] = [
    _agreement(_FAMILIES),
    _agreement(_FAMILIES, zone="Australia/Lord_Howe", exceptions=_EXCEPTIONS),
    _agreement(_PAUSED),
    _agreement(_PAUSED, exceptions=_EXCEPTIONS, zone="America/St_Johns"),
    _agreement(_CHAINED),
    _agreement(_CHAINED, exceptions=_EXCEPTIONS),
    _agreement(
        "\n".join(
            [_PAUSED.rstrip(), _CHAINED.replace("  first_touch: {targets: {default: 30m}, calendar: always}\n", "")]
        ),
        term=", term: {from: 2024-01-08, to: 2024-01-09}",
        exceptions=_EXCEPTIONS,
    ),
]
"""All families, every kind of condition, pauses by state and by event, chains, rounds, appointments, wall targets,
exceptions of both effects, and a term."""


@st.composite
def editions(draw: st.DrawFn) -> Editions:
    """One of these agreements, or two of which the second is applied in the middle of the story; often the same again,
    with another choice for what is open."""
    choices = [agreement(warnings='"50%", "75%"'), *DECLARED]
    first = draw(st.sampled_from(choices))
    found = Editions.only(first)
    if draw(st.booleans()):
        applied = BEGIN + timedelta(minutes=draw(st.integers(0, SPAN_MINUTES + 600)))
        second = first if draw(st.booleans()) else draw(st.sampled_from(choices))
        found = found.followed_by(second, applied_us=to_us(applied), open_=draw(st.sampled_from(list(OpenChoice))))
    return found

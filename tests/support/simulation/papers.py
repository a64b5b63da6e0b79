"""The agreements of the runs: promises of seconds, around the clock, so that a run is over in minutes."""

from dataclasses import dataclass
from functools import lru_cache

from sla_engine.adapters.agreement_file import parse_agreement
from sla_engine.domain.agreement import Agreement
from tests.support.simulation.chance import Chance
from tests.support.simulation.process import BEGIN

PAPER = """
agreement: {{name: Simulated agreement, version: 1, timezone: UTC}}
parties:
  marketing: {{name: Marketing, team: Campaigns}}
  sales: {{name: Sales, team: Inside sales}}
people:
  - {{name: Max Muster, id: max, crm: ["u-max"]}}
  - {{name: Eva Example, id: eva, crm: ["u-eva"]}}
teams:
  - {{name: Inside sales, members: [max, eva], manager: max, queues: [q-inbound]}}
  - {{name: Campaigns, manager: eva}}
calendars:
  nonstop: {{week: {{daily: "00:00-24:00"}}}}
segments:
  - name: Enterprise
    when: {{attribute: size, at_least: 1000}}
clocks:
  handoff: {{targets: {{default: {handoff}s}}, settle: {settle}s, warnings: ["75%"]}}
  first_touch:
    targets: {{Enterprise: 10s, default: {touch}s}}
    settle: {settle}s
    warnings: ["50%", "75%"]
    on_reassignment: {reassignment}
    {pause}
{more}
{exceptions}
"""

ATTEMPTS = """
  attempt:
    start: {qualified: true, owner_kind: person}
    reset: {touch: {}}
    stop: {event: lead.disposed}
    times: 3
    targets: {default: [10s, 20s, 30s]}
"""
CHAIN = """
  answer:
    start: {ended: first_touch}
    stop: {event: [lead.accepted, lead.rejected]}
    targets: {default: 20s}
    warnings: ["50%"]
"""
DEPTH = """
  depth:
    per: lead
    start: {stage: [mql]}
    stop: {touch: {}, count: 2}
    cancel: {event: lead.rejected}
    targets: {default: 30s}
    blame: longest_holder
"""
MORE = (ATTEMPTS, CHAIN, DEPTH)
LONGEST_SECONDS = 40.0
"""The longest target of any paper."""


@dataclass(frozen=True, kw_only=True)
class Shape:
    """What differs between papers. Exceptions: the minutes from the run's beginning, and the effect."""

    handoff: int
    touch: int
    settle: int
    reassignment: str
    pauses: bool
    more: tuple[str, ...]
    exception: tuple[int, int, str] | None


def shape(chance: Chance) -> Shape:
    """Any of them."""
    first = chance.whole(0, 2)
    return Shape(
        handoff=chance.pick((5, 20)),
        touch=chance.pick((15, 40)),
        settle=chance.pick((0, 2, 10)),
        reassignment=chance.pick(("continue", "restart")),
        pauses=chance.happens(0.3),
        more=tuple([each for each in MORE if chance.happens(0.3)]),
        exception=(first, first + 1, chance.pick(("pause", "excuse"))) if chance.happens(0.2) else None,
    )


@lru_cache(maxsize=1024)
def paper(of: Shape) -> Agreement:
    """The agreement of this shape."""
    text = PAPER.format(
        handoff=of.handoff,
        touch=of.touch,
        settle=of.settle,
        reassignment=of.reassignment,
        pause="pause: {attribute: on_hold, equals: true}" if of.pauses else "",
        more="".join(of.more),
        exceptions="" if of.exception is None else _exception(*of.exception),
    )
    return parse_agreement(text, today=BEGIN.date())


def _exception(first: int, last: int, effect: str) -> str:
    return f"""
exceptions:
  - from: "{BEGIN:%Y-%m-%d %H}:{first:02}"
    to: "{BEGIN:%Y-%m-%d %H}:{last:02}"
    effect: {effect}
    why: Simulated
    by: Max Muster
"""

"""Clocks declared in a few words, for tests of docs/clocks.md, and what they make of a lead."""

import functools

from sla_engine.adapters.agreement_file import parse_agreement
from sla_engine.domain.agreement import Agreement
from sla_engine.domain.obligation import Obligation
from tests.support.story_builder import Lead, utc

PAPER = """\
agreement: {{name: Declared, timezone: {timezone}, calendar: office{term}}}
parties: {{marketing: {{name: Marketing, team: Campaigns}}, sales: {{name: Sales, team: Inside}}}}
people:
  - {{name: Max Muster, id: max, crm: [u-max]{of_max}}}
  - {{name: Eva Example, id: eva, crm: ["crm:u-eva"], calendar: late}}
  - {{name: Uma Unter, id: uma, crm: [u-uma]}}
teams:
  - {{name: Inside, members: [max], queues: [q-inbound]}}
  - {{name: Outside, members: [eva], calendar: late}}
  - {{name: Campaigns}}
calendars:
  office: {{week: {{{office}}}}}
  late: {{week: {{monday-friday: "13:00-21:00"}}}}
  night: {{week: {{daily: "22:00-06:00"}}}}
segments:
  - {{name: Large, when: {{attribute: size, at_least: 1000}}}}
clocks:
{clocks}
{more}
"""
OFFICE = 'monday-friday: "09:00-17:00"'


@functools.cache
def declared(
    clocks: str,
    more: str = "",
    *,
    timezone: str = "UTC",
    term: str = "",
    office: str = OFFICE,
    of_max: str = "",
) -> Agreement:
    """The agreement of these clocks, each a line such as `kickoff: {start: …}`; offices are open Mon-Fri 09-17."""
    text = PAPER.format(
        clocks="\n".join(f"  {line}" for line in clocks.strip().splitlines()),
        more=more,
        timezone=timezone,
        term=f", term: {term}" if term else "",
        office=office,
        of_max=f", {of_max}" if of_max else "",
    )
    return parse_agreement(text, today=utc("2024-01-01").date())


def promise(said: str, more: str = "", **around: str) -> Agreement:
    """The agreement of one clock, `promise`; an hour in every hour of the week, where nothing else is said."""
    rest = [] if "targets:" in said else ["targets: {default: 1h}"]
    rest += [] if "calendar:" in said else ["calendar: always"]
    rest += [] if "warnings:" in said else ["warnings: []"]
    return declared(f"promise: {{{', '.join([said, *rest])}}}", more, **around)


def runs(lead: Lead, by: Agreement, now: str, clock: str = "promise") -> list[Obligation]:
    """All runs of a clock, in order."""
    return [each for each in lead.judged(now, by).obligations if each.clock == clock]


def run(lead: Lead, by: Agreement, now: str, clock: str = "promise") -> Obligation:
    """The only run of a clock."""
    (found,) = runs(lead, by, now, clock)
    return found


def starts(lead: Lead, start: str, now: str = "2024-01-31 00:00") -> list[str]:
    """At which times of the day runs of a clock with this `start` began; each ends when the lead is next accepted."""
    by = promise(f"per: lead, start: {start}, stop: {{event: lead.accepted}}")
    return [each.started_at.strftime("%H:%M") for each in runs(lead, by, now)]

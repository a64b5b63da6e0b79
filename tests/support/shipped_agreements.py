"""The agreements under deploy/agreements, and leads of the people in them, told by the clocks of Berlin."""

import functools
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path

import msgspec

from shared.events.envelope import Owner, OwnerKind
from shared.events.sla import AnySlaEvent, event_type
from sla_engine.adapters.agreement_file import read_agreement
from sla_engine.domain.agreement import Agreement
from sla_engine.domain.obligation import Obligation
from sla_engine.domain.rehearsal import rehearse
from tests.support.story_builder import Lead, utc

AGREEMENTS = Path(__file__).resolve().parents[2] / "deploy" / "agreements"
FAMILIES = ("handoff", "acceptance", "first_touch", "next_touch", "depth", "disposition", "opportunity", "multilevel")

ANA = Owner(kind=OwnerKind.USER, id="7101", name="Ana Ruiz")
BEN = Owner(kind=OwnerKind.USER, id="7102", name="Ben Okafor")
POOL = Owner(kind=OwnerKind.QUEUE, id="7100", name="Pool")


@functools.cache
def shipped(name: str) -> Agreement:
    """An agreement as it ships, checked on a day in 2025. Offices in it are open Mon-Fri 09-17, Berlin."""
    return read_agreement(AGREEMENTS / f"{name}.yaml", today=utc("2025-12-01").date())


def new_lead() -> Lead:
    """A lead of which nothing is known yet."""
    return Lead(source="hubspot", zone="Europe/Berlin")


def owned_lead(at: str, owner: Owner = ANA, stage: str = "mql") -> Lead:
    """A qualified lead that a person owns from `at` on."""
    lead = new_lead()
    lead.stage(at, stage)
    lead.owner(at, owner)
    return lead


def runs(lead: Lead, by: Agreement, now: str, clock: str) -> list[Obligation]:
    """All runs of a clock, in order."""
    return [each for each in lead.judged(now, by).obligations if each.clock == clock]


def told(lead: Lead, by: Agreement, now: str) -> list[str]:
    """What people hear until then (all but `opened`), each event known a second after it happened: `clock.type`."""
    return _said(rehearse(lead.events, by, lead.instant(now)))


def told_with_delay(lead: Lead, by: Agreement, now: str, *late: int, minutes: int) -> list[str]:
    """As `told`, with some of the events (by place) known only so many minutes after they happened."""
    events = list(lead.events)
    for place in late:
        received_at = events[place].at + timedelta(minutes=minutes)
        events[place] = msgspec.structs.replace(events[place], received_at=received_at)
    return _said(rehearse(events, by, lead.instant(now)))


def _said(events: Iterable[AnySlaEvent]) -> list[str]:
    said = [f"{each.clock}.{event_type(each).removeprefix('obligation.')}" for each in events]
    return [each for each in said if not each.endswith(".opened")]

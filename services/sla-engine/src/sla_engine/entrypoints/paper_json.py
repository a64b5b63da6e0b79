"""Verdicts and announcements as JSON, for programs."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from shared.events.sla import AnySlaEvent
from sla_engine.domain.agreement import Agreement
from sla_engine.domain.instants import from_us, seconds
from sla_engine.domain.obligation import Holding, Obligation, Verdict


def paper_json(
    agreement: Agreement,
    now: datetime,
    verdicts: Sequence[Verdict],
    said: Sequence[Sequence[AnySlaEvent]] | None,
) -> str:
    """The whole judgement; `announcements` stands by each lead where they were asked for."""
    leads = []
    for at, verdict in enumerate(verdicts):
        lead: dict[str, Any] = {
            "lead": verdict.lead,
            "name": verdict.lead_name,
            "source": verdict.source,
            "obligations": [_obligation(each) for each in verdict.obligations],
        }
        if said is not None:
            lead["announcements"] = said[at]
        leads.append(lead)
    whole = {"agreement": agreement.name, "agreement_version": agreement.version, "at": now, "leads": leads}
    return msgspec.json.format(msgspec.json.encode(whole), indent=2).decode()


def _obligation(each: Obligation) -> dict[str, Any]:
    return {
        "obligation": each.id,
        "clock": each.clock,
        "cycle": each.cycle,
        "segment": each.segment,
        "state": each.state,
        "started_at": each.started_at,
        "deadline": each.deadline,
        "target_seconds": seconds(each.target_us),
        "breached_at": None if each.breach is None else from_us(each.breach.at_us),
        "stopped_at": each.stopped_at,
        "reason": each.reason or None,
        "business_seconds": seconds(each.business_us),
        "wall_seconds": seconds(each.wall_us),
        "calendar": each.calendar,
        "holders": [_holding(holding) for holding in each.holders],
        "warnings": [{"warning": warning.name, "at": from_us(warning.at_us)} for warning in each.warnings],
        "start_events": each.start_events,
        "stop_event": each.stop_event,
        "agreement_line": each.agreement_line,
        "agreement_version": each.agreement_version,
    }


def _holding(each: Holding) -> dict[str, Any]:
    return {
        "holder": each.holder.id,
        "name": each.holder.name,
        "since": from_us(each.since_us),
        "to": None if each.to_us is None else from_us(each.to_us),
        "business_seconds": seconds(each.business_us),
        "wall_seconds": seconds(each.wall_us),
        "calendar": each.calendar,
    }

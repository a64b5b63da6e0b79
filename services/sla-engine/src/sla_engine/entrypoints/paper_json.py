"""Verdicts and announcements as JSON, for programs."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from shared.events.sla import AnySlaEvent
from sla_engine.application.explained import Explanation
from sla_engine.domain.agreement import Agreement, Blame
from sla_engine.domain.instants import from_us, seconds
from sla_engine.domain.obligation import Breach, Excuse, Holding, Obligation, Paused, Verdict


def paper_json(
    agreement: Agreement,
    now: datetime,
    verdicts: Sequence[Verdict],
    said: Sequence[Sequence[AnySlaEvent]] | None,
    whys: Sequence[Explanation] | None = None,
) -> str:
    """The whole judgement; `announcements` and `explanation` stand by each lead where they were asked for."""
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
        if whys is not None:
            lead["explanation"] = whys[at]
        leads.append(lead)
    whole = {"agreement": agreement.name, "agreement_version": agreement.version, "at": now, "leads": leads}
    return msgspec.json.format(msgspec.json.encode(whole), indent=2).decode()


def _obligation(each: Obligation) -> dict[str, Any]:
    return {
        "obligation": each.id,
        "clock": each.clock,
        "clock_name": each.clock_name,
        "cycle": each.cycle,
        "round": each.round,
        "segment": each.segment,
        "state": each.state,
        "started_at": each.started_at,
        "restarted_at": None if each.target_since_us == each.started_us else from_us(each.target_since_us),
        "deadline": each.deadline,
        "target": each.target_text,
        "target_seconds": seconds(each.target_us),
        "breached_at": None if each.breach is None else from_us(each.breach.at_us),
        "breach": None if each.breach is None else _breach(each.breach, each.blame),
        "excuse": None if each.excuse is None else _excuse(each.excuse),
        "pauses": [_pause(pause) for pause in each.pauses],
        "blame": each.blame,
        "stopped_at": each.stopped_at,
        "ended_by": each.ending,
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


def _breach(each: Breach, blame: Blame) -> dict[str, Any]:
    """How things stood at the deadline, and who is charged."""
    return {
        "at": from_us(each.at_us),
        "business_seconds": seconds(each.business_us),
        "charged": each.holder.id,
        "charged_name": each.holder.name,
        "rule": blame,
        "team": None if each.escalation is None else each.escalation.team,
        "holders": [_holding(holding) for holding in each.holders],
    }


def _excuse(each: Excuse) -> dict[str, Any]:
    return {"at": from_us(each.at_us), "reason": each.reason, "author": each.author, "agreement_line": each.line}


def _pause(each: Paused) -> dict[str, Any]:
    return {
        "from": from_us(each.from_us),
        "to": None if each.to_us is None else from_us(each.to_us),
        "reason": each.reason or None,
        "author": each.author or None,
        "from_event": each.from_event,
        "to_event": each.to_event,
        "agreement_line": each.line or None,
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

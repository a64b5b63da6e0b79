"""SLA events made from a verdict: every field filled, ids by `announced.Saying`."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple, assert_never

from shared.events import sla
from sla_engine.domain import wording
from sla_engine.domain.announced import Saying, Told, Transition
from sla_engine.domain.instants import from_us, seconds
from sla_engine.domain.obligation import Holding, Obligation, Verdict, WarningDue


class Occasion(NamedTuple):
    """On which occasion something is said."""

    announced_at: datetime
    traceparent: str | None


def say(  # noqa: PLR0911 - one event a transition
    verdict: Verdict, obligation: Obligation, saying: Saying, occasion: Occasion, *, late: bool
) -> sla.AnySlaEvent:
    """The event that announces `saying`."""
    fields = _fields(verdict, obligation, saying, occasion)
    fields["late"] = late
    match saying.transition:
        case Transition.OPENED:
            return sla.ObligationOpened(
                **fields,
                summary=wording.opened(verdict, obligation),
                business_seconds=0.0,
            )
        case Transition.AT_RISK:
            warning = _warning(obligation, saying)
            return sla.ObligationAtRisk(
                **fields,
                summary=wording.at_risk(verdict, obligation, warning),
                business_seconds=seconds(warning.business_us),
                warning=warning.name,
            )
        case Transition.BREACHED:
            return _breached(verdict, obligation, fields)
        case Transition.MET:
            return sla.ObligationMet(
                **fields,
                summary=wording.met(verdict, obligation),
                business_seconds=seconds(obligation.business_us),
            )
        case Transition.MET_LATE:
            return sla.ObligationMetLate(
                **fields,
                summary=wording.met_late(verdict, obligation),
                business_seconds=seconds(obligation.business_us),
            )
        case Transition.CANCELLED:
            return sla.ObligationCancelled(
                **fields,
                summary=wording.cancelled(verdict, obligation, obligation.reason),
                business_seconds=seconds(obligation.business_us),
                reason=obligation.reason,
            )
        case Transition.EXCUSED:
            excuse = obligation.excuse
            assert excuse is not None
            return sla.ObligationExcused(
                **fields,
                summary=wording.excused(verdict, obligation, excuse),
                business_seconds=seconds(obligation.target_us),
                reason=excuse.reason,
                author=excuse.author,
            )
        case _:
            assert_never(saying.transition)


def take_back(
    verdict: Verdict,
    obligation: Obligation | None,
    told: Told,
    saying: Saying,
    *,
    reason: str,
    now_us: int,
    occasion: Occasion,
) -> sla.ObligationRetracted:
    """The event that takes `saying` back. `obligation` None: by what is known now, there is none."""
    word = Saying(saying.transition, now_us, saying.warning, saying.ordinal)
    fields = (
        _fields_told(verdict, told, now_us, occasion)
        if obligation is None
        else _fields(verdict, obligation, word, occasion)
    )
    fields["id"] = saying.retraction_id(told.obligation)
    return sla.ObligationRetracted(
        **fields,
        summary=wording.retracted(saying.transition.word, verdict.lead_name, told.clock_name, reason),
        business_seconds=0.0 if obligation is None else seconds(obligation.business_us),
        retracts=saying.event_id(told.obligation),
        retracted_type=saying.transition.event_type,
        reason=reason,
    )


def _breached(verdict: Verdict, obligation: Obligation, fields: dict[str, Any]) -> sla.ObligationBreached:
    breach = obligation.breach
    assert breach is not None
    fields |= {
        "holder": breach.holder,
        "holders": _holder_times(breach.holders),
        "calendar": breach.holders[-1].calendar,
        "escalation": breach.escalation,
    }
    return sla.ObligationBreached(
        **fields,
        summary=wording.breached(verdict, obligation, breach),
        business_seconds=seconds(breach.business_us),
    )


def _warning(obligation: Obligation, saying: Saying) -> WarningDue:
    return next(each for each in obligation.warnings if each.at_us == saying.at_us and each.name == saying.warning)


def _fields(verdict: Verdict, obligation: Obligation, saying: Saying, occasion: Occasion) -> dict[str, Any]:
    return {
        "id": saying.event_id(obligation.id),
        "obligation": obligation.id,
        "lead": verdict.lead,
        "lead_name": verdict.lead_name,
        "clock": obligation.clock,
        "clock_name": obligation.clock_name,
        "cycle": obligation.cycle,
        "round": obligation.round,
        "agreement": verdict.agreement,
        "agreement_version": obligation.agreement_version,
        "segment": obligation.segment,
        "calendar": obligation.calendar,
        "started_at": from_us(obligation.started_us),
        "deadline": from_us(obligation.deadline_us),
        "target_seconds": seconds(obligation.target_us),
        "occurred_at": from_us(saying.at_us),
        "announced_at": occasion.announced_at,
        "wall_seconds": seconds(max(saying.at_us - obligation.started_us, 0)),
        "holder": obligation.holder,
        "holders": _holder_times(obligation.holders),
        "escalation": obligation.escalation,
        "crm_url": verdict.crm_url,
        "source": verdict.source,
        "traceparent": occasion.traceparent,
    }


def _fields_told(verdict: Verdict, told: Told, now_us: int, occasion: Occasion) -> dict[str, Any]:
    return {
        "obligation": told.obligation,
        "lead": verdict.lead,
        "lead_name": verdict.lead_name,
        "clock": told.clock,
        "clock_name": told.clock_name,
        "cycle": told.cycle,
        "round": told.round,
        "agreement": verdict.agreement,
        "agreement_version": told.version,
        "segment": told.segment,
        "calendar": told.calendar,
        "started_at": from_us(told.started_us),
        "deadline": from_us(told.deadline_us),
        "target_seconds": seconds(told.target_us),
        "occurred_at": from_us(now_us),
        "announced_at": occasion.announced_at,
        "wall_seconds": seconds(max(now_us - told.started_us, 0)),
        "holder": told.holder,
        "crm_url": verdict.crm_url,
        "source": verdict.source,
        "traceparent": occasion.traceparent,
    }


def _holder_times(holdings: Sequence[Holding]) -> tuple[sla.HolderTime, ...]:
    return tuple(
        [
            sla.HolderTime(
                holder=each.holder,
                since=from_us(each.since_us),
                to=None if each.to_us is None else from_us(each.to_us),
                business_seconds=seconds(each.business_us),
                wall_seconds=seconds(each.wall_us),
            )
            for each in holdings
        ]
    )

"""Reading the mapping: what a raw stage, status, owner or deal stage means, and the events that say so."""

from collections.abc import Iterator, Mapping

from ingest.domain.sources import DealStageRule, DispositionRule, Outcome, Source
from ingest.domain.translation import FailureReason, PartResult, Untranslatable
from ingest.domain.translators.change import Change
from shared.events.envelope import Actor, ActorKind, Owner, OwnerKind
from shared.events.lead import (
    DealLost,
    DealStageChanged,
    DealWon,
    LeadAccepted,
    LeadAssigned,
    LeadDisposed,
    LeadEvent,
    LeadRejected,
    LeadStageChanged,
)

Told = Iterator[tuple[PartResult, str]]


def stage_told(change: Change, raw_stage: str, *, field: str, defaults: Mapping[str, str] | None = None) -> Told:
    """What a stage field says. A raw value may be a stage, a disposition, or both; it must be one of them.

    Unknown values are refused and not passed through: a clock must not start, or fail to start, on a guess.
    """
    mapping = change.source.mapping
    known = False
    if raw_stage in mapping.stages or (defaults and raw_stage in defaults):
        known = True
        stage = mapping.stages[raw_stage] if raw_stage in mapping.stages else (defaults or {})[raw_stage]
        if stage is None:
            yield f"{field} = {raw_stage!r}", "mapping.stages says it is of no interest"
        else:
            yield staged(change, stage, raw_stage), f"{field} = {raw_stage!r} is stage {stage!r}"
    if raw_stage in mapping.dispositions:
        known = True
        yield disposed(change, mapping.dispositions[raw_stage], raw_stage, field=field)
    if not known:
        raise Untranslatable(
            FailureReason.UNMAPPED_STAGE,
            f"{field}: {raw_stage!r} is neither in mapping.stages nor in mapping.dispositions of source "
            f"{change.source.name!r}; add it there, then replay",
        )


def staged(change: Change, stage: str, raw_stage: str) -> LeadStageChanged:
    """The lead entered `stage`."""
    return LeadStageChanged(**change.envelope("lead.stage_changed", about=raw_stage), stage=stage, raw_stage=raw_stage)


def stage_on_create_told(change: Change) -> Told:
    """The stage that the mapping gives to every new lead, where it gives one."""
    stage = change.source.mapping.stage_on_create
    if stage is not None:
        yield staged(change, stage, stage), f"mapping.stage_on_create is {stage!r}"


def disposed(change: Change, rule: DispositionRule, raw_status: str, *, field: str) -> tuple[LeadEvent, str]:
    """What sales answered, and why we think so."""
    why = f"{field} = {raw_status!r} is outcome {rule.outcome.value!r}"
    reason = rule.reason or raw_status
    if rule.outcome is Outcome.ACCEPTED:
        return LeadAccepted(**change.envelope("lead.accepted", about=raw_status)), why
    if rule.outcome is Outcome.REJECTED:
        return LeadRejected(**change.envelope("lead.rejected", about=raw_status), reason=reason), why
    return LeadDisposed(
        **change.envelope("lead.disposed", about=raw_status), disposition=rule.outcome.value, reason=reason
    ), why


def assigned(change: Change, owner: Owner | None, *, field: str) -> tuple[LeadEvent, str]:
    """The lead has this owner."""
    event = LeadAssigned(**change.envelope("lead.assigned"), owner=owner)
    if owner is None:
        return event, f"{field} is empty: nobody owns the lead"
    return (
        event,
        f"{field} = {owner.id!r} is the {owner.kind.value} {owner.name or 'that mapping.owners does not name'}",
    )


def owner_of(source: Source, owner_id: str, *, default_kind: OwnerKind = OwnerKind.USER) -> Owner:
    """Who an owner id is, by the mapping; an id it does not know is of `default_kind` and has no name."""
    rule = source.mapping.owners.get(owner_id)
    if rule is None:
        return Owner(kind=default_kind, id=owner_id)
    return Owner(kind=rule.kind, id=owner_id, name=rule.name, team=rule.team)


def user_actor(source: Source, user_id: str) -> Actor:
    """A person who did something.

    Where a CRM's user ids differ from its owner ids (HubSpot) and the mapping knows the person, the actor's id is the
    owner id, so that "by the owner" can be told.
    """
    owner_id = source.mapping.owner_ids_by_user.get(user_id, user_id)
    rule = source.mapping.owners.get(owner_id)
    return Actor(kind=ActorKind.USER, id=owner_id, name=rule.name if rule else None)


def deal_stage_rule(change: Change, raw_stage: str, defaults: Mapping[str, DealStageRule]) -> DealStageRule | None:
    """What a raw deal stage is; None where the mapping has no deal stages at all.

    Raises `Untranslatable` where it has some, but not this one.
    """
    table = change.source.mapping.deal_stages
    rule = table.get(raw_stage) or defaults.get(raw_stage)
    if rule is None and table:
        raise Untranslatable(
            FailureReason.UNMAPPED_DEAL_STAGE,
            f"deal stage {raw_stage!r} is not in mapping.deal_stages of source {change.source.name!r}; "
            "add it there, then replay",
        )
    return rule


def deal_stage_told(
    change: Change,
    rule: DealStageRule,
    raw_stage: str,
    *,
    deal: str,
    amount: str | None = None,
    currency: str | None = None,
    reason: str | None = None,
) -> Told:
    """A deal entered a stage, and is won or lost by it where the mapping says so."""
    why = f"deal stage {raw_stage!r} is {rule.stage!r}"
    yield (
        DealStageChanged(
            **change.envelope("deal.stage_changed"),
            deal=deal,
            amount=amount,
            currency=currency,
            stage=rule.stage,
            raw_stage=raw_stage,
        ),
        why,
    )
    if rule.outcome == "won":
        event = DealWon(**change.envelope("deal.won"), deal=deal, amount=amount, currency=currency)
        yield event, f"{why}, in which deals are won"
    elif rule.outcome == "lost":
        lost = DealLost(**change.envelope("deal.lost"), deal=deal, amount=amount, currency=currency, reason=reason)
        yield lost, f"{why}, in which deals are lost"

"""What the `fields` of a rule mean for each type of lead event, and the events they give."""

from collections.abc import Callable, Mapping

import msgspec

from ingest.domain import instants, json_body
from ingest.domain.lead_key import lead_key
from ingest.domain.sources import ActivityRule, DispositionRule, Outcome
from ingest.domain.translation import FailureReason, Untranslatable
from ingest.domain.translators.change import Change, about_attributes
from ingest.domain.translators.vocabulary import (
    Told,
    assigned,
    deal_stage_rule,
    deal_stage_told,
    disposed,
    owner_of,
    stage_on_create_told,
    stage_told,
    user_actor,
)
from shared.events.envelope import Channel, Direction
from shared.events.lead import (
    DealCreated,
    DealLost,
    DealReopened,
    DealWon,
    LeadAccepted,
    LeadAttributesChanged,
    LeadConverted,
    LeadCreated,
    LeadDeleted,
    LeadMerged,
    LeadRejected,
    TouchLogged,
)

_OUTCOMES: Mapping[str, Outcome] = {one.value: one for one in Outcome}
_CHANNELS: Mapping[str, Channel] = {one.value: one for one in Channel}
_DIRECTIONS: Mapping[str, Direction] = {one.value: one for one in Direction}

Values = Mapping[str, object]
Build = Callable[[Change, Values], Told]


class EventFields(msgspec.Struct, frozen=True, kw_only=True):
    """The fields a rule may and must give for one event type. `free`: any others are attributes of the lead."""

    build: Build
    required: frozenset[str] = frozenset()
    optional: frozenset[str] = frozenset()
    free: bool = False


def _created(change: Change, values: Values) -> Told:
    created = LeadCreated(
        **change.envelope("lead.created"),
        attributes=_attributes(values),
        url=json_body.optional_text(values.get("url")),
    )
    yield created, "the rule says the lead was created"
    yield from stage_on_create_told(change)


def _attributes_changed(change: Change, values: Values) -> Told:
    attributes = _attributes(values)
    changed = LeadAttributesChanged(
        **change.envelope("lead.attributes_changed", about=about_attributes(attributes)),
        attributes=attributes,
        url=json_body.optional_text(values.get("url")),
    )
    yield changed, "the rule says these fields changed"


def _attributes(values: Values) -> Mapping[str, str | int | float | bool | None]:
    return {name: json_body.scalar(value) for name, value in values.items() if name != "url"}


def _stage_changed(change: Change, values: Values) -> Told:
    yield from stage_told(change, _needed(values, "stage"), field="stage")


def _assigned(change: Change, values: Values) -> Told:
    owner_id = json_body.optional_id(values.get("owner"), place="owner")
    yield assigned(change, owner_of(change.source, owner_id) if owner_id else None, field="owner")


def _accepted(change: Change, _values: Values) -> Told:
    yield LeadAccepted(**change.envelope("lead.accepted")), "the rule says sales accepted"


def _rejected(change: Change, values: Values) -> Told:
    reason = json_body.optional_text(values.get("reason"))
    yield LeadRejected(**change.envelope("lead.rejected"), reason=reason), "the rule says sales rejected"


def _disposed(change: Change, values: Values) -> Told:
    raw = _needed(values, "disposition")
    rule = change.source.mapping.dispositions.get(raw)
    if rule is None and raw in _OUTCOMES:
        rule = DispositionRule(outcome=_OUTCOMES[raw])
    if rule is None:
        raise Untranslatable(FailureReason.UNMAPPED_STAGE, f"disposition: {raw!r} is not in mapping.dispositions")
    reason = json_body.optional_text(values.get("reason"))
    named = msgspec.structs.replace(rule, reason=reason) if reason else rule
    yield disposed(change, named, raw, field="disposition")


def _converted(change: Change, values: Values) -> Told:
    converted = LeadConverted(
        **change.envelope("lead.converted"),
        contact=_other(change, values, "contact"),
        deal=_other(change, values, "deal"),
    )
    yield converted, "the rule says the lead was converted"


def _merged(change: Change, values: Values) -> Told:
    into = key_of(change, "lead", _needed(values, "into"))
    yield LeadMerged(**change.envelope("lead.merged"), into=into), "the rule says the lead was merged"


def _deleted(change: Change, values: Values) -> Told:
    deleted = LeadDeleted(**change.envelope("lead.deleted"), privacy=values.get("privacy") is True)
    yield deleted, "the rule says the lead was deleted"


def _touched(change: Change, values: Values) -> Told:
    rule, named = _activity(change, values)
    if not rule.touch:
        yield f"activity {named!r}", "mapping.activities says it is no touch"
        return
    performed = values.get("performed_at")
    by = json_body.optional_id(values.get("performed_by"), place="performed_by")
    envelope = change.envelope("touch.logged")
    touch = TouchLogged(
        **envelope,
        touch=json_body.optional_id(values.get("touch"), place="touch") or envelope["id"],
        channel=rule.channel,
        direction=rule.direction,
        performed_at=change.occurred_at
        if performed is None
        else instants.from_anything(performed, place="performed_at"),
        performed_by=user_actor(change.source, by) if by else change.actor,
        completed=values.get("completed") is not False,
        automated=values.get("automated") is True,
        outcome=change.source.mapping.outcome(rule, json_body.optional_text(values.get("outcome"))),
    )
    yield touch, f"the rule says the lead was touched ({rule.direction.value} {rule.channel.value})"


def _activity(change: Change, values: Values) -> tuple[ActivityRule, str]:
    """By `activity` through the mapping, else by `channel` and `direction` in our own words."""
    raw = json_body.optional_id(values.get("activity"), place="activity")
    if raw is not None and raw in change.source.mapping.activities:
        return change.source.mapping.activities[raw], raw
    channel = _CHANNELS.get(str(values.get("channel") or raw or "other"))
    direction = _DIRECTIONS.get(str(values.get("direction") or "outbound"))
    if channel is None or direction is None:
        raise Untranslatable(
            FailureReason.RULE_FAILED,
            f"activity {raw!r} is not in mapping.activities, and channel {values.get('channel')!r:.40} or direction "
            f"{values.get('direction')!r:.40} is not of {', '.join(_CHANNELS)} and {', '.join(_DIRECTIONS)}",
        )
    return ActivityRule(channel=channel, direction=direction), channel.value


def _deal_created(change: Change, values: Values) -> Told:
    raw = json_body.optional_id(values.get("stage"), place="stage")
    rule = deal_stage_rule(change, raw, {}) if raw else None
    deal, amount, currency = _deal(change, values)
    created = DealCreated(
        **change.envelope("deal.created"),
        deal=deal,
        amount=amount,
        currency=currency,
        stage=rule.stage if rule else None,
        raw_stage=raw,
    )
    yield created, "the rule says a deal was created"


def _deal_stage_changed(change: Change, values: Values) -> Told:
    raw = _needed(values, "stage")
    rule = deal_stage_rule(change, raw, {})
    if rule is None:
        yield f"deal stage {raw!r}", "the source has no mapping.deal_stages"
        return
    deal, amount, currency = _deal(change, values)
    yield from deal_stage_told(change, rule, raw, deal=deal, amount=amount, currency=currency)


def _deal_won(change: Change, values: Values) -> Told:
    deal, amount, currency = _deal(change, values)
    won = DealWon(**change.envelope("deal.won"), deal=deal, amount=amount, currency=currency)
    yield won, "the rule says the deal was won"


def _deal_lost(change: Change, values: Values) -> Told:
    deal, amount, currency = _deal(change, values)
    reason = json_body.optional_text(values.get("reason"))
    lost = DealLost(**change.envelope("deal.lost"), deal=deal, amount=amount, currency=currency, reason=reason)
    yield lost, "the rule says the deal was lost"


def _deal_reopened(change: Change, values: Values) -> Told:
    deal, amount, currency = _deal(change, values)
    reopened = DealReopened(**change.envelope("deal.reopened"), deal=deal, amount=amount, currency=currency)
    yield reopened, "the rule says the deal was reopened"


def _deal(change: Change, values: Values) -> tuple[str, str | None, str | None]:
    key = key_of(change, "deal", _needed(values, "deal"))
    amount = json_body.decimal_text(values.get("amount"), place="amount")
    return key, amount, json_body.optional_text(values.get("currency"))


def key_of(change: Change, object_name: str, object_id: str) -> str:
    """The key of another record of the same account."""
    return lead_key(change.source, account=change.account, object_name=object_name, object_id=object_id)


def _other(change: Change, values: Values, object_name: str) -> str | None:
    object_id = json_body.optional_id(values.get(object_name), place=object_name)
    return key_of(change, object_name, object_id) if object_id else None


def _needed(values: Values, name: str) -> str:
    return json_body.text_id(values.get(name), place=name)


_MONEY = frozenset({"amount", "currency"})
_TOUCH = frozenset(
    {"touch", "activity", "channel", "direction", "performed_at", "performed_by", "completed", "automated", "outcome"}
)

EVENT_FIELDS: Mapping[str, EventFields] = {
    "lead.created": EventFields(build=_created, free=True),
    "lead.attributes_changed": EventFields(build=_attributes_changed, free=True),
    "lead.stage_changed": EventFields(build=_stage_changed, required=frozenset({"stage"})),
    "lead.assigned": EventFields(build=_assigned, required=frozenset({"owner"})),
    "lead.accepted": EventFields(build=_accepted),
    "lead.rejected": EventFields(build=_rejected, optional=frozenset({"reason"})),
    "lead.disposed": EventFields(build=_disposed, required=frozenset({"disposition"}), optional=frozenset({"reason"})),
    "lead.converted": EventFields(build=_converted, optional=frozenset({"contact", "deal"})),
    "lead.merged": EventFields(build=_merged, required=frozenset({"into"})),
    "lead.deleted": EventFields(build=_deleted, optional=frozenset({"privacy"})),
    "touch.logged": EventFields(build=_touched, optional=_TOUCH),
    "deal.created": EventFields(build=_deal_created, required=frozenset({"deal"}), optional=_MONEY | {"stage"}),
    "deal.stage_changed": EventFields(
        build=_deal_stage_changed, required=frozenset({"deal", "stage"}), optional=_MONEY
    ),
    "deal.won": EventFields(build=_deal_won, required=frozenset({"deal"}), optional=_MONEY),
    "deal.lost": EventFields(build=_deal_lost, required=frozenset({"deal"}), optional=_MONEY | {"reason"}),
    "deal.reopened": EventFields(build=_deal_reopened, required=frozenset({"deal"}), optional=_MONEY),
}
"""By the type of lead event. A rule's types and fields are checked against it when the sources file is loaded."""

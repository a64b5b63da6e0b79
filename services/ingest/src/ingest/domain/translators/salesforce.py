"""Salesforce outbound messages: up to 100 notifications, each the present state of one record.

There is no event type and no old value, so each notification is translated to the facts it states: the lead exists
since, is in this stage, belongs to this owner, … as of its last modification. A notification that states again what was
already so gives the same fact at a later time; that is harmless, for the engine takes a stage that is already the
current one, or an owner who already is, as no transition. Ids follow from the notification's `Id`, which stays the
same when Salesforce repeats it. `LeadCreated` is named by record and CreatedDate, so it is one event however often it
is stated.

Salesforce repeats a notification for 24 hours with the *latest* state and out of order: `LastModifiedDate` or
`SystemModstamp` should be among the fields of the message, otherwise the time of receipt has to do.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import msgspec

from ingest.domain import instants, json_body
from ingest.domain.lead_key import lead_key, lead_url
from ingest.domain.raw_request import RawRequest
from ingest.domain.salesforce_message import Notification, UnreadableMessage, long_id, parse, record_id
from ingest.domain.sources import DealStageRule, Source
from ingest.domain.translation import Collector, FailureReason, Translation, Untranslatable
from ingest.domain.translators.change import Change, about_attributes, check_account
from ingest.domain.translators.salesforce_activities import activity_told
from ingest.domain.translators.vocabulary import (
    Told,
    assigned,
    deal_stage_rule,
    deal_stage_told,
    owner_of,
    stage_told,
)
from shared.events.envelope import OwnerKind, TimeSource
from shared.events.lead import (
    DealCreated,
    DealLost,
    DealWon,
    LeadAttributesChanged,
    LeadConverted,
    LeadCreated,
    LeadDeleted,
    LeadMerged,
    Scalar,
)

MOST_NOTIFICATIONS = 100

DEAL_STAGES: Mapping[str, DealStageRule] = {
    "Closed Won": DealStageRule(stage="won", outcome="won"),
    "Closed Lost": DealStageRule(stage="lost", outcome="lost"),
}
"""Salesforce's own closing stages; `mapping.deal_stages` comes first."""

_OWNER_KINDS: Mapping[str, OwnerKind] = {"005": OwnerKind.USER, "00G": OwnerKind.QUEUE}
_WHO: Mapping[str, str] = {"00Q": "lead", "003": "contact"}


def translate(raw: RawRequest, source: Source) -> Translation:
    """Every fact of every notification by itself: an unknown stage does not hide a new owner."""
    try:
        message = parse(raw.body)
    except UnreadableMessage as error:
        raise Untranslatable(FailureReason.MALFORMED_BODY, str(error)) from error
    organization = long_id(message.organization_id)
    if source.account is not None:
        check_account(_with_long_account(source), organization)
    if len(message.notifications) > MOST_NOTIFICATIONS:
        count = len(message.notifications)
        raise Untranslatable(
            FailureReason.TOO_MANY_PARTS, f"{count} notifications in one request; Salesforce sends at most 100"
        )
    collector = Collector()
    for index, notification in enumerate(message.notifications):
        place = f"Notification[{index}]"
        try:
            facts = _facts(raw, source, organization, notification, place=place)
        except Untranslatable as refusal:
            collector.fail(index, refusal)
            continue
        for fact in facts:
            collector.part(index, fact)
    return collector.result()


def _facts(
    raw: RawRequest, source: Source, organization: str, notification: Notification, *, place: str
) -> Sequence[Told]:
    kind = notification.object_type
    if kind not in ("Lead", "Contact", "Opportunity", "Task", "Event"):
        return [iter([(f"sObject {kind}", "neither a lead, contact, opportunity, task nor event")])]
    change = _change(raw, source, organization, notification, place=place)
    fields = notification.fields
    if kind in ("Task", "Event"):
        return [activity_told(change, fields, kind)]
    if kind == "Opportunity":
        return [_deal_created(change, fields), _deal_state(change, fields)]
    return [
        _created(change, fields, kind.lower()),
        _stage(change, fields),
        _owner(change, fields),
        _attributes(change, fields, kind.lower()),
        _converted(change, fields),
        _gone(change, fields, kind.lower()),
    ]


def _change(raw: RawRequest, source: Source, organization: str, notification: Notification, *, place: str) -> Change:
    fields = notification.fields
    modified = fields.get("LastModifiedDate") or fields.get("SystemModstamp")
    identity = json_body.text_id(notification.id, place=f"{place}.Id")
    return Change(
        raw=raw,
        source=source,
        key=("salesforce", organization, identity),
        account=organization,
        lead=_history_key(source, organization, notification, place=place),
        occurred_at=instants.from_text(modified, place=f"{place}.LastModifiedDate") if modified else raw.received_at,
        time_source=TimeSource.RECORD if modified else TimeSource.RECEIVED,
    )


def _history_key(source: Source, organization: str, notification: Notification, *, place: str) -> str:
    """Whose history the record belongs to: activities and, where a field says so, deals belong to a lead's."""
    fields = notification.fields
    own_id = record_id(fields.get("Id"), place=f"{place}.sObject.Id")
    who = None
    if notification.object_type in ("Task", "Event"):
        who = fields.get("WhoId")
    elif notification.object_type == "Opportunity" and source.mapping.fields.deal_lead:
        who = fields.get(source.mapping.fields.deal_lead)
    if who is not None and who[:3] in _WHO:
        return _key(source, organization, _WHO[who[:3]], who)
    return _key(source, organization, notification.object_type.lower(), own_id)


def _created(change: Change, fields: Mapping[str, str | None], object_name: str) -> Told:
    created_at = fields.get("CreatedDate")
    if created_at is None:
        return
    once = Change(
        raw=change.raw,
        source=change.source,
        key=("salesforce", change.account, change.lead, created_at),
        account=change.account,
        lead=change.lead,
        occurred_at=instants.from_text(created_at, place="CreatedDate"),
        time_source=TimeSource.EVENT,
    )
    url = lead_url(change.source, account=change.account, object_name=object_name, object_id=_own_id(fields))
    yield LeadCreated(**once.envelope("lead.created"), url=url), f"CreatedDate is {created_at}"


def _stage(change: Change, fields: Mapping[str, str | None]) -> Told:
    field = change.source.mapping.fields.stage or "Status"
    value = fields.get(field)
    if value is not None:
        yield from stage_told(change, value, field=field)


def _owner(change: Change, fields: Mapping[str, str | None]) -> Told:
    field = change.source.mapping.fields.owner or "OwnerId"
    if field not in fields:
        return
    value = fields[field]
    if value is None:
        yield assigned(change, None, field=field)
        return
    kind = _OWNER_KINDS.get(value[:3])
    owner_id = long_id(value)
    if kind is None and owner_id not in change.source.mapping.owners:
        raise Untranslatable(
            FailureReason.MALFORMED_PART,
            f"{field}: {value!r:.40} begins like no user (005) and no queue (00G); name it in mapping.owners",
        )
    yield assigned(change, owner_of(change.source, owner_id, default_kind=kind or OwnerKind.USER), field=field)


def _attributes(change: Change, fields: Mapping[str, str | None], object_name: str) -> Told:
    wanted = change.source.mapping.attributes
    kept: dict[str, Scalar] = {wanted[name]: value for name, value in fields.items() if name in wanted}
    url = lead_url(change.source, account=change.account, object_name=object_name, object_id=_own_id(fields))
    if kept:
        envelope = change.envelope("lead.attributes_changed", about=about_attributes(kept))
        changed = LeadAttributesChanged(**envelope, attributes=kept, url=url)
        yield changed, f"mapping.attributes names {', '.join(sorted(set(fields) & set(wanted)))}"


def _converted(change: Change, fields: Mapping[str, str | None]) -> Told:
    if fields.get("IsConverted") != "true":
        return
    contact, deal = fields.get("ConvertedContactId"), fields.get("ConvertedOpportunityId")
    at = _on_day(fields.get("ConvertedDate"), before=change.occurred_at, place="ConvertedDate")
    converted = LeadConverted(
        **change.envelope("lead.converted", occurred_at=at),
        contact=_key(change.source, change.account, "contact", contact) if contact else None,
        deal=_key(change.source, change.account, "opportunity", deal) if deal else None,
    )
    yield converted, "IsConverted is true"


def _gone(change: Change, fields: Mapping[str, str | None], object_name: str) -> Told:
    winner = fields.get("MasterRecordId")
    if winner:
        into = _key(change.source, change.account, object_name, winner)
        yield LeadMerged(**change.envelope("lead.merged"), into=into), "MasterRecordId names the record it went into"
    elif fields.get("IsDeleted") == "true":
        yield LeadDeleted(**change.envelope("lead.deleted")), "IsDeleted is true"


def _deal_created(change: Change, fields: Mapping[str, str | None]) -> Told:
    created_at = fields.get("CreatedDate")
    if created_at is None:
        return
    deal = _deal_key(change, fields)
    once = Change(
        raw=change.raw,
        source=change.source,
        key=("salesforce", change.account, deal, created_at),
        account=change.account,
        lead=change.lead,
        occurred_at=instants.from_text(created_at, place="CreatedDate"),
        time_source=TimeSource.EVENT,
    )
    yield DealCreated(**once.envelope("deal.created"), deal=deal), f"CreatedDate is {created_at}"


def _deal_state(change: Change, fields: Mapping[str, str | None]) -> Told:
    raw_stage = fields.get("StageName")
    deal = _deal_key(change, fields)
    amount = json_body.decimal_text(fields.get("Amount"), place="Amount")
    currency = fields.get("CurrencyIsoCode")
    outcome = _outcome(fields)
    rule = deal_stage_rule(change, raw_stage, DEAL_STAGES) if raw_stage else None
    if rule is not None and raw_stage:
        decided = msgspec.structs.replace(rule, outcome=outcome) if outcome else rule
        yield from deal_stage_told(change, decided, raw_stage, deal=deal, amount=amount, currency=currency)
        return
    if outcome == "won":
        won = DealWon(**change.envelope("deal.won"), deal=deal, amount=amount, currency=currency)
        yield won, "IsWon is true"
    elif outcome == "lost":
        lost = DealLost(**change.envelope("deal.lost"), deal=deal, amount=amount, currency=currency)
        yield lost, "IsClosed is true and IsWon is not"
    else:
        yield f"StageName = {raw_stage!r}", "the source has no mapping.deal_stages"


def _outcome(fields: Mapping[str, str | None]) -> str | None:
    """Won, lost or open by IsWon and IsClosed, where the message has them."""
    if fields.get("IsWon") == "true":
        return "won"
    if "IsClosed" not in fields:
        return None
    return "lost" if fields["IsClosed"] == "true" else "open"


def _on_day(value: str | None, *, before: datetime, place: str) -> datetime:
    """An instant from a date without a time: the end of that day, but not after `before`."""
    if value is None:
        return before
    if len(value) > len("2024-01-31"):
        return instants.from_text(value, place=place)
    return min(before, instants.day_of(value, place=place) + timedelta(days=1, microseconds=-1))


def _deal_key(change: Change, fields: Mapping[str, str | None]) -> str:
    return _key(change.source, change.account, "opportunity", _own_id(fields))


def _own_id(fields: Mapping[str, str | None]) -> str:
    return record_id(fields.get("Id"), place="sObject.Id")


def _key(source: Source, organization: str, object_name: str, object_id: str) -> str:
    return lead_key(source, account=organization, object_name=object_name, object_id=long_id(object_id))


def _with_long_account(source: Source) -> Source:
    account = source.account
    return source if account is None else msgspec.structs.replace(source, account=long_id(account))

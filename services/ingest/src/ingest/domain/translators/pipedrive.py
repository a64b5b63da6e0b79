"""Pipedrive webhooks, v2 and v1: one change of one entity a request.

Leads, deals and persons have keys, and so histories, of their own. Pipedrive's leads have no lifecycle stage: the
mapping may give one on creation (`stage_on_create`) and make labels into stages. Archiving a lead is a disposition.
An activity belongs to its lead, else its deal, else its person; `done: false` is planned and no touch.
"""

from collections.abc import Callable, Iterator, Mapping

from ingest.domain import json_body
from ingest.domain.lead_key import lead_key, lead_url
from ingest.domain.raw_request import RawRequest
from ingest.domain.sources import DispositionRule, Outcome, Source
from ingest.domain.translation import Collector, Translation
from ingest.domain.translators.change import Change, about_attributes, check_account
from ingest.domain.translators.pipedrive_activities import activity_told, moved_away_told
from ingest.domain.translators.pipedrive_message import Action, Message, read
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
from shared.events.envelope import Actor, ChangeOrigin, TimeSource
from shared.events.lead import (
    DealCreated,
    DealLost,
    DealReopened,
    DealWon,
    LeadAttributesChanged,
    LeadCreated,
    LeadDeleted,
    Scalar,
)

ARCHIVED = "archived"
"""The key in `mapping.dispositions` for an archived lead; without it, archiving recycles the lead."""

_ORIGINS: Mapping[str, ChangeOrigin] = {
    "app": ChangeOrigin.USER,
    "api": ChangeOrigin.API,
    "import": ChangeOrigin.IMPORT,
    "automation": ChangeOrigin.WORKFLOW,
    "workflow": ChangeOrigin.WORKFLOW,
}


def translate(raw: RawRequest, source: Source) -> Translation:
    """Every fact of the change by itself: an unknown stage does not hide a new owner."""
    collector = Collector()
    body = json_body.parse(raw.body)
    message = read(body)
    if isinstance(message, str):
        collector.part(0, iter([(f"action {message!r}", "neither created, changed nor deleted")]))
        return collector.result()
    facts = _ENTITIES.get(message.entity)
    if facts is None:
        collector.part(0, iter([(f"entity {message.entity!r}", "neither a lead, deal, person nor activity")]))
        return collector.result()
    change = _change(raw, source, message)
    for fact in facts(change, message):
        collector.part(0, fact)
    return collector.result()


def _change(raw: RawRequest, source: Source, message: Message) -> Change:
    account = check_account(source, message.company_id)
    return Change(
        raw=raw,
        source=source,
        key=message.key,
        account=account,
        lead=_history_key(source, account, message),
        occurred_at=message.occurred_at or raw.received_at,
        time_source=TimeSource.EVENT if message.occurred_at else TimeSource.RECEIVED,
        actor=_actor(source, message),
        origin=_ORIGINS.get(message.change_source or "", ChangeOrigin.UNKNOWN),
    )


def _actor(source: Source, message: Message) -> Actor | None:
    return user_actor(source, message.user_id) if message.user_id else None


def _history_key(source: Source, account: str, message: Message) -> str:
    record = message.previous if message.action is Action.DELETE else message.data
    if message.entity == "activity":
        return _touched_key(source, account, record) or _own_key(source, account, message)
    deal_lead = source.mapping.fields.deal_lead
    if message.entity == "deal" and deal_lead:
        lead_id = json_body.optional_id(_at(record, deal_lead), place=f"data.{deal_lead}")
        if lead_id:
            return lead_key(source, account=account, object_name="lead", object_id=lead_id)
    return _own_key(source, account, message)


def _touched_key(source: Source, account: str, record: Mapping[str, object]) -> str | None:
    """Whom an activity touches: its lead, else its deal, else its person."""
    for object_name in ("lead", "deal", "person"):
        object_id = json_body.optional_id(record.get(f"{object_name}_id"), place=f"data.{object_name}_id")
        if object_id:
            return lead_key(source, account=account, object_name=object_name, object_id=object_id)
    return None


def _own_key(source: Source, account: str, message: Message) -> str:
    return lead_key(source, account=account, object_name=message.entity, object_id=message.entity_id)


def _lead_facts(change: Change, message: Message) -> Iterator[Told]:
    if message.action is Action.DELETE:
        yield _deleted(change, message)
        return
    yield _created(change, message)
    if message.entity == "lead":
        yield _initial_stage(change, message)
        yield _archived(change, message)
    yield _labels(change, message)
    yield _owner(change, message)
    yield _attributes(change, message)


def _deal_facts(change: Change, message: Message) -> Iterator[Told]:
    if message.action is Action.DELETE:
        yield _deleted(change, message)
        return
    yield _deal_stage(change, message)
    yield _deal_status(change, message)
    yield _deal_amount(change, message)
    if change.lead == _own_key(change.source, change.account, message):
        yield _owner(change, message)
        yield _attributes(change, message)


def _activity_facts(change: Change, message: Message) -> Iterator[Told]:
    yield activity_told(change, message)
    if message.action is Action.CHANGE:
        before = _touched_key(change.source, change.account, {**message.data, **message.previous})
        if before is not None and before != change.lead:
            yield moved_away_told(change, message, before)


def _deleted(change: Change, message: Message) -> Told:
    key = _own_key(change.source, change.account, message)
    if key != change.lead:
        yield f"{message.entity} deleted", "the lead it belongs to lives on"
        return
    yield LeadDeleted(**change.envelope("lead.deleted")), f"the {message.entity} was deleted"


def _created(change: Change, message: Message) -> Told:
    if message.action is Action.CREATE:
        created = LeadCreated(**change.envelope("lead.created"), url=_url(change, message))
        yield created, f"the {message.entity} was created"


def _initial_stage(change: Change, message: Message) -> Told:
    """A new lead, and one taken back out of the archive, are at the stage the mapping gives to new leads."""
    unarchived = message.action is Action.CHANGE and message.previous.get("is_archived") is True
    if message.action is Action.CREATE or (unarchived and message.data.get("is_archived") is False):
        yield from stage_on_create_told(change)


def _archived(change: Change, message: Message) -> Told:
    if message.data.get("is_archived") is True and message.changed("is_archived"):
        rule = change.source.mapping.dispositions.get(ARCHIVED, DispositionRule(outcome=Outcome.RECYCLED))
        yield disposed(change, rule, ARCHIVED, field="is_archived")


def _labels(change: Change, message: Message) -> Told:
    """Labels are free tags: those the mapping names are stages, the others say nothing."""
    if not message.changed("label_ids"):
        return
    before = {} if message.action is Action.CREATE else message.previous
    added = [label for label in _texts(message.data.get("label_ids")) if label not in _texts(before.get("label_ids"))]
    mapping = change.source.mapping
    for label in added:
        if label in mapping.stages or label in mapping.dispositions:
            yield from stage_told(change, label, field="label_ids")
        else:
            yield f"label {label!r}", "neither mapping.stages nor mapping.dispositions names it"


def _owner(change: Change, message: Message) -> Told:
    field = change.source.mapping.fields.owner or ("user_id" if "user_id" in message.data else "owner_id")
    if message.changed(field):
        owner_id = _user_id(message.data.get(field), place=f"data.{field}")
        yield assigned(change, owner_of(change.source, owner_id) if owner_id else None, field=field)


def _user_id(value: object, *, place: str) -> str | None:
    """v1 writes some users as objects."""
    return json_body.optional_id(value.get("id") if isinstance(value, dict) else value, place=place)


def _attributes(change: Change, message: Message) -> Told:
    wanted = change.source.mapping.attributes
    news = {
        canonical: _scalar_at(message.data, path)
        for path, canonical in wanted.items()
        if message.changed(path.partition(".")[0])
    }
    if news:
        envelope = change.envelope("lead.attributes_changed", about=about_attributes(news))
        changed = LeadAttributesChanged(**envelope, attributes=news, url=_url(change, message))
        yield changed, f"mapping.attributes names {', '.join(sorted(news))}"


def _deal_stage(change: Change, message: Message) -> Told:
    raw_stage = json_body.optional_id(message.data.get("stage_id"), place="data.stage_id")
    if message.action is Action.CREATE:
        rule = deal_stage_rule(change, raw_stage, {}) if raw_stage else None
        created = DealCreated(
            **change.envelope("deal.created"),
            deal=_own_key(change.source, change.account, message),
            amount=_amount(message),
            currency=_currency(message),
            stage=rule.stage if rule else None,
            raw_stage=raw_stage,
        )
        yield created, "the deal was created"
    elif raw_stage and message.changed("stage_id"):
        rule = deal_stage_rule(change, raw_stage, {})
        if rule is None:
            yield f"stage_id = {raw_stage!r}", "the source has no mapping.deal_stages"
            return
        deal = _own_key(change.source, change.account, message)
        yield from deal_stage_told(
            change, rule, raw_stage, deal=deal, amount=_amount(message), currency=_currency(message)
        )


def _deal_status(change: Change, message: Message) -> Told:
    if not message.changed("status"):
        return
    deal = _own_key(change.source, change.account, message)
    amount, currency, status = _amount(message), _currency(message), message.data.get("status")
    if status == "won":
        yield DealWon(**change.envelope("deal.won"), deal=deal, amount=amount, currency=currency), "status is won"
    elif status == "lost":
        reason = json_body.optional_text(message.data.get("lost_reason"))
        lost = DealLost(**change.envelope("deal.lost"), deal=deal, amount=amount, currency=currency, reason=reason)
        yield lost, "status is lost"
    elif status == "open" and message.action is Action.CHANGE:
        reopened = DealReopened(**change.envelope("deal.reopened"), deal=deal, amount=amount, currency=currency)
        yield reopened, f"status was {message.previous.get('status')!r:.20} and is open again"


def _deal_amount(change: Change, message: Message) -> Told:
    if message.action is Action.CHANGE and (message.changed("value") or message.changed("currency")):
        attributes: dict[str, Scalar] = {"amount": _amount(message), "currency": _currency(message)}
        changed = LeadAttributesChanged(**change.envelope("lead.attributes_changed"), attributes=attributes)
        yield changed, "the deal's value changed"


def _amount(message: Message) -> str | None:
    return json_body.decimal_text(message.data.get("value"), place="data.value")


def _currency(message: Message) -> str | None:
    return json_body.optional_text(message.data.get("currency"))


def _texts(value: object) -> list[str]:
    return [str(one) for one in value] if isinstance(value, list) else []


def _at(record: Mapping[str, object], path: str) -> object:
    """The value at a dotted path, such as `value.amount`; None where there is none."""
    value: object = record
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _scalar_at(record: Mapping[str, object], path: str) -> Scalar:
    return json_body.scalar(_at(record, path))


def _url(change: Change, message: Message) -> str | None:
    return lead_url(change.source, account=change.account, object_name=message.entity, object_id=message.entity_id)


Facts = Callable[[Change, Message], Iterator[Told]]

_ENTITIES: Mapping[str, Facts] = {
    "lead": _lead_facts,
    "person": _lead_facts,
    "deal": _deal_facts,
    "activity": _activity_facts,
}

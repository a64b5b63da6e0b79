"""HubSpot webhooks: an array of up to 100 thin events, in any order, often with one `occurredAt`.

Leads are contacts (`0-1`) and lead objects (`0-136`). Touches come from the properties into which HubSpot rolls up
activities: an activity's own events carry nothing but its id. Of those properties the ones taken by default tell what
sales did. `hs_last_sales_activity_timestamp` is not among them, whatever its name says: it tells of the lead's own
engagement (a visit, an opened mail), and so is not a touch.

Source: HubSpot's webhooks guide and real deliveries; see docs of the `hubspot` kind in deploy/sources.example.yaml.
"""

from collections.abc import Callable, Mapping

import msgspec

from ingest.domain import instants, json_body
from ingest.domain.lead_key import lead_key, lead_url
from ingest.domain.raw_request import RawRequest
from ingest.domain.sources import DealStageRule, Source, TouchProperty
from ingest.domain.translation import Collector, FailureReason, Translation, Untranslatable
from ingest.domain.translators.change import Change, check_account
from ingest.domain.translators.hubspot_origins import actor_of, is_automated, origin_of
from ingest.domain.translators.vocabulary import (
    Told,
    assigned,
    deal_stage_rule,
    deal_stage_told,
    disposed,
    owner_of,
    stage_on_create_told,
    stage_told,
)
from shared.events.envelope import ActorKind, Channel, TimeSource
from shared.events.lead import (
    DealCreated,
    LeadAttributesChanged,
    LeadCreated,
    LeadDeleted,
    LeadMerged,
    TouchLogged,
)

Json = Mapping[str, object]

MOST_EVENTS = 100
REDACTED = "REDACTED"

STAGES: Mapping[str, str] = {
    "subscriber": "subscriber",
    "lead": "lead",
    "marketingqualifiedlead": "mql",
    "salesqualifiedlead": "sql",
    "opportunity": "opportunity",
    "customer": "customer",
    "evangelist": "customer",
    "other": "other",
}
"""HubSpot's own lifecycle stages; `mapping.stages` comes first."""

DEAL_STAGES: Mapping[str, DealStageRule] = {
    "closedwon": DealStageRule(stage="won", outcome="won"),
    "closedlost": DealStageRule(stage="lost", outcome="lost"),
}
"""Stages that every default pipeline has; `mapping.deal_stages` comes first."""

TOUCH_PROPERTIES: Mapping[str, TouchProperty] = {
    "notes_last_contacted": TouchProperty(channel=Channel.MESSAGE),
    "hs_first_outreach_date": TouchProperty(channel=Channel.MESSAGE),
    "hs_last_logged_call_date": TouchProperty(channel=Channel.CALL),
    "hs_last_logged_outgoing_email_date": TouchProperty(channel=Channel.EMAIL),
    "hs_latest_meeting_activity": TouchProperty(channel=Channel.MEETING),
}
"""Roll-ups of what sales did; `mapping.touch_properties` comes first. Several may tell of one activity: a touch is
named by lead and instant, so they count once. The first two are set by calls, mails, meetings and messages alike and do
not say which: `message` stands for any of them."""

_OBJECT_TYPES: Mapping[str, str] = {"0-1": "contact", "0-3": "deal", "0-136": "lead"}
_ACTIVITIES: frozenset[str] = frozenset({"0-46", "0-47", "0-48", "0-49", "0-18", "0-27"})
_LEAD_OBJECTS = frozenset({"contact", "lead"})


def translate(raw: RawRequest, source: Source) -> Translation:
    """Every event of the array by itself: a broken one fails alone."""
    body = json_body.parse(raw.body)
    events = [body] if isinstance(body, dict) else body
    if not isinstance(events, list):
        raise Untranslatable(FailureReason.MALFORMED_BODY, "HubSpot sends an array of events; this is none")
    if len(events) > MOST_EVENTS:
        raise Untranslatable(
            FailureReason.TOO_MANY_PARTS, f"{len(events)} events in one request; HubSpot sends at most {MOST_EVENTS}"
        )
    collector = Collector()
    for index, event in enumerate(events):
        collector.part(index, _event_told(raw, source, event, place=f"[{index}]"))
    return collector.result()


def _event_told(raw: RawRequest, source: Source, value: object, *, place: str) -> Told:
    event = json_body.record(value, place=place)
    subscription = event.get("subscriptionType") or event.get("eventType")
    if not isinstance(subscription, str) or "." not in subscription:
        raise Untranslatable(
            FailureReason.MALFORMED_PART,
            f"{place}.subscriptionType: such as contact.creation is needed, not {subscription!r:.60}",
        )
    prefix, _, verb = subscription.partition(".")
    object_name = _object_name(prefix, event)
    if object_name is None:
        yield subscription, _why_unwanted(prefix, event)
        return
    handler = (_LEAD_VERBS if object_name in _LEAD_OBJECTS else _DEAL_VERBS).get(verb)
    if handler is None:
        yield subscription, f"{verb!r} of a {object_name} says nothing about a promise"
        return
    yield from handler(_change(raw, source, event, object_name, place=place), event, object_name)


def _object_name(prefix: str, event: Json) -> str | None:
    if prefix == "object":
        return _OBJECT_TYPES.get(str(event.get("objectTypeId")))
    return prefix if prefix in ("contact", "lead", "deal") else None


def _why_unwanted(prefix: str, event: Json) -> str:
    object_type = str(event.get("objectTypeId"))
    if prefix == "object" and object_type in _ACTIVITIES:
        return "an activity's own event carries no contact and no time; touches are taken from the contact's roll-ups"
    named = f"object type {object_type}" if prefix == "object" else f"a {prefix}"
    return f"{named} is neither a contact, nor a lead, nor a deal"


def _change(raw: RawRequest, source: Source, event: Json, object_name: str, *, place: str) -> Change:
    portal = check_account(source, json_body.text_id(event.get("portalId"), place=f"{place}.portalId"))
    identity = event.get("objectId")
    if identity is None and "primaryObjectId" in event:
        identity = event["primaryObjectId"]
    object_id = json_body.text_id(identity, place=f"{place}.objectId")
    occurred = event.get("occurredAt")
    change_source = str(event.get("changeSource"))
    return Change(
        raw=raw,
        source=source,
        key=_dedup_key(event, portal, object_id),
        account=portal,
        lead=lead_key(source, account=portal, object_name=object_name, object_id=object_id),
        occurred_at=raw.received_at
        if occurred is None
        else instants.from_milliseconds(occurred, place=f"{place}.occurredAt"),
        time_source=TimeSource.RECEIVED if occurred is None else TimeSource.EVENT,
        actor=actor_of(source, change_source, json_body.optional_text(event.get("sourceId"))),
        origin=origin_of(change_source),
    )


def _dedup_key(event: Json, portal: str, object_id: str) -> tuple[str, ...]:
    """What stays the same on redelivery. `attemptNumber` does not, and `eventId` alone is not unique."""
    return (
        "hubspot",
        portal,
        str(event.get("subscriptionId", "")),
        str(event.get("eventId", "")),
        object_id,
        str(event.get("occurredAt", "")),
        str(event.get("propertyName", "")),
        _text(event.get("propertyValue")),
    )


def _created(change: Change, event: Json, object_name: str) -> Told:
    created = LeadCreated(**change.envelope("lead.created"), url=_url(change, object_name, event))
    yield created, f"the {object_name} was created (changeSource {event.get('changeSource')})"
    yield from stage_on_create_told(change)


def _restored(change: Change, event: Json, object_name: str) -> Told:
    created = LeadCreated(**change.envelope("lead.created"), url=_url(change, object_name, event))
    yield created, f"the {object_name} was restored: it exists again from then on"


def _deleted(change: Change, _event: Json, object_name: str) -> Told:
    yield LeadDeleted(**change.envelope("lead.deleted")), f"the {object_name} was deleted"


def _privacy_deleted(change: Change, _event: Json, object_name: str) -> Told:
    deleted = LeadDeleted(**change.envelope("lead.deleted"), privacy=True)
    yield deleted, f"the {object_name} was deleted for privacy: personal data must go"


def _merged(change: Change, event: Json, object_name: str) -> Told:
    """One event on each losing key. A merge may create a new record; then the primary one loses too."""
    primary = json_body.text_id(event.get("primaryObjectId"), place="primaryObjectId")
    winner = json_body.optional_id(event.get("newObjectId"), place="newObjectId") or primary
    merged = event.get("mergedObjectIds")
    if not isinstance(merged, list):
        raise Untranslatable(FailureReason.MALFORMED_PART, "mergedObjectIds: a list of ids is needed")
    losers = dict.fromkeys([primary, *(json_body.text_id(one, place="mergedObjectIds") for one in merged)])
    into = _key(change, object_name, winner)
    for loser in losers:
        if loser != winner:
            envelope = change.envelope("lead.merged", about=loser, lead=_key(change, object_name, loser))
            yield LeadMerged(**envelope, into=into), f"{object_name} {loser} was merged into {winner}"


def _property_changed(change: Change, event: Json, object_name: str) -> Told:
    name = event.get("propertyName")
    if not isinstance(name, str):
        raise Untranslatable(FailureReason.MALFORMED_PART, f"propertyName: a name is needed, not {name!r:.60}")
    value = _text(event.get("propertyValue"))
    mapping = change.source.mapping
    stage_field = mapping.fields.stage or ("lifecyclestage" if object_name == "contact" else "hs_pipeline_stage")
    touch = mapping.touch_properties.get(name) or TOUCH_PROPERTIES.get(name)
    disposition_field = mapping.fields.disposition or "hs_lead_status"
    owner_field = mapping.fields.owner or "hubspot_owner_id"
    if value == REDACTED and (touch is not None or name in (stage_field, disposition_field, owner_field)):
        raise Untranslatable(FailureReason.REDACTED, f"{name}: HubSpot hides its value; allow the app to read it")
    if name == stage_field:
        yield from _stage(change, value, field=name)
    elif name == disposition_field:
        yield from _status(change, value, field=name)
    elif name == owner_field:
        yield assigned(change, owner_of(change.source, value) if value else None, field=name)
    elif touch is not None:
        yield from _touched(change, touch, value, field=name)
    elif name not in mapping.attributes:
        yield f"{name} = {value!r:.60}", "mapping.attributes does not name it"
    if name in mapping.attributes:
        yield from _attribute(change, event, name, value, object_name)


def _stage(change: Change, value: str, *, field: str) -> Told:
    if not value and value not in change.source.mapping.stages:
        yield f"{field} cleared", "HubSpot clears a stage before it sets an earlier one; the next change tells which"
        return
    yield from stage_told(change, value, field=field, defaults=STAGES)


def _status(change: Change, value: str, *, field: str) -> Told:
    """A lead status may be a disposition, a stage or, most often, neither: then it is of no interest."""
    mapping = change.source.mapping
    if value in mapping.stages:
        yield from stage_told(change, value, field=field)
    elif value in mapping.dispositions:
        yield disposed(change, mapping.dispositions[value], value, field=field)
    elif field not in mapping.attributes:
        yield f"{field} = {value!r}", "neither mapping.dispositions nor mapping.stages names this status"


def _touched(change: Change, rule: TouchProperty, value: str, *, field: str) -> Told:
    if not value:
        yield f"{field} cleared", "no activity is left: no touch"
        return
    performed_at = change.occurred_at
    if rule.value == "timestamp":
        performed_at = instants.from_milliseconds(value, place=field)
    actor = change.actor
    touch = TouchLogged(
        **change.envelope("touch.logged"),
        touch=f"{change.lead}@{int(performed_at.timestamp() * 1000)}",
        channel=rule.channel,
        direction=rule.direction,
        performed_at=performed_at,
        performed_by=actor if actor is not None and actor.kind is ActorKind.USER else None,
        automated=is_automated(change.origin),
    )
    yield touch, f"{field} tells of an activity ({rule.direction.value} {rule.channel.value})"


def _attribute(change: Change, event: Json, name: str, value: str, object_name: str) -> Told:
    if value == REDACTED:
        yield f"{name} = {value}", "HubSpot hides the value of a sensitive property"
        return
    canonical = change.source.mapping.attributes[name]
    changed = LeadAttributesChanged(
        **change.envelope("lead.attributes_changed", about=canonical),
        attributes={canonical: value or None},
        url=_url(change, object_name, event),
    )
    yield changed, f"{name} is attribute {canonical!r}"


def _deal_created(change: Change, event: Json, _object_name: str) -> Told:
    deal = DealCreated(**change.envelope("deal.created"), deal=change.lead)
    yield deal, f"the deal was created (changeSource {event.get('changeSource')})"


def _deal_deleted(change: Change, _event: Json, _object_name: str) -> Told:
    yield LeadDeleted(**change.envelope("lead.deleted")), "the deal was deleted; its key has a history of its own"


def _deal_property_changed(change: Change, event: Json, object_name: str) -> Told:
    name = event.get("propertyName")
    value = _text(event.get("propertyValue"))
    if name == "dealstage":
        rule = deal_stage_rule(change, value, DEAL_STAGES)
        if rule is None:
            yield f"dealstage = {value!r}", "the source has no mapping.deal_stages"
            return
        yield from deal_stage_told(change, rule, value, deal=change.lead)
    elif name == "amount":
        amount = json_body.decimal_text(value, place="amount")
        changed = LeadAttributesChanged(**change.envelope("lead.attributes_changed"), attributes={"amount": amount})
        yield changed, "the deal's amount changed"
    elif isinstance(name, str) and name in change.source.mapping.attributes:
        yield from _attribute(change, event, name, value, object_name)
    else:
        yield f"{name} = {value!r:.60}", "neither dealstage nor amount, and mapping.attributes does not name it"


Handler = Callable[[Change, Json, str], Told]

_LEAD_VERBS: Mapping[str, Handler] = {
    "creation": _created,
    "propertyChange": _property_changed,
    "deletion": _deleted,
    "privacyDeletion": _privacy_deleted,
    "merge": _merged,
    "restore": _restored,
}
_DEAL_VERBS: Mapping[str, Handler] = {
    "creation": _deal_created,
    "propertyChange": _deal_property_changed,
    "deletion": _deal_deleted,
}


def _key(change: Change, object_name: str, object_id: str) -> str:
    return lead_key(change.source, account=change.account, object_name=object_name, object_id=object_id)


def _url(change: Change, object_name: str, event: Json) -> str | None:
    return lead_url(
        change.source, account=change.account, object_name=object_name, object_id=str(event.get("objectId"))
    )


def _text(value: object) -> str:
    """HubSpot sends values as text; a number or a boolean is taken as JSON would print it."""
    if isinstance(value, str):
        return value
    return "" if value is None else msgspec.json.encode(value, enc_hook=str).decode()

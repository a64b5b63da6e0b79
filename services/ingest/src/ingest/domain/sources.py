"""Where webhooks come from and what their words mean to us: the sources file, as frozen values.

A `Source` is one connection to one CRM. Its `mapping` says which of the CRM's raw values are which canonical ones.
Loading and checking the file is the work of `ingest.adapters.sources_file`; nothing here reads anything.
"""

import enum
from collections.abc import Mapping
from typing import Literal

import msgspec

from ingest.domain.secret import Secret
from shared.events.envelope import Channel, Direction, OwnerKind

MOST_BODY_BYTES = 950_000
"""What surely fits a record of the stream (a million bytes) together with the request's headers and names."""
DEFAULT_MAX_BODY_BYTES = MOST_BODY_BYTES
"""A HubSpot batch of 100 events takes 40 kB, 100 Salesforce notifications of 50 fields about 300 kB."""


class SourceKind(enum.StrEnum):
    """Which dialect a source speaks: decides how its requests are verified and translated."""

    HUBSPOT = "hubspot"
    SALESFORCE_OUTBOUND_MESSAGE = "salesforce-outbound-message"
    PIPEDRIVE = "pipedrive"
    STANDARD_WEBHOOKS = "standard-webhooks"
    CLOUDEVENTS = "cloudevents"
    JSON = "json"


class AuthMethod(enum.StrEnum):
    """How a sender proves itself. The first four follow from the kind, the others are chosen in the file."""

    HUBSPOT = "hubspot"
    SALESFORCE = "salesforce"
    BASIC = "basic"
    STANDARD_WEBHOOKS = "standard-webhooks"
    HMAC_SHA256 = "hmac-sha256"
    HEADER = "header"
    BEARER = "bearer"
    NONE = "none"


class Authentication(msgspec.Struct, frozen=True, kw_only=True):
    """How requests of a source are verified.

    `header` names the header of `header` and `hmac-sha256` (lower case); `prefix` stands before the signature in it
    (such as `sha256=`); `username` is that of `basic`.
    """

    method: AuthMethod
    header: str | None = None
    encoding: Literal["hex", "base64"] = "hex"
    prefix: str = ""
    username: str | None = None


class Outcome(enum.StrEnum):
    """What a raw status says about sales' answer to a lead."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    QUALIFIED = "qualified"
    DISQUALIFIED = "disqualified"
    RECYCLED = "recycled"


class DispositionRule(msgspec.Struct, frozen=True, kw_only=True):
    """A raw status is this outcome; `reason` is what people will read (default: the raw status)."""

    outcome: Outcome
    reason: str | None = None


class OwnerRule(msgspec.Struct, frozen=True, kw_only=True):
    """Who an owner id is. `user_id` is the same person's user id where the CRM tells the two apart (HubSpot)."""

    kind: OwnerKind = OwnerKind.USER
    name: str | None = None
    team: str | None = None
    user_id: str | None = None


class ActivityRule(msgspec.Struct, frozen=True, kw_only=True):
    """What a raw activity type is. `touch` false: such activities are never reported."""

    channel: Channel
    direction: Direction = Direction.OUTBOUND
    touch: bool = True
    outcome: str | None = None
    """What it came to, where the type says so; else as the CRM tells, through `SourceMapping.outcomes`."""


class TouchProperty(msgspec.Struct, frozen=True, kw_only=True):
    """A property of the lead into which the CRM rolls up activities.

    `value` is `timestamp` (milliseconds: when the activity was performed) or `count` (performed when it changed).
    """

    channel: Channel
    direction: Direction = Direction.OUTBOUND
    value: Literal["timestamp", "count"] = "timestamp"


class DealStageRule(msgspec.Struct, frozen=True, kw_only=True):
    """What a raw deal stage is, and whether a deal in it is open, won or lost."""

    stage: str
    outcome: Literal["open", "won", "lost"] = "open"


class JsonRule(msgspec.Struct, frozen=True, kw_only=True):
    """One way in which JSON becomes one lead event: JMESPath expressions, checked when the file is loaded.

    `each` selects the parts of the body (default: the body itself, or each of its elements). The others are evaluated
    on a part, which also sees `_body`, `_headers` and (CloudEvents) `_ce`. `when` must be true-like for the rule to
    apply; `lead` gives the lead's id (or whole key); `id` the sender's own id of the event (default: the content);
    `occurred_at` an ISO 8601 instant or seconds or milliseconds since 1970; `fields` the other fields of the event.
    """

    type: str
    lead: str
    when: str | None = None
    id: str | None = None
    occurred_at: str | None = None
    fields: Mapping[str, str] = {}


class FieldMap(msgspec.Struct, frozen=True, kw_only=True):
    """Which property holds what, where an installation differs from the CRM's own defaults (None: the default)."""

    stage: str | None = None
    disposition: str | None = None
    owner: str | None = None
    deal_lead: str | None = None
    """The field of a deal that holds the id of the lead it came from; without it deals have histories of their own."""


class SourceMapping(msgspec.Struct, frozen=True, kw_only=True):
    """Raw value → canonical value. Keys are the CRM's own values as text; `stages` to None: known, of no interest."""

    stages: Mapping[str, str | None] = {}
    stage_on_create: str | None = None
    dispositions: Mapping[str, DispositionRule] = {}
    owners: Mapping[str, OwnerRule] = {}
    activities: Mapping[str, ActivityRule] = {}
    outcomes: Mapping[str, str] = {}
    touch_properties: Mapping[str, TouchProperty] = {}
    completed_statuses: frozenset[str] = frozenset({"Completed"})
    attributes: Mapping[str, str] = {}
    deal_stages: Mapping[str, DealStageRule] = {}
    fields: FieldMap = FieldMap()
    lead_url: str | None = None
    """Address of a lead's page in the CRM, with `{account}`, `{object}` and `{id}` in it."""
    each: str | None = None
    rules: tuple[JsonRule, ...] = ()
    owner_ids_by_user: Mapping[str, str] = {}
    """Follows from `owners`: user id → owner id. Looked up for every change, so it is not searched each time."""

    def __post_init__(self) -> None:
        by_user = {rule.user_id: owner_id for owner_id, rule in self.owners.items() if rule.user_id is not None}
        msgspec.structs.force_setattr(self, "owner_ids_by_user", by_user)

    def outcome(self, rule: ActivityRule, raw: str | None) -> str | None:
        """What an activity came to: in our words where the mapping has one, else in the CRM's."""
        return rule.outcome if raw is None else self.outcomes.get(raw, raw)


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """One configured sender. `account` is the portal or organisation; None where each payload names it."""

    name: str
    kind: SourceKind
    public_url: str
    authentication: Authentication
    secrets: tuple[Secret, ...] = ()
    account: str | None = None
    max_body_bytes: int = DEFAULT_MAX_BODY_BYTES
    keep_headers: frozenset[str] = frozenset()
    mapping: SourceMapping = SourceMapping()


Sources = Mapping[str, Source]
"""All configured sources by name."""

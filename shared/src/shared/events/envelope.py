"""What every event carries, and the people and origins it names."""

import enum

import msgspec


class ActorKind(enum.StrEnum):
    """Who did it: a person, or something that acts without one."""

    USER = "user"
    AUTOMATION = "automation"
    INTEGRATION = "integration"
    UNKNOWN = "unknown"


class OwnerKind(enum.StrEnum):
    """Who owns a lead. Only a user is a person: a queue or a team is not a handoff."""

    USER = "user"
    QUEUE = "queue"
    TEAM = "team"


class ChangeOrigin(enum.StrEnum):
    """How a change came about in the CRM, as far as the CRM says."""

    USER = "user"
    IMPORT = "import"
    WORKFLOW = "workflow"
    INTEGRATION = "integration"
    API = "api"
    MERGE = "merge"
    SYSTEM = "system"
    UNKNOWN = "unknown"


class TimeSource(enum.StrEnum):
    """Where an event's `occurred_at` came from, best first."""

    EVENT = "event"
    """The CRM stamped this very change."""
    RECORD = "record"
    """A time field of the record, such as its last modification."""
    RECEIVED = "received"
    """The CRM told no time: the instant at which the request arrived."""


class Channel(enum.StrEnum):
    """By which way a lead was touched."""

    CALL = "call"
    EMAIL = "email"
    MEETING = "meeting"
    MESSAGE = "message"
    NOTE = "note"
    TASK = "task"
    OTHER = "other"


class Direction(enum.StrEnum):
    """From us to the lead, or from the lead to us."""

    OUTBOUND = "outbound"
    INBOUND = "inbound"
    UNKNOWN = "unknown"


class Actor(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """Who made a change; `id` is the CRM's own."""

    kind: ActorKind
    id: str | None = None
    name: str | None = None


class Owner(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """Who owns a lead; `id` is the CRM's own, `name` and `team` come from the mapping where it knows them."""

    kind: OwnerKind
    id: str
    name: str | None = None
    team: str | None = None

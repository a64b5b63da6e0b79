"""The shape of the sources file: what an administrator may write, checked by pydantic; its JSON Schema for editors.

Short forms are allowed where one word says it all: a disposition is its outcome, a deal stage its name, an owner the
person's name, an activity its channel.
"""

from collections.abc import Callable, Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, GetJsonSchemaHandler, WithJsonSchema
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from ingest.domain.sources import DEFAULT_MAX_BODY_BYTES, MOST_BODY_BYTES, Outcome, SourceKind
from shared.events.envelope import Channel, Direction, OwnerKind


def _number_as_text(value: object) -> object:
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


Text = Annotated[
    str, BeforeValidator(_number_as_text), Field(min_length=1), WithJsonSchema({"type": ["string", "number"]})
]
"""Text; ids that YAML takes for numbers are taken as they are written."""

Word = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]*$")]
"""A canonical name of ours."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _ShortForm(_Strict):
    """A mapping that may be written as the one word of its field `short_for`."""

    @classmethod
    def short_for(cls) -> str:
        raise NotImplementedError

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        written_out = handler.resolve_ref_schema(handler(core_schema))
        return {"anyOf": [written_out["properties"][cls.short_for()], written_out]}


def _spelled_out(field: str) -> Callable[[object], object]:
    def spell_out(value: object) -> object:
        return {field: value} if isinstance(value, str | int | float) and not isinstance(value, bool) else value

    return spell_out


class SecretModel(_Strict):
    """Where a secret is: an environment variable or a file. Never the secret itself."""

    env: Annotated[str | None, Field(description="Name of an environment variable.")] = None
    file: Annotated[str | None, Field(description="Path of a file, relative to the sources file.")] = None


def _no_clear_text(value: object) -> object:
    if isinstance(value, dict):
        if len(value) == 1 or set(value) - {"env", "file"}:
            return value
        raise ValueError("give either env or file")
    raise ValueError("a secret does not stand in this file; write {env: NAME} or {file: PATH}")


class VerifyModel(_Strict):
    """How senders prove themselves, where the kind leaves a choice."""

    method: Literal["basic", "bearer", "header", "hmac-sha256", "standard-webhooks", "none"] | None = None
    username: Annotated[str | None, Field(description="For basic.")] = None
    header: Annotated[str | None, Field(description="For header and hmac-sha256: the header's name.")] = None
    encoding: Literal["hex", "base64"] = "hex"
    prefix: Annotated[str, Field(description="What stands before the signature, such as sha256=.")] = ""


class DispositionModel(_ShortForm):
    """What a raw status says about sales' answer."""

    outcome: Outcome
    reason: str | None = None

    @classmethod
    def short_for(cls) -> str:
        return "outcome"


class OwnerModel(_ShortForm):
    """Who an owner id is."""

    name: str | None = None
    kind: OwnerKind = OwnerKind.USER
    team: str | None = None
    user_id: Annotated[Text | None, Field(description="HubSpot: the user id of this owner.")] = None

    @classmethod
    def short_for(cls) -> str:
        return "name"


class ActivityModel(_ShortForm):
    """What a raw activity type is."""

    channel: Channel
    direction: Direction = Direction.OUTBOUND
    touch: bool = True
    outcome: Annotated[Word | None, Field(description="What such an activity came to, such as connected.")] = None

    @classmethod
    def short_for(cls) -> str:
        return "channel"


class TouchPropertyModel(_ShortForm):
    """A property of a HubSpot contact that tells of activities."""

    channel: Channel
    direction: Direction = Direction.OUTBOUND
    value: Literal["timestamp", "count"] = "timestamp"

    @classmethod
    def short_for(cls) -> str:
        return "channel"


class DealStageModel(_ShortForm):
    """What a raw deal stage is."""

    stage: Word
    outcome: Literal["open", "won", "lost"] = "open"

    @classmethod
    def short_for(cls) -> str:
        return "stage"


class FieldsModel(_Strict):
    """Which field of the CRM holds what, where it is not the CRM's default."""

    stage: str | None = None
    disposition: str | None = None
    owner: str | None = None
    deal_lead: Annotated[str | None, Field(description="The field of a deal that holds its lead's id.")] = None


class RuleModel(_Strict):
    """One way in which JSON becomes one lead event; all but `type` are JMESPath expressions."""

    type: str
    lead: str
    when: str | None = None
    id: str | None = None
    occurred_at: str | None = None
    fields: dict[str, str] = {}


class MappingModel(_Strict):
    """The CRM's raw values and what they are to us."""

    stages: dict[str, Word | None] = {}
    stage_on_create: Word | None = None
    dispositions: dict[str, Annotated[DispositionModel, BeforeValidator(_spelled_out("outcome"))]] = {}
    owners: dict[str, Annotated[OwnerModel, BeforeValidator(_spelled_out("name"))]] = {}
    activities: dict[str, Annotated[ActivityModel, BeforeValidator(_spelled_out("channel"))]] = {}
    outcomes: Annotated[
        dict[str, Word],
        Field(
            description=(
                "What a call came to, by the CRM's words: connected is what agreements ask for; others are yours to "
                "choose, such as left_message, no_answer."
            )
        ),
    ] = {}
    touch_properties: dict[str, Annotated[TouchPropertyModel, BeforeValidator(_spelled_out("channel"))]] = {}
    completed_statuses: list[Text] = ["Completed"]
    attributes: dict[str, Word] = {}
    deal_stages: dict[str, Annotated[DealStageModel, BeforeValidator(_spelled_out("stage"))]] = {}
    fields: FieldsModel = FieldsModel()
    lead_url: str | None = None
    each: str | None = None
    rules: list[RuleModel] = []


class SourceModel(_Strict):
    """One sender of webhooks."""

    name: Annotated[
        str,
        Field(pattern=r"^[a-z][a-z0-9-]{0,62}$", description="It stands in the address: /webhooks/{name}."),
    ]
    kind: SourceKind
    public_url: Annotated[str, Field(description="The address that the CRM calls, as the CRM knows it.")]
    account: Annotated[Text | None, Field(description="Portal, organisation or company id.")] = None
    secrets: list[Annotated[SecretModel, BeforeValidator(_no_clear_text)]] = []
    verify_: Annotated[VerifyModel, Field(alias="verify")] = VerifyModel()
    max_body_bytes: Annotated[int, Field(ge=1024, le=MOST_BODY_BYTES)] = DEFAULT_MAX_BODY_BYTES
    keep_headers: list[str] = []
    mapping: MappingModel = MappingModel()


class SourcesModel(_Strict):
    """The whole file."""

    sources: list[SourceModel]


def json_schema() -> Mapping[str, object]:
    """The JSON Schema of the sources file, for editors (`# yaml-language-server: $schema=…`)."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Leadpact sources",
        **SourcesModel.model_json_schema(by_alias=True),
    }

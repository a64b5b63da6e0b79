"""Settings: one frozen object per service, read once at start from the environment.

Every variable begins with `LEADPACT_`. Any of them may come from a file instead: `LEADPACT_X_FILE=/run/secrets/x`
gives the value of `LEADPACT_X`. Secrets are `SecretStr` and never show in a repr or a log.
"""

import difflib
import os
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any, Self

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

PREFIX = "LEADPACT_"
FILE_SUFFIX = "_FILE"
SERVICE_PREFIXES = ("INGEST_", "ENGINE_", "NOTIFIER_", "TEST_", "DEMO_")
"""Behind `LEADPACT_`: what belongs to one service, to the tests or to the demo."""

_DATABASE_SCHEMES = ("postgresql://", "postgres://", "postgresql+asyncpg://")


class SettingsError(Exception):
    """A setting is wrong; the text names the variable and the cure."""


class LogFormat(StrEnum):
    """How log lines look."""

    AUTO = "auto"
    CONSOLE = "console"
    JSON = "json"


class FileSource(PydanticBaseSettingsSource):
    """Values named by `LEADPACT_<FIELD>_FILE`; the file's text without trailing newlines."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:  # noqa: ARG002 - base class
        variable = PREFIX + field_name.upper() + FILE_SUFFIX
        path = os.environ.get(variable)
        if not path:
            return None, field_name, False
        try:
            return Path(path).read_text(encoding="utf-8").rstrip("\r\n"), field_name, False
        except OSError as error:
            raise SettingsError(f"{variable} names a file that can't be read: {path} ({error.strerror})") from error

    def __call__(self) -> dict[str, Any]:
        values = {name: self.get_field_value(field, name)[0] for name, field in self.settings_cls.model_fields.items()}
        return {name: value for name, value in values.items() if value is not None}


class CommonSettings(BaseSettings):
    """What all three services understand."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="ignore", env_ignore_empty=True)

    database_url: SecretStr | None = Field(
        None,
        description="PostgreSQL to use, as `postgresql://user:password@host:5432/name`. "
        "Unset: the embedded server is started under the state directory.",
    )
    stream_url: str | None = Field(
        None,
        description="Apache Kafka to use, as `kafka://host:9092[,host:9092]`. "
        "Unset: the stream is kept as a log in PostgreSQL.",
    )
    stream_partitions: int = Field(
        8,
        ge=1,
        le=1024,
        description="Partitions of a topic when it is first created: the most processes that can share the work.",
    )
    state_dir: Path = Field(
        Path(".leadpact"), description="Folder for the embedded database and the spool of requests not yet stored."
    )
    host: str = Field("127.0.0.1", description="Address to listen on. Loopback unless told otherwise.")
    console_url: str = Field(
        "http://127.0.0.1:8402", description="Where people reach the sla-engine's pages: links in messages begin so."
    )
    log_format: LogFormat = Field(
        LogFormat.AUTO, description="`console`, `json`, or `auto`: console on a terminal, JSON elsewhere."
    )
    log_level: str = Field("INFO", description="DEBUG, INFO, WARNING or ERROR.")
    migrate_on_start: bool = Field(
        default=True,
        description="Bring the service's schema up to date at start. Off: start fails while revisions are pending.",
    )
    stop_grace_seconds: float = Field(
        8.0, gt=0, le=60, description="How long a stop may take to finish what is under way before it is cut short."
    )

    @field_validator("log_level")
    @classmethod
    def _known_level(cls, value: str) -> str:
        level = value.upper()
        if level not in {"DEBUG", "INFO", "WARNING", "ERROR"}:
            raise ValueError("must be DEBUG, INFO, WARNING or ERROR")
        return level

    @field_validator("console_url")
    @classmethod
    def _no_trailing_slash(cls, value: str) -> str:
        return value.rstrip("/")

    @field_validator("database_url")
    @classmethod
    def _known_database(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not value.get_secret_value().startswith(_DATABASE_SCHEMES):
            raise ValueError("must begin with postgresql:// (or be unset to use the embedded server)")
        return value

    @field_validator("stream_url")
    @classmethod
    def _known_stream(cls, value: str | None) -> str | None:
        if value is not None and not value.startswith(("kafka://", "postgres:")):
            raise ValueError("must begin with kafka:// (or be unset to keep the stream in PostgreSQL)")
        return value

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - signature of the base class
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - same
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, FileSource(settings_cls)

    @classmethod
    def read(cls) -> Self:
        """The settings of this process. Raises `SettingsError` that names every wrong variable and the cure."""
        try:
            return cls()
        except ValidationError as error:
            raise SettingsError("\n".join(_explain(problem) for problem in error.errors())) from None

    @property
    def embedded(self) -> bool:
        """Whether the embedded database is used."""
        return self.database_url is None


def _explain(problem: Any) -> str:  # noqa: ANN401 - pydantic's ErrorDetails is a loose dictionary
    variable = PREFIX + str(problem["loc"][0]).upper() if problem["loc"] else PREFIX
    return f"{variable}: {problem['msg'].removeprefix('Value error, ')}"


def unknown_variables(settings: type[CommonSettings], environ: Mapping[str, str] | None = None) -> list[str]:
    """A sentence for each `LEADPACT_` variable that no setting of this service reads: most are typing errors."""
    environ = os.environ if environ is None else environ
    known = {PREFIX + name.upper() for name in settings.model_fields}
    own = _own_prefixes(known)
    return [
        _unknown_sentence(name, known)
        for name in sorted(environ)
        if name.startswith(PREFIX)
        and name.removesuffix(FILE_SUFFIX) not in known
        and name not in known
        and not _belongs_elsewhere(name, own)
    ]


def _own_prefixes(known: set[str]) -> set[str]:
    return {prefix for prefix in SERVICE_PREFIXES if any(name.startswith(PREFIX + prefix) for name in known)}


def _belongs_elsewhere(name: str, own: set[str]) -> bool:
    return any(name.startswith(PREFIX + prefix) for prefix in SERVICE_PREFIXES if prefix not in own)


def _unknown_sentence(name: str, known: set[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"; did you mean {near[0]}?" if near else ""
    return f"{name} is set but no setting has this name{hint}"

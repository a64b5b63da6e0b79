"""The README's table of settings, from the settings classes themselves."""

from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from ingest.config import IngestSettings
from notifier.config import NotifierSettings
from shared.settings import PREFIX, CommonSettings
from sla_engine.config import EngineSettings


def service_settings() -> dict[str, type[CommonSettings]]:
    """Service → its settings class."""
    return {"ingest": IngestSettings, "sla-engine": EngineSettings, "notifier": NotifierSettings}


def settings_table() -> str:
    """Markdown: what all services understand first, then each service's own."""
    common = set(CommonSettings.model_fields)
    parts = [_table("All services", CommonSettings, list(CommonSettings.model_fields))]
    for service, settings in service_settings().items():
        parts.append(_table(service, settings, [name for name in settings.model_fields if name not in common]))
    return "\n".join(parts)


def _table(title: str, settings: type[CommonSettings], names: list[str]) -> str:
    rows = [_row(name, settings.model_fields[name]) for name in names]
    return "\n".join([f"**{title}**", "", "| variable | default | meaning |", "| --- | --- | --- |", *rows, ""])


def _row(name: str, field: FieldInfo) -> str:
    assert field.description, f"the setting {name} has no description"
    description = field.description.replace("\n", " ").replace("|", "\\|")
    return f"| `{PREFIX}{name.upper()}` | {_default(field)} | {description} |"


def _default(field: FieldInfo) -> str:
    if field.default is PydanticUndefined:
        return "(required)" if field.default_factory is None else "(computed)"
    value = field.default.get_secret_value() if isinstance(field.default, SecretStr) else field.default
    if value is None or value in ("", ()):
        return "(unset)"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"

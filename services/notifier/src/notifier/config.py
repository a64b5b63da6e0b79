"""The notifier's settings."""

import os
from pathlib import Path
from typing import Any

from pydantic import Field, SecretStr, field_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from notifier.domain.channels import ChannelKind
from shared.settings import CommonSettings

FEED_NAME = "feed.txt"
PLAIN_TOKEN = "SLACK_BOT_TOKEN"  # noqa: S105 - the name of a variable
PLAIN_CHANNEL = "SLACK_CHANNEL"


class PlainSlackSource(PydanticBaseSettingsSource):
    """`SLACK_BOT_TOKEN` and `SLACK_CHANNEL`, as other Slack tools name them; only both together mean anything here."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:  # noqa: ARG002 - base class
        return None, field_name, False

    def __call__(self) -> dict[str, Any]:
        token, channel = os.environ.get(PLAIN_TOKEN, "").strip(), os.environ.get(PLAIN_CHANNEL, "").strip()
        if not token or not channel:
            return {}
        return {"notifier_slack_bot_token": token, "notifier_default_channel": channel}


class NotifierSettings(CommonSettings):
    """What the notifier understands."""

    notifier_port: int = Field(8403, ge=0, le=65535, description="Port of the operations pages and the API.")
    notifier_slack_bot_token: SecretStr | None = Field(
        None,
        description="Bot token (`xoxb-…`) of a Slack app: messages are posted, and edited when a promise is met late, "
        "cancelled or taken back. `SLACK_BOT_TOKEN` together with `SLACK_CHANNEL` is understood too.",
    )
    notifier_slack_webhook_url: SecretStr | None = Field(
        None,
        description="Address of a Slack incoming webhook, for those without a bot: one channel, no edits. "
        "Not used where a bot token is set.",
    )
    notifier_slack_api_url: str = Field("https://slack.com/api/", description="Where Slack's Web API is.")
    notifier_default_channel: str = Field(
        "#sales",
        min_length=1,
        description="Slack channel (id or #name) of teams for which the agreement names none.",
    )
    notifier_send_all_to: str | None = Field(
        None,
        description="Slack channel that gets every message instead of the people and channels of the agreement: "
        "for trying things out.",
    )
    notifier_preview_file: Path | None = Field(
        None,
        description="File to which each message is appended as text, beside Slack. "
        f"Unset and without Slack: `{FEED_NAME}` in the state directory.",
    )
    notifier_preview_echo: bool = Field(
        default=False, description="Show the messages of the preview on standard output as well."
    )
    notifier_workers: int = Field(4, ge=1, le=64, description="Messages that may be under way at once.")
    notifier_pace_seconds: float = Field(
        1.0, ge=0, le=60, description="Least time between two messages to one Slack channel; Slack takes one a second."
    )
    notifier_request_seconds: float = Field(10.0, gt=0, le=60, description="How long one request to Slack may take.")
    notifier_lease_seconds: float = Field(
        30.0,
        gt=0,
        le=600,
        description="How long a message under way stays with its process; after that the process counts as dead. "
        "More than 2 s longer than a request may take.",
    )
    notifier_settle_seconds: float = Field(
        60.0,
        ge=0,
        le=3600,
        description="A message whose answer was lost and that can't be found in the channel this long after its "
        "request was not posted, and is sent again.",
    )
    notifier_roll_up_over: int = Field(
        10,
        ge=1,
        le=1000,
        description="So many broken promises may wait for one channel, each for a message of its own; when more wait, "
        "as after an outage, one message lists them all.",
    )
    notifier_ask_engine: bool = Field(
        default=False,
        description="Ask the sla-engine (at the console's address) before each warning and breach whether it still "
        "holds, beyond what the stream has said.",
    )

    @field_validator("notifier_slack_webhook_url")
    @classmethod
    def _web_address(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not value.get_secret_value().startswith(("https://", "http://")):
            raise ValueError("must begin with https://")
        return value

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        usual = super().settings_customise_sources(
            settings_cls, init_settings, env_settings, dotenv_settings, file_secret_settings
        )
        return (*usual, PlainSlackSource(settings_cls))

    @property
    def channels(self) -> tuple[ChannelKind, ...]:
        """The channels that are active, by what is set."""
        active: list[ChannelKind] = []
        if self.notifier_slack_bot_token is not None:
            active.append(ChannelKind.SLACK)
        elif self.notifier_slack_webhook_url is not None:
            active.append(ChannelKind.SLACK_WEBHOOK)
        if self.notifier_preview_file is not None or not active:
            active.append(ChannelKind.PREVIEW)
        return tuple(active)

    @property
    def feed(self) -> Path:
        """The file of the preview channel."""
        return self.notifier_preview_file or self.state_dir / FEED_NAME

"""Which channels the settings name."""

from pathlib import Path

import pytest

from notifier.config import FEED_NAME, NotifierSettings
from notifier.domain.channels import ChannelKind
from notifier.main.service import check_settings
from shared.process import StartError
from shared.settings import SettingsError


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SLACK_BOT_TOKEN", "SLACK_CHANNEL", "LEADPACT_NOTIFIER_SLACK_BOT_TOKEN"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("variables", "channels"),
    [
        ({}, [ChannelKind.PREVIEW]),
        ({"LEADPACT_NOTIFIER_SLACK_BOT_TOKEN": "xoxb-1"}, [ChannelKind.SLACK]),
        ({"LEADPACT_NOTIFIER_SLACK_WEBHOOK_URL": "https://hooks.example.com/x"}, [ChannelKind.SLACK_WEBHOOK]),
        (
            {"LEADPACT_NOTIFIER_SLACK_BOT_TOKEN": "xoxb-1", "LEADPACT_NOTIFIER_PREVIEW_FILE": "feed"},
            [ChannelKind.SLACK, ChannelKind.PREVIEW],
        ),
        ({"SLACK_BOT_TOKEN": "xoxb-1"}, [ChannelKind.PREVIEW]),
        ({"SLACK_BOT_TOKEN": "xoxb-1", "SLACK_CHANNEL": "C1"}, [ChannelKind.SLACK]),
    ],
)
def test_channels_follow_from_what_is_set(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], channels: list[ChannelKind]
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert list(NotifierSettings.read().channels) == channels


def test_the_plain_variables_name_the_channel_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-1")
    monkeypatch.setenv("SLACK_CHANNEL", "C1")
    assert NotifierSettings.read().notifier_default_channel == "C1"


def test_the_feed_is_in_the_state_directory_unless_told_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEADPACT_STATE_DIR", "/somewhere")
    assert NotifierSettings.read().feed == Path("/somewhere") / FEED_NAME


def test_secrets_show_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEADPACT_NOTIFIER_SLACK_BOT_TOKEN", "xoxb-secret")
    monkeypatch.setenv("LEADPACT_NOTIFIER_SLACK_WEBHOOK_URL", "https://hooks.example.com/secret")
    assert "secret'" not in repr(NotifierSettings.read()).replace("SecretStr('**********')", "")


def test_a_webhook_that_is_no_address_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEADPACT_NOTIFIER_SLACK_WEBHOOK_URL", "hooks.example.com")
    with pytest.raises(SettingsError, match=r"LEADPACT_NOTIFIER_SLACK_WEBHOOK_URL: .*must begin with https://"):
        NotifierSettings.read()


def test_a_lease_shorter_than_a_request_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEADPACT_NOTIFIER_LEASE_SECONDS", "5")
    with pytest.raises(StartError, match="LEADPACT_NOTIFIER_LEASE_SECONDS is 5: it must be more than 12"):
        check_settings(NotifierSettings.read())


def test_a_settle_time_shorter_than_a_request_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEADPACT_NOTIFIER_SETTLE_SECONDS", "9")
    with pytest.raises(StartError, match="LEADPACT_NOTIFIER_SETTLE_SECONDS is 9: it must be at least"):
        check_settings(NotifierSettings.read())

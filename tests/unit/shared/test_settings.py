"""Settings come from the environment or from files, name their faults, and keep secrets."""

from pathlib import Path

import pytest
from pydantic import Field, SecretStr

from shared.settings import CommonSettings, SettingsError, unknown_variables


class ServiceSettings(CommonSettings):
    ingest_port: int = Field(8401, description="Port.")
    ingest_token: SecretStr | None = Field(None, description="Token.")


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DATABASE_URL", "STREAM_URL", "STREAM_PARTITIONS", "INGEST_TOKEN", "INGEST_PORT", "STATE_DIR"):
        monkeypatch.delenv(f"LEADPACT_{name}", raising=False)


def test_nothing_set_means_the_embedded_default_on_loopback() -> None:
    settings = ServiceSettings.read()
    assert settings.embedded
    assert settings.stream_url is None
    assert settings.host == "127.0.0.1"


def test_a_variable_is_read_by_its_prefix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEADPACT_INGEST_PORT", "9000")
    assert ServiceSettings.read().ingest_port == 9000


def test_a_secret_may_come_from_a_file_and_never_shows(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    secret = tmp_path / "token"
    secret.write_text("hush-hush\n")
    monkeypatch.setenv("LEADPACT_INGEST_TOKEN_FILE", str(secret))
    settings = ServiceSettings.read()
    assert settings.ingest_token is not None
    assert settings.ingest_token.get_secret_value() == "hush-hush"
    assert "hush" not in repr(settings)


def test_a_file_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LEADPACT_INGEST_TOKEN_FILE", str(tmp_path / "nowhere"))
    with pytest.raises(SettingsError, match=r"LEADPACT_INGEST_TOKEN_FILE names a file that can't be read: .*nowhere"):
        ServiceSettings.read()


def test_every_wrong_value_is_told_at_once_by_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEADPACT_INGEST_PORT", "many")
    monkeypatch.setenv("LEADPACT_STREAM_URL", "amqp://somewhere")
    with pytest.raises(SettingsError) as raised:
        ServiceSettings.read()
    assert "LEADPACT_INGEST_PORT: " in str(raised.value)
    assert "LEADPACT_STREAM_URL: must begin with kafka://" in str(raised.value)


@pytest.mark.parametrize("address", ["mysql://someone:hush@host/db", "host:5432/db", "/var/lib/leadpact.sqlite"])
def test_a_database_that_is_no_postgresql_is_refused_at_once_and_not_printed(
    monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setenv("LEADPACT_DATABASE_URL", address)
    with pytest.raises(SettingsError) as raised:
        ServiceSettings.read()
    assert str(raised.value) == (
        "LEADPACT_DATABASE_URL: must begin with postgresql:// (or be unset to use the embedded server)"
    )


def test_a_wrong_secret_is_not_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEADPACT_DATABASE_URL", "postgresql://someone:hush@host/db")
    monkeypatch.setenv("LEADPACT_INGEST_PORT", "many")
    with pytest.raises(SettingsError) as raised:
        ServiceSettings.read()
    assert "hush" not in str(raised.value)


def test_settings_are_frozen() -> None:
    settings = ServiceSettings.read()
    with pytest.raises(Exception, match="frozen"):
        settings.ingest_port = 1  # type: ignore[misc] # what is tried here


def test_a_variable_that_nothing_reads_is_named_with_the_nearest_one() -> None:
    environ = {
        "LEADPACT_DATABSE_URL": "x",
        "LEADPACT_NOTIFIER_PORT": "1",
        "LEADPACT_INGEST_TOKEN_FILE": "y",
        "HOME": "/",
    }
    assert unknown_variables(ServiceSettings, environ) == [
        "LEADPACT_DATABSE_URL is set but no setting has this name; did you mean LEADPACT_DATABASE_URL?"
    ]

"""The commands that need no service, as a person uses them."""

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from ingest.main import app

SOURCES = """
sources:
  - name: form
    kind: json
    public_url: https://hooks.example.com/webhooks/form
    verify: {method: header, header: x-token}
    account: acme
    secrets:
      - env: TEST_FORM_TOKEN
    mapping:
      stages: {ready: mql}
      rules:
        - type: lead.stage_changed
          lead: id
          fields: {stage: stage}
"""


@pytest.fixture
def sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "sources.yaml"
    path.write_text(SOURCES, encoding="utf-8")
    monkeypatch.setenv("LEADPACT_INGEST_SOURCES", str(path))
    monkeypatch.setenv("TEST_FORM_TOKEN", "a-secret-token")
    return path


def call(*arguments: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(app, list(arguments), input=stdin, catch_exceptions=False)


def test_check_says_what_each_sender_is_told_and_shows_no_secret(sources: Path) -> None:
    result = call("check", str(sources))
    assert result.exit_code == 0
    assert "form: json, header, 1 secret" in result.output
    assert "https://hooks.example.com/webhooks/form" in result.output
    assert "1 source, no mistakes" in result.output
    assert "a-secret-token" not in result.output


def test_check_names_every_mistake_with_its_line(sources: Path) -> None:
    sources.write_text(SOURCES.replace("kind: json", "kind: jsn").replace("public_url", "publik_url"), encoding="utf-8")
    result = call("check")
    assert result.exit_code == 2
    assert "line 4" in result.output
    assert "line 5" in result.output


def test_check_misses_a_secret_unless_told_not_to_look(sources: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TEST_FORM_TOKEN")
    missing = call("check", str(sources))
    assert missing.exit_code == 2
    assert "TEST_FORM_TOKEN" in missing.output
    assert call("check", str(sources), "--without-secrets").exit_code == 0


def test_translate_shows_what_a_payload_becomes_and_why(sources: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TEST_FORM_TOKEN")
    result = call("translate", "-", "--source", "form", "--sources", str(sources), stdin='{"id": 7, "stage": "ready"}')
    assert result.exit_code == 0, result.output
    assert "→ lead.stage_changed  stage=mql raw_stage=ready" in result.output
    assert "because" in result.output
    assert "1 event, 0 ignored, 0 failures" in result.output


def test_translate_gives_events_as_json_lines(sources: Path, tmp_path: Path) -> None:
    payload = tmp_path / "payload.json"
    payload.write_text('{"id": 7, "stage": "ready"}', encoding="utf-8")
    result = call("translate", str(payload), "--source", "form", "--json")
    assert sources.exists()
    (event,) = [json.loads(line) for line in result.output.splitlines()]
    assert (event["type"], event["stage"], event["lead"]) == ("lead.stage_changed", "mql", "form:acme:lead:7")


@pytest.mark.usefixtures("sources")
def test_translate_fails_where_a_part_would_be_dead_lettered() -> None:
    result = call("translate", "-", "--source", "form", stdin='{"id": 7, "stage": "never heard of"}')
    assert result.exit_code == 1
    assert "unmapped_stage" in result.output


@pytest.mark.usefixtures("sources")
def test_translate_names_the_sources_there_are() -> None:
    result = call("translate", "-", "--source", "hubspot", stdin="{}")
    assert result.exit_code == 2
    assert "no source 'hubspot'; there are: form" in result.output
    assert call("translate", "/nowhere/payload.json", "--source", "form").exit_code == 2


def test_schema_is_a_json_schema_of_the_sources_file() -> None:
    schema = json.loads(call("schema").output)
    assert "sources" in schema["properties"]


@pytest.mark.parametrize(
    "arguments",
    [("replay", "--from", "yesterday"), ("dead-letters", "redrive"), ("dead-letters", "redrive", "3f9a", "--all")],
    ids=["no instant", "nothing named", "one and all"],
)
def test_what_can_not_be_meant_is_refused_before_anything_is_opened(arguments: tuple[str, ...]) -> None:
    assert call(*arguments).exit_code == 2


@pytest.mark.parametrize(
    "command",
    ["run", "check", "translate", "schema", "replay", "migrate", "dead-letters list", "dead-letters redrive"],
)
def test_every_command_explains_itself(command: str) -> None:
    result = call(*command.split(), "--help")
    assert result.exit_code == 0
    assert len(result.output.splitlines()) > 5


@pytest.mark.parametrize("command", ["run", "replay", "check", "translate"])
def test_help_is_not_torn_on_a_terminal_of_eighty_columns(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    paragraphs = re.split(r"\n\s*\n", call(command, "--help").output.partition("╭")[0])
    for paragraph in paragraphs:
        *before, _last = [line.strip() for line in paragraph.splitlines() if line.strip()] or [""]
        assert all(len(line) > 55 for line in before), paragraph

"""Every line of the log is one JSON object with a stable event name, whoever wrote it."""

import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from shared.logs import configure_logs, get_logger
from shared.settings import LogFormat


@pytest.fixture(autouse=True)
def logs_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def test_a_librarys_sentence_is_a_detail_and_no_event_name(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs(service="ingest", level="INFO", log_format=LogFormat.JSON)
    logging.getLogger("uvicorn.error").info("Started server process [%d]", 4711)
    line = json.loads(capsys.readouterr().err)
    assert (line["event"], line["logger"]) == ("library_message", "uvicorn.error")
    assert line["detail"] == "Started server process [4711]"
    assert (line["service"], line["level"]) == ("ingest", "info")


def test_our_own_lines_keep_their_event_name(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs(service="ingest", level="INFO", log_format=LogFormat.JSON)
    get_logger("ours").info("listening", port=8401)
    line = json.loads(capsys.readouterr().err)
    assert (line["event"], line["port"]) == ("listening", 8401)
    assert "detail" not in line

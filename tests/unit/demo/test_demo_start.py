"""What is looked at before the demo starts anything, and what the services are told."""

import multiprocessing
import socket
from pathlib import Path

import pytest

from deploy.demo.environment import CrmSecrets, Slack, ignored_variables, service_environment
from deploy.demo.guards import check_ports, only_one
from deploy.demo.places import PlaceError, Places
from tests.support.deployment import free_port


def places(directory: Path, **ports: int) -> Places:
    environ = {"LEADPACT_INGEST_PORT": free_port(), "LEADPACT_ENGINE_PORT": free_port()} | ports
    return Places.read(directory, {name: str(port) for name, port in environ.items()})


def test_a_taken_port_is_named_with_the_cure(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = other.getsockname()[1]
        with pytest.raises(PlaceError) as refused:
            check_ports(places(tmp_path, LEADPACT_ENGINE_PORT=taken))
    assert f"port {taken} (sla-engine) is taken; set LEADPACT_ENGINE_PORT" in str(refused.value)
    assert "LEADPACT_INGEST_PORT" not in str(refused.value)


@pytest.mark.parametrize("value", ["x", "0", "65536", "-1"])
def test_a_port_that_is_none_is_refused(tmp_path: Path, value: str) -> None:
    with pytest.raises(PlaceError, match=r"LEADPACT_INGEST_PORT.*from 1 to 65535"):
        Places.read(tmp_path, {"LEADPACT_INGEST_PORT": value})


def _hold(
    directory: Path, held: "multiprocessing.synchronize.Event", done: "multiprocessing.synchronize.Event"
) -> None:
    with only_one(places(directory)):
        held.set()
        done.wait(20)


def test_a_second_demo_in_the_same_directory_is_refused(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    held, done = context.Event(), context.Event()
    first = context.Process(target=_hold, args=(tmp_path, held, done))
    first.start()
    try:
        assert held.wait(20)
        with pytest.raises(PlaceError, match=f"runs here already .process {first.pid}"), only_one(places(tmp_path)):
            pass
    finally:
        done.set()
        first.join(20)
    with only_one(places(tmp_path)):
        pass


def test_settings_of_a_real_installation_do_not_leak_in(tmp_path: Path) -> None:
    environ = {
        "PATH": "/bin",
        "LEADPACT_DATABASE_URL": "postgresql://real",
        "LEADPACT_NOTIFIER_PORT": "9403",
        "SLACK_BOT_TOKEN": "xoxb-real",
    }
    told = service_environment(places(tmp_path), CrmSecrets.draw(), None, environ)
    assert "LEADPACT_DATABASE_URL" not in told
    assert "xoxb-real" not in told.values()
    assert told["PATH"] == "/bin"
    assert ignored_variables(environ) == ["LEADPACT_DATABASE_URL"]


def test_slack_needs_a_token_and_a_channel() -> None:
    assert Slack.read({"SLACK_BOT_TOKEN": "xoxb-1"}) is None
    assert Slack.read({"LEADPACT_DEMO_SLACK_CHANNEL": "C1"}) is None
    slack = Slack.read({"SLACK_BOT_TOKEN": "xoxb-1", "LEADPACT_DEMO_SLACK_CHANNEL": "C1"})
    assert slack is not None
    assert "xoxb-1" not in repr(slack)


def test_secrets_do_not_show() -> None:
    drawn = CrmSecrets.draw()
    assert drawn.hubspot not in repr(drawn)

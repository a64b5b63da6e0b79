"""A service as a process: settings, logs, signals, exit codes. The same for all three.

Exit codes: 0 stopped when asked; 1 died (its supervisor should start it again); 2 told wrongly (settings, files,
a taken port): starting it again will not help.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from typing import NoReturn, TypeVar

import uvloop

from shared.http_server import PortTakenError
from shared.logs import configure_logs, get_logger
from shared.settings import CommonSettings, SettingsError, unknown_variables
from shared.supervision import TaskDiedError, stop_on_signals

logger = get_logger(__name__)

S = TypeVar("S", bound=CommonSettings)

TOLD_WRONGLY = 2
DIED = 1


class StartError(Exception):
    """The service can't start as it is told to; the text names the place and the cure."""


def run_process(service: str, settings_type: type[S], serve: Callable[[S, asyncio.Event], Awaitable[None]]) -> None:
    """Read the settings, then run `serve(settings, stop)` until SIGTERM or SIGINT sets `stop`.

    Never returns on a fault: it exits with one of the codes above after one clear line.
    """
    settings = read_settings(settings_type)
    configure_logs(service=service, level=settings.log_level, log_format=settings.log_format)
    for sentence in unknown_variables(settings_type):
        logger.warning("unknown_setting", detail=sentence)
    try:
        uvloop.run(_until_stopped(settings, serve))
    except (StartError, SettingsError, PortTakenError) as error:
        _exit(TOLD_WRONGLY, f"{service}: {error}")
    except TaskDiedError as error:
        logger.critical("task_died", task=error.name, detail=str(error), exc_info=error.__cause__)
        _exit(DIED, f"{service}: {error}")
    logger.info("stopped")


def read_settings(settings_type: type[S]) -> S:
    """The settings, or exit 2 with every wrong variable named."""
    try:
        return settings_type.read()
    except SettingsError as error:
        _exit(TOLD_WRONGLY, str(error))


async def _until_stopped(settings: S, serve: Callable[[S, asyncio.Event], Awaitable[None]]) -> None:
    stop = asyncio.Event()
    with stop_on_signals(stop):
        await serve(settings, stop)


def _exit(code: int, text: str) -> NoReturn:
    print(text, file=sys.stderr)  # noqa: T201 - the last word of a process is for the person who started it
    raise SystemExit(code)

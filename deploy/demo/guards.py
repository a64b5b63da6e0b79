"""What is looked at before anything is started: the ports, and whether a demo runs here already."""

import contextlib
import fcntl
import os
import socket
from collections.abc import Iterator

from deploy.demo.places import HOST, PORTS, PlaceError, Places


def check_ports(places: Places) -> None:
    """Refuse a taken port before anything is started."""
    taken = [service for service, port in places.ports.items() if not _free(port)]
    if taken:
        lines = [f"port {places.ports[service]} ({service}) is taken; set {PORTS[service][0]}" for service in taken]
        example = f"{PORTS[taken[0]][0]}={places.ports[taken[0]] + 100}"
        raise PlaceError("\n".join([*lines, f"to another port, for example: {example} make demo"]))


def _free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
            probe.listen()
        except OSError:
            return False
    return True


@contextlib.contextmanager
def only_one(places: Places) -> Iterator[None]:
    """Hold the directory's lock. Raises `PlaceError` while another demo runs in it."""
    places.lock.parent.mkdir(parents=True, exist_ok=True)
    with places.lock.open("a+", encoding="ascii") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise PlaceError(
                f"a demo runs here already (process {lock.read().strip() or 'unknown'}); stop it with Ctrl-C there"
            ) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield

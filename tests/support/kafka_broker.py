"""A real Apache Kafka broker for tests, benches and the demo's documentation.

Where it comes from, in this order: the broker named by `KAFKA_BOOTSTRAP`; a container (where a Docker daemon answers);
jars from Maven run by the machine's Java 17. Where none can be had, the test is skipped with the reason, or fails when
`REQUIRE_KAFKA=1`.

`python -m tests.support.kafka_broker` runs one in the foreground and prints its address.
"""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

import pytest

from tests.support.postgres_server import docker_answers

ROOT = Path(__file__).resolve().parents[2]
POM = Path(__file__).with_name("kafka") / "pom.xml"
KAFKA_VERSION = "4.1.1"
KAFKA_IMAGE = f"apache/kafka:{KAFKA_VERSION}"
JARS = ROOT / ".cache" / "kafka" / KAFKA_VERSION / "lib"
CLUSTER_ID = "bGVhZHBhY3QtdGVzdHMtMQ"  # any 16 bytes in URL-safe base64
START_TIMEOUT_SECONDS = 60.0

PROPERTIES = """
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{broker},CONTROLLER://127.0.0.1:{controller}{proxied}
advertised.listeners=PLAINTEXT://127.0.0.1:{broker}{advertised}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT{protocols}
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
log.dirs={directory}/log
num.partitions=4
auto.create.topics.enable=false
offsets.topic.num.partitions=4
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
broker.session.timeout.ms=2000
broker.heartbeat.interval.ms=500
group.initial.rebalance.delay.ms=0
num.network.threads=2
num.io.threads=2
log.cleaner.dedupe.buffer.size=2097152
log.cleaner.threads=1
"""

CONTAINER_SETTINGS = {
    "KAFKA_NODE_ID": "1",
    "KAFKA_PROCESS_ROLES": "broker,controller",
    "KAFKA_LISTENERS": "PLAINTEXT://0.0.0.0:9092,CONTROLLER://localhost:9093",
    "KAFKA_ADVERTISED_LISTENERS": "PLAINTEXT://127.0.0.1:{port}",
    "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
    "KAFKA_CONTROLLER_LISTENER_NAMES": "CONTROLLER",
    "KAFKA_CONTROLLER_QUORUM_VOTERS": "1@localhost:9093",
    "KAFKA_AUTO_CREATE_TOPICS_ENABLE": "false",
    "KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR": "1",
    "KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR": "1",
    "KAFKA_TRANSACTION_STATE_LOG_MIN_ISR": "1",
    "KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS": "0",
}
"""As in server.properties, in the image's own manner."""

LOG4J = """
status = error
appender.out.type = Console
appender.out.name = out
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %d{ISO8601} %p %c{1} %m%n
rootLogger.level = warn
rootLogger.appenderRef.out.ref = out
"""


class KafkaUnavailable(Exception):  # noqa: N818 - it names a state of the machine
    """No broker can be had on this machine; says why."""


class Broker(Protocol):
    """What a test needs of a shared broker."""

    @property
    def bootstrap(self) -> str:
        """The address, `host:port[,host:port]`."""
        ...


class ExternalBroker:
    """The broker that `KAFKA_BOOTSTRAP` names, or one in a container. Not ours to break."""

    def __init__(self, bootstrap: str) -> None:
        self.bootstrap = bootstrap


class KafkaBroker:
    """One broker in KRaft mode on the machine's Java. Keeps its data and its ports over `stop`, `kill` and `start`.

    `behind` are the ports of proxies: whoever connects to one of `proxied_ports` through its proxy is told to go on
    connecting there.
    """

    def __init__(self, directory: Path, *, behind: Sequence[int] = ()) -> None:
        self._directory = directory
        self._port, controller = free_port(), free_port()
        self.proxied_ports = [free_port() for _ in behind]
        self._process: subprocess.Popen[bytes] | None = None
        self.bootstrap = f"127.0.0.1:{self._port}"
        self.log = directory / "broker.log"
        directory.mkdir(parents=True, exist_ok=True)
        settings = PROPERTIES.format(
            broker=self._port,
            controller=controller,
            proxied=_listed(",PROXIED{}://127.0.0.1:{}", self.proxied_ports),
            advertised=_listed(",PROXIED{}://127.0.0.1:{}", behind),
            protocols=_listed(",PROXIED{}:PLAINTEXT", behind),
            directory=directory,
        )
        (directory / "server.properties").write_text(settings)
        (directory / "log4j2.properties").write_text(LOG4J)

    def start(self) -> None:
        """Start (format the storage the first time) and wait until the broker answers."""
        if not (self._directory / "log" / "meta.properties").exists():
            self._format()
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [*self._java("-Xmx384m", "-Xms128m"), "kafka.Kafka", str(self._directory / "server.properties")],
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C on the tests is not for the broker
            )
        self._wait_until_answering()

    def stop(self) -> None:
        """Stop in good order."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """Kill with -9."""
        self._end(signal.SIGKILL)

    def restart(self) -> None:
        """Stop and start with the same data on the same port."""
        self.stop()
        self.start()

    @property
    def running(self) -> bool:
        """Whether the process is there."""
        return self._process is not None and self._process.poll() is None

    def _java(self, *options: str) -> list[str]:
        java = shutil.which("java")
        if java is None:
            raise KafkaUnavailable("no 'java' on the PATH (Java 17 or newer runs the broker)")
        log4j = f"-Dlog4j2.configurationFile={self._directory / 'log4j2.properties'}"
        tuning = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")  # starts in half the time
        return [java, *options, *tuning, log4j, "-cp", f"{JARS}/*"]

    def _format(self) -> None:
        command = [*self._java("-Xmx128m"), "kafka.tools.StorageTool", "format", "--cluster-id", CLUSTER_ID]
        done = subprocess.run(
            [*command, "--config", str(self._directory / "server.properties")],
            capture_output=True,
            text=True,
            timeout=START_TIMEOUT_SECONDS,
            check=False,
        )
        if done.returncode:
            raise KafkaUnavailable(f"formatting the broker's storage failed: {done.stdout[-500:]}{done.stderr[-500:]}")

    def _wait_until_answering(self) -> None:
        deadline = time.monotonic() + START_TIMEOUT_SECONDS
        while time.monotonic() < deadline:
            if not self.running:
                raise KafkaUnavailable(f"the broker ended at once: {self.log.read_text()[-1000:]}")
            if _accepts(self._port):
                return
            time.sleep(0.05)
        self.kill()
        raise KafkaUnavailable(f"the broker did not answer within {START_TIMEOUT_SECONDS:.0f} s; see {self.log}")

    def _end(self, sign: signal.Signals) -> None:
        if self._process is None:
            return
        self._process.send_signal(sign)
        try:
            self._process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(timeout=10)
        self._process = None


def _listed(text: str, ports: Sequence[int]) -> str:
    return "".join(text.format(number, port) for number, port in enumerate(ports))


def _accepts(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False


def _wait_until_accepting(port: int) -> None:
    deadline = time.monotonic() + START_TIMEOUT_SECONDS
    while not _accepts(port):
        if time.monotonic() > deadline:
            raise KafkaUnavailable(f"the container's broker did not answer within {START_TIMEOUT_SECONDS:.0f} s")
        time.sleep(0.1)


def free_port() -> int:
    """A port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def ensure_jars() -> None:
    """Fetch the broker's jars into .cache/kafka unless they are there. Raises `KafkaUnavailable`."""
    if (JARS / ".complete").exists():
        return
    maven = shutil.which("mvn")
    if maven is None:
        raise KafkaUnavailable("no Docker daemon, and no 'mvn' on the PATH to fetch the broker's jars")
    JARS.mkdir(parents=True, exist_ok=True)
    command = [maven, "-q", "-B", "-f", str(POM), "dependency:copy-dependencies", "-DincludeScope=runtime"]
    done = subprocess.run(
        [*command, f"-DoutputDirectory={JARS}"], capture_output=True, text=True, timeout=300, check=False
    )
    if done.returncode:
        raise KafkaUnavailable(f"Maven could not fetch the broker's jars: {(done.stdout + done.stderr)[-500:]}")
    (JARS / ".complete").touch()


@contextlib.contextmanager
def breakable_broker(directory: Path | None = None, *, behind: Sequence[int] = ()) -> Iterator[KafkaBroker]:
    """A broker of one's own, not started yet; `behind` as `KafkaBroker` says. Raises `KafkaUnavailable`."""
    ensure_jars()
    with contextlib.ExitStack() as stack:
        if directory is None:
            directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="leadpact-kafka-")))
        broker = KafkaBroker(directory, behind=behind)
        stack.callback(broker.kill)
        yield broker


@contextlib.contextmanager
def any_broker() -> Iterator[Broker]:
    """A running broker to share, wherever it can be had. Raises `KafkaUnavailable`."""
    named = os.environ.get("KAFKA_BOOTSTRAP")
    if named:
        yield ExternalBroker(named)
        return
    with contextlib.ExitStack() as stack:
        yield stack.enter_context(_container()) if docker_answers() else _started(stack)


def _started(stack: contextlib.ExitStack) -> Broker:
    own = stack.enter_context(breakable_broker())
    own.start()
    return own


@contextlib.contextmanager
def _container() -> Iterator[Broker]:
    from testcontainers.core.container import DockerContainer  # noqa: PLC0415 - it asks for Docker when imported

    port = free_port()
    container = DockerContainer(KAFKA_IMAGE).with_bind_ports(9092, port)
    for name, value in CONTAINER_SETTINGS.items():
        container = container.with_env(name, value.format(port=port))
    with container:
        _wait_until_accepting(port)
        yield ExternalBroker(f"127.0.0.1:{port}")


def unavailable(reason: KafkaUnavailable) -> None:
    """Skip the test with the reason, or fail it where Kafka is required."""
    message = f"no Apache Kafka for this test: {reason}"
    if os.environ.get("REQUIRE_KAFKA") == "1":
        pytest.fail(message)
    pytest.skip(message)


@pytest.fixture(scope="session")
def kafka_broker() -> Iterator[Broker]:
    """One running broker, shared by the session's tests: use topics and groups of your own names."""
    with contextlib.ExitStack() as stack:
        try:
            broker = stack.enter_context(any_broker())
        except KafkaUnavailable as reason:
            unavailable(reason)
            raise
        yield broker


@pytest.fixture(scope="module")
def own_kafka_broker() -> Iterator[KafkaBroker]:
    """A broker to stop, kill and start again; running when handed over. Leave it running."""
    with contextlib.ExitStack() as stack:
        try:
            broker = stack.enter_context(breakable_broker())
            broker.start()
        except KafkaUnavailable as reason:
            unavailable(reason)
            raise
        yield broker


@pytest.fixture
def absent_kafka_broker() -> Iterator[KafkaBroker]:
    """A broker that was never started: its address is known before it is there."""
    with contextlib.ExitStack() as stack:
        try:
            broker = stack.enter_context(breakable_broker())
        except KafkaUnavailable as reason:
            unavailable(reason)
            raise
        yield broker


def main() -> None:
    """Run one broker in the foreground until Ctrl-C."""
    with breakable_broker() as broker:
        broker.start()
        sys.stdout.write(f"{broker.bootstrap}\n")
        sys.stdout.flush()
        stops = {signal.SIGINT, signal.SIGTERM}
        signal.pthread_sigmask(signal.SIG_BLOCK, stops)
        signal.sigwait(stops)


if __name__ == "__main__":
    main()

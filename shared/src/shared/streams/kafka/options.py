"""What can be set about a Kafka stream; every default says why."""

from collections.abc import Callable
from datetime import UTC, datetime

import msgspec

from shared.streams.sizes import MAX_RECORD_BYTES


def utc_now() -> datetime:
    """The wall clock, aware UTC."""
    return datetime.now(UTC)


class KafkaOptions(msgspec.Struct, frozen=True, kw_only=True):
    """Times are in seconds."""

    bootstrap: str
    """`host:port[,host:port]`."""
    client_id: str
    member: str | None = None
    """A name that no other living process of the group bears, and that the process bears again after a restart (Kafka's
    `group.instance.id`): whoever joins by it takes the place of a predecessor that was killed, at once. Without one the
    group waits for the session of the dead to time out."""
    append_timeout_seconds: float = 5.0
    """A webhook's answer waits for its append; after this the request goes to the spool."""
    ask_timeout_seconds: float = 3.0
    """For questions about topics and ends."""
    session_timeout_seconds: float = 6.0
    """A killed member's partitions move after this and one heartbeat; brokers refuse less than six by default."""
    heartbeat_seconds: float = 1.0
    rebalance_timeout_seconds: float = 12.0
    """How long the group waits for a member that is busy with its last batch."""
    revocation_wait_seconds: float = 8.0
    """How long a rebalance is held up until `fetch` has told the listener; less than the rebalance timeout."""
    fetch_wait_seconds: float = 0.25
    """How long the broker holds an empty fetch; a partition assigned meanwhile waits for it."""
    stuck_after_seconds: float = 20.0
    """No progress below the end of the log for so long: the consumer is replaced (aiokafka issue 1037)."""
    probe_every_seconds: float = 0.05
    """The log's end is asked for at most so often."""
    retention_seconds: float = 7 * 86_400.0
    """Of topics that are made here, as in the log in PostgreSQL: records hold personal data, and Kafka gives none back.
    An existing topic keeps its own."""
    max_record_bytes: int = MAX_RECORD_BYTES
    clock: Callable[[], datetime] = utc_now

    @property
    def address(self) -> str:
        """As errors name it."""
        return f"kafka://{self.bootstrap}"

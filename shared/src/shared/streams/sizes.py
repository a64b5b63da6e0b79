"""How large a record may be, the same on every engine, so that growing from one to the other surprises nobody."""

from collections.abc import Sequence

from shared.streams.port import Record, RecordTooLarge

MAX_RECORD_BYTES = 1_000_000
"""Key, value and headers of one record together. A broker takes batches of 1,048,588 bytes unless told otherwise."""
_OVERHEAD_BYTES = 64


def check_sizes(topic: str, records: Sequence[Record], *, max_record_bytes: int) -> None:
    """Raise `RecordTooLarge` if one of the records is; called before any of them is appended."""
    for record in records:
        if (size := record_bytes(record)) > max_record_bytes:
            raise RecordTooLarge(
                f"a record of {size} bytes for topic {topic!r} is over the limit of {max_record_bytes} bytes; "
                "it will never be taken: dead-letter it or cut it down"
            )


def record_bytes(record: Record) -> int:
    """What a record takes in the log, about."""
    size = _OVERHEAD_BYTES + len(record.key) + len(record.value)
    for name, value in record.headers:
        size += len(name) + len(value) + 2
    return size

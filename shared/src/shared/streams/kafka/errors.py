"""aiokafka's errors, translated at the edge with the cause chained and the address named."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from aiokafka.errors import KafkaError, MessageSizeTooLargeError, RecordListTooLargeError

from shared.streams.port import RecordTooLarge, StreamError, StreamUnavailable

TOO_LARGE = (MessageSizeTooLargeError, RecordListTooLargeError)


@contextmanager
def translated(doing: str, *, address: str) -> Iterator[None]:
    """Raise `StreamUnavailable` or `RecordTooLarge` for what aiokafka, the socket or a time limit raised inside."""
    try:
        yield
    except StreamError:
        raise
    except TOO_LARGE as error:
        raise RecordTooLarge(f"{address} refuses a record as too large while {doing}: {error}") from error
    except TimeoutError as error:
        raise StreamUnavailable(f"{address} did not answer in time while {doing}") from error
    except asyncio.CancelledError as error:
        if not cancelled_from_within():
            raise
        raise StreamUnavailable(f"{address} is gone while {doing}: the client cancelled its own request") from error
    except (KafkaError, OSError) as error:
        raise StreamUnavailable(f"{address} failed while {doing}: {describe(error)}") from error


def cancelled_from_within() -> bool:
    """Whether a CancelledError came up although nobody cancelled this task.

    When a broker goes away aiokafka cancels requests of its own and lets the CancelledError out to whoever waits; a
    service must not take that for the order to end.
    """
    task = asyncio.current_task()
    return task is not None and not task.cancelling()


def describe(error: BaseException) -> str:
    """The error in a few words; aiokafka's often have a name and no text."""
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__

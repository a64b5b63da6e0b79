"""Between rows and deliveries."""

import asyncpg
import msgspec

from notifier.adapters.queries import COLUMNS
from notifier.domain.delivery import Delivery, State


def delivery_from(row: asyncpg.Record) -> Delivery:
    """A delivery from a row that holds `COLUMNS`; asyncpg gives aware instants."""
    return msgspec.convert({name: row[name] for name in COLUMNS}, Delivery)


def pace_key(delivery: Delivery) -> str:
    """The row by which replicas share the pace of a destination."""
    return f"{delivery.channel}:{delivery.destination}"


def affected(status: str) -> int:
    """How many rows a command touched, from its status, such as `UPDATE 1`."""
    return int(status.rsplit(" ", 1)[-1])


def saved_values(delivery: Delivery, *, lease: int, was: State) -> tuple[object, ...]:
    """The parameters of `SAVE_DELIVERY`: fenced on the lease and state that the row must still have."""
    return (
        delivery.id,
        lease,
        was,
        delivery.state,
        delivery.due_at,
        delivery.attempts,
        delivery.leased_until,
        delivery.sending_since,
        delivery.provider_channel,
        delivery.provider_id,
        delivery.sent_at,
        _storable(delivery.reason),
        _storable(delivery.response),
        delivery.operation,
        delivery.lease,
    )


def _storable(text: str | None) -> str | None:
    """What a provider said, without the one character that PostgreSQL refuses."""
    return None if text is None else text.replace("\x00", "")

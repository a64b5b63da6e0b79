"""The outbox: records that a transaction decides on, published to the stream after it has committed.

A service stores outgoing records in its own schema, in the transaction that decides on them; a relay publishes them in
order and deletes them once the stream has acknowledged. A crash in between publishes some again, with the same ids, and
consumers drop ids that they have seen: at least once, and nothing lost.

The table is described in `shared.outbox.table`, for revisions alone: it needs Alembic.
"""

from shared.outbox.relay import Relay, RelayPass
from shared.outbox.store import Outbox

__all__ = ["Outbox", "Relay", "RelayPass"]

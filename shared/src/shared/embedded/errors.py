"""The one error of the embedded server."""


class EmbeddedPostgresError(Exception):
    """The embedded server can't be used as things are; the text names the place and the cure."""

"""The command `notifier`, and the wiring of the service."""

from notifier.main.commands import app

__all__ = ["app"]

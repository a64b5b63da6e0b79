"""Wiring: the command line and the running service."""

from ingest.main.command_line import app

__all__ = ["app"]

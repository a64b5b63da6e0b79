"""Wiring: the command line and the running service."""

from sla_engine.main.command_line import app

__all__ = ["app"]

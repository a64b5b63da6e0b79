"""Migrations of an invented service with an outbox."""

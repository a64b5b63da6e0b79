"""Migrations of an invented service, to test how services migrate."""

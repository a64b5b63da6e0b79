"""Contracts and plumbing that all Leadpact services share."""

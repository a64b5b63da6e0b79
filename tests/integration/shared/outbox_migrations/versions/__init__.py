"""The revisions of the invented service."""

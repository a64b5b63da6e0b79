"""The revisions of the schema `notifier`."""

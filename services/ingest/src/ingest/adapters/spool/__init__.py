"""The spool: requests on this machine's disk until the stream takes them. See docs/decisions/0011."""

from ingest.adapters.spool.directory import SpoolTaken
from ingest.adapters.spool.spool import DiskSpool

__all__ = ["DiskSpool", "SpoolTaken"]

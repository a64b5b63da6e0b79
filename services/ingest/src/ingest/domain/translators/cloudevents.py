"""Placeholder until the rules are in."""

from ingest.domain.raw_request import RawRequest
from ingest.domain.sources import Source
from ingest.domain.translation import FailureReason, Translation, Untranslatable


def translate(raw: RawRequest, source: Source) -> Translation:
    """Not yet."""
    raise Untranslatable(FailureReason.RULE_FAILED, f"{source.kind} is not translated yet ({raw.id})")

"""JSON of any shape (`json`), and the same under Standard Webhooks: mapped by the rules of the source."""

from ingest.domain.raw_request import RawRequest
from ingest.domain.sources import Source, SourceKind
from ingest.domain.translation import Collector, Translation, Untranslatable
from ingest.domain.translators.expressions import evaluate, parse_exact
from ingest.domain.translators.rules import facts, part_of


def translate(raw: RawRequest, source: Source) -> Translation:
    """Each selected part by itself: those of `mapping.each`, else the elements of a list, else the body."""
    body = parse_exact(raw.body)
    headers = dict(raw.headers)
    parts = parts_of(body, source)
    message_id = raw.header("webhook-id") if source.kind is SourceKind.STANDARD_WEBHOOKS else None
    collector = Collector()
    for index, value in enumerate(parts):
        key = None if message_id is None else ("webhook-id", message_id, str(index))
        try:
            for fact in facts(raw, source, part_of(value, body=body, headers=headers), event_key=key):
                collector.part(index, fact)
        except Untranslatable as refusal:
            collector.fail(index, refusal)
    return collector.result()


def parts_of(body: object, source: Source) -> list[object]:
    """The parts that the source's rules are applied to."""
    selected = body
    if source.mapping.each is not None:
        selected = evaluate(source.mapping.each, body, place="mapping.each")
    if isinstance(selected, list):
        return selected
    return [] if selected is None else [selected]

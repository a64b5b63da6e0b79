"""From a raw request to lead events: pure, total and deterministic."""

from collections.abc import Callable, Mapping

from ingest.domain.raw_request import RawRequest
from ingest.domain.sources import Source, SourceKind
from ingest.domain.translation import Failure, FailureReason, Translation, Untranslatable
from ingest.domain.translators import cloudevents, generic, hubspot, pipedrive, salesforce

Translator = Callable[[RawRequest, Source], Translation]

_TRANSLATORS: Mapping[SourceKind, Translator] = {
    SourceKind.HUBSPOT: hubspot.translate,
    SourceKind.SALESFORCE_OUTBOUND_MESSAGE: salesforce.translate,
    SourceKind.PIPEDRIVE: pipedrive.translate,
    SourceKind.STANDARD_WEBHOOKS: generic.translate,
    SourceKind.JSON: generic.translate,
    SourceKind.CLOUDEVENTS: cloudevents.translate,
}


def translate(raw: RawRequest, source: Source) -> Translation:
    """What `raw` says, in the words of lead events.

    Never raises: what can't be understood is a `Failure` of the part concerned, or of the whole request (part None).
    The same request and mapping give the same events with the same ids, on every machine.
    """
    try:
        return _TRANSLATORS[source.kind](raw, source)
    except Untranslatable as refusal:
        return Translation(failures=(Failure(None, refusal.reason, refusal.detail),))
    except Exception as error:  # noqa: BLE001 - a poisoned request must become a dead letter, not stop its partition
        return Translation(failures=(Failure(None, FailureReason.BUG, f"{type(error).__name__}: {error}"),))

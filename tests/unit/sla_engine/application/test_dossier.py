"""What is stored beside the history: fingerprints and provenance."""

from shared.events.envelope import ChangeOrigin, TimeSource
from sla_engine.application.cache import DossierCache
from sla_engine.application.dossier import (
    Dossier,
    filed_from_bytes,
    filed_to_bytes,
    provenance_of,
    provenance_to_bytes,
)
from sla_engine.domain.history import History
from tests.support.story_builder import Lead, utc


def test_provenance_is_found_again_by_the_events_id() -> None:
    lead = Lead()
    events = [lead.created("2024-01-08 12:00"), lead.stage("2024-01-08 12:01")]
    data = provenance_to_bytes(events)
    assert len(data) == 36

    found = provenance_of(data, [events[1].id, "unknown"])

    assert set(found) == {events[1].id}
    assert found[events[1].id].time_source is TimeSource.EVENT
    assert found[events[1].id].origin is ChangeOrigin.UNKNOWN
    assert found[events[1].id].received_at == utc("2024-01-08 12:01:01")


def test_the_first_arrival_of_an_event_counts() -> None:
    lead = Lead()
    first = lead.created("2024-01-08 12:00")
    again = Lead().created("2024-01-08 13:00")
    assert first.id == again.id
    found = provenance_of(provenance_to_bytes([first]) + provenance_to_bytes([again]), [first.id])
    assert found[first.id].received_at == utc("2024-01-08 12:00:01")


def test_fingerprints_survive_their_bytes() -> None:
    filed = {"a" * 32: 2**64 - 1, "b": 0}
    assert filed_from_bytes(filed_to_bytes(filed)) == filed


def test_the_cache_keeps_the_leads_last_used() -> None:
    cache = DossierCache(2)
    for number in (1, 2, 1, 3):
        cache.put(Dossier(key=f"lead-{number}", id=number, history=History(f"lead-{number}", "crm")))
    assert set(cache.by_key(["lead-1", "lead-2", "lead-3"])) == {"lead-1", "lead-3"}
    assert set(cache.by_id([1, 2, 3])) == {1, 3}

"""A raw request without a lead: what goes, and what stays byte for byte."""

import pytest

from ingest.domain.oblivion import without_lead
from ingest.domain.sources import SourceKind, SourceMapping
from tests.support.ingest_sources import raw_of, source_of

HUBSPOT = source_of(SourceKind.HUBSPOT, SourceMapping(), name="hubspot", account="515")
SALESFORCE = source_of(SourceKind.SALESFORCE_OUTBOUND_MESSAGE, SourceMapping(), name="sales", account="00D")
LEAD = "hubspot:515:contact:77"


def body_of(*parts: dict[str, object], lead: str = LEAD) -> bytes | None:
    request = raw_of(HUBSPOT, list(parts))
    left = without_lead(request, lead, HUBSPOT).request
    return None if left is None else left.body


def test_only_the_parts_of_the_lead_go() -> None:
    other = {"objectId": 78, "propertyValue": "77", "subscriptionType": "contact.propertyChange"}
    left = body_of({"objectId": 77, "propertyValue": "Ada"}, other)
    assert left is not None
    assert left.startswith(b"[null,")
    assert b"Ada" not in left
    assert b'"77"' in left, "a value is no id"


@pytest.mark.parametrize("field", ["objectId", "fromObjectId", "toObjectId", "primaryObjectId"])
def test_every_field_that_holds_an_id_counts(field: str) -> None:
    assert body_of({field: "77"}) is None
    assert body_of({field: 770}) is not None


def test_lists_of_ids_count() -> None:
    assert body_of({"primaryObjectId": 1, "mergedObjectIds": [5, 77]}) is None


def test_a_request_of_another_crm_stays() -> None:
    request = raw_of(HUBSPOT, [{"objectId": 77}])
    assert without_lead(request, "pipedrive:515:contact:77", HUBSPOT).request is request
    assert without_lead(request, LEAD, None).request is None, "a source that is not known any more may be any"


def test_salesforce_ids_count_in_both_forms() -> None:
    lead = "salesforce:00D:lead:00Q000000000001AAA"
    for written in ("00Q000000000001AAA", "00Q000000000001"):
        request = raw_of(SALESFORCE, f"<sf:Id>{written}</sf:Id>".encode())
        assert without_lead(request, lead, SALESFORCE).request is None
    other = raw_of(SALESFORCE, b"<sf:Id>00Q000000000002AAA</sf:Id>")
    assert without_lead(other, lead, SALESFORCE).request is other

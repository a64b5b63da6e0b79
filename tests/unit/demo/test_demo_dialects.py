"""The simulated CRMs speak as the real ones do: ingest takes each request for genuine and understands all of it."""

import ast
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

import pytest

import deploy.demo
from deploy.demo.cast import PEOPLE, QUEUE, Crm, Lead
from deploy.demo.dialect import Dialect, Fact
from deploy.demo.hubspot import HubSpot
from deploy.demo.launcher import ORGANIZATION, PUBLIC_URL
from deploy.demo.pipedrive import Pipedrive
from deploy.demo.salesforce import Salesforce, lead_id, record_id
from deploy.demo.stories import Assigned, Called, Created, Disqualified
from ingest.adapters.sources_file import load_sources
from ingest.domain.receipt import accept
from ingest.domain.rejection import Rejected, RejectionReason
from ingest.domain.salesforce_message import long_id
from ingest.domain.translate import translate
from ingest.domain.verify import verify
from shared.events.envelope import OwnerKind
from shared.events.lead import LeadAssigned, LeadCreated, LeadDisposed, LeadEvent, LeadStageChanged, TouchLogged

NOW = datetime(2026, 3, 2, 10, 0, 0, 250_000, tzinfo=UTC)
ANA, BEN = PEOPLE[:2]

DIALECTS: dict[Crm, Dialect] = {
    Crm.HUBSPOT: HubSpot(secret="s3cret", public_url=f"{PUBLIC_URL}/hubspot"),
    Crm.SALESFORCE: Salesforce(organization=ORGANIZATION),
    Crm.PIPEDRIVE: Pipedrive(username="pipedrive", password="s3cret"),
}
E = TypeVar("E")
CRMS = pytest.mark.parametrize("crm", list(Crm))


SOURCES = load_sources(
    Path(deploy.demo.__file__).with_name("sources.yaml"),
    environ={"DEMO_HUBSPOT_SECRET": "s3cret", "DEMO_SALESFORCE_TOKEN": "s3cret", "DEMO_PIPEDRIVE_PASSWORD": "s3cret"},
)


def lead(crm: Crm) -> Lead:
    return Lead(number=7, crm=crm, first_name="Zoe", last_name="O'Neil & Sons", company="Elm <Dental>")


def delivered(crm: Crm, fact: Fact, *, at: datetime = NOW) -> list[LeadEvent]:
    body = DIALECTS[crm].body(lead(crm), fact, at=at, created_at=min(at, NOW))
    return received(crm, body)


def received(crm: Crm, body: bytes) -> list[LeadEvent]:
    headers = {name.lower(): value for name, value in DIALECTS[crm].headers(body, now=NOW).items()}
    sender = SOURCES[crm]
    url = sender.public_url + ("?token=s3cret" if crm is Crm.SALESFORCE else "")
    verify(sender, method="POST", url=url, headers=headers, body=body, now=NOW)
    raw = accept(sender, method="POST", headers=headers, body=body, received_at=NOW)
    translation = translate(raw, sender)
    assert not translation.failures
    return list(translation.events)


def only(events: list[LeadEvent], kind: type[E]) -> E:
    (found,) = [event for event in events if isinstance(event, kind)]
    return found


@CRMS
def test_a_lead_comes_in_qualified_and_owned_by_the_queue(crm: Crm) -> None:
    events = delivered(crm, Created(owner=QUEUE))
    assert only(events, LeadCreated).occurred_at == NOW
    assert only(events, LeadStageChanged).stage == "mql"
    owner = only(events, LeadAssigned).owner
    assert owner is not None
    assert (owner.kind, owner.name) == (OwnerKind.QUEUE, "Inbound queue")


@CRMS
def test_a_lead_is_handed_to_a_person(crm: Crm) -> None:
    owner = only(delivered(crm, Assigned(owner=ANA, before=QUEUE)), LeadAssigned).owner
    assert owner is not None
    assert (owner.kind, owner.name) == (OwnerKind.USER, "Ana Ruiz")


@CRMS
def test_a_call_counts_from_when_it_was_made(crm: Crm) -> None:
    touch = only(delivered(crm, Called(by=BEN, ago_seconds=18)), TouchLogged)
    assert abs(touch.performed_at - (NOW - timedelta(seconds=18))) < timedelta(seconds=1)
    assert touch.completed
    assert not touch.automated
    assert touch.performed_by is not None
    assert touch.performed_by.name == "Ben Okafor"


@CRMS
def test_a_lead_turns_out_to_be_no_fit(crm: Crm) -> None:
    assert only(delivered(crm, Disqualified(by=ANA)), LeadDisposed).disposition == "disqualified"


@CRMS
def test_all_facts_are_about_one_lead(crm: Crm) -> None:
    facts: list[Fact] = [Created(owner=QUEUE), Assigned(owner=ANA, before=QUEUE), Called(by=ANA), Disqualified(by=ANA)]
    keys = {event.lead for fact in facts for event in delivered(crm, fact)}
    assert len(keys) == 1


@CRMS
def test_a_redelivery_gives_the_same_events(crm: Crm) -> None:
    body = DIALECTS[crm].body(lead(crm), Created(owner=QUEUE), at=NOW, created_at=NOW)
    again = DIALECTS[crm].again(body)
    assert [event.id for event in received(crm, again)] == [event.id for event in received(crm, body)]


def test_hubspot_and_pipedrive_count_their_attempts() -> None:
    for crm in (Crm.HUBSPOT, Crm.PIPEDRIVE):
        body = DIALECTS[crm].body(lead(crm), Created(owner=QUEUE), at=NOW, created_at=NOW)
        assert DIALECTS[crm].again(body) != body


def test_hubspot_tells_the_creation_last_in_a_batch_of_one_instant() -> None:
    events = json.loads(DIALECTS[Crm.HUBSPOT].body(lead(Crm.HUBSPOT), Created(owner=ANA), at=NOW, created_at=NOW))
    assert events[-1]["subscriptionType"] == "contact.creation"
    assert len({event["occurredAt"] for event in events}) == 1
    assert len(events) > 3


def test_a_forged_hubspot_request_is_refused() -> None:
    forger = HubSpot(secret="guessed", public_url=f"{PUBLIC_URL}/hubspot")
    body = forger.body(lead(Crm.HUBSPOT), Created(owner=ANA), at=NOW, created_at=NOW)
    headers = {name.lower(): value for name, value in forger.headers(body, now=NOW).items()}
    sender = SOURCES[Crm.HUBSPOT]
    with pytest.raises(Rejected) as refused:
        verify(sender, method="POST", url=sender.public_url, headers=headers, body=body, now=NOW)
    assert refused.value.reason is RejectionReason.BAD_SIGNATURE


def test_salesforce_ids_carry_a_right_checksum() -> None:
    for identity in (
        lead_id(lead(Crm.SALESFORCE)),
        record_id("00T", "7"),
        ORGANIZATION,
        QUEUE.salesforce,
        *(person.salesforce for person in PEOPLE),
    ):
        assert len(identity) == 18
        assert long_id(identity[:15]) == identity


def test_the_simulator_shares_no_code_with_what_it_tests() -> None:
    folder = Path(deploy.demo.__file__).parent
    imported = {
        name.split(".")[0]
        for file in folder.glob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert not imported & {"ingest", "sla_engine", "notifier"}

"""Salesforce outbound messages: the public shapes retyped with invented ids, and what they become."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from xml.sax.saxutils import escape

import msgspec
import pytest

from ingest.domain.salesforce_message import long_id, parse, without_session_id
from ingest.domain.sources import (
    ActivityRule,
    DealStageRule,
    DispositionRule,
    FieldMap,
    Outcome,
    OwnerRule,
    Source,
    SourceKind,
    SourceMapping,
)
from ingest.domain.translate import translate
from ingest.domain.translation import FailureReason, Translation
from shared.events.envelope import Channel, Direction, Owner, OwnerKind, TimeSource
from shared.events.lead import (
    DealCreated,
    DealLost,
    DealStageChanged,
    DealWon,
    LeadAssigned,
    LeadAttributesChanged,
    LeadConverted,
    LeadCreated,
    LeadDeleted,
    LeadDisposed,
    LeadMerged,
    LeadStageChanged,
    TouchLogged,
)
from tests.support.ingest_sources import RECEIVED_AT, raw_of, source_of

ORGANISATION = "00D2X000000kLmNUAU"
LEAD_ID = "00Q2X00000aBcDeUAK"
LEAD = f"salesforce:{ORGANISATION}:lead:{LEAD_ID}"
USER = "0052X000004pQrSQAU"
QUEUE = "00G2X000003tUvWEAU"
CREATED, MODIFIED = "2024-02-29T09:00:00.000Z", "2024-02-29T10:00:00.000Z"
MODIFIED_AT = datetime(2024, 2, 29, 10, tzinfo=UTC)

MAPPING = SourceMapping(
    stages={"Abierta": "mql", "Trabajando": "sal"},
    dispositions={"Descartada": DispositionRule(outcome=Outcome.DISQUALIFIED)},
    owners={USER: OwnerRule(name="Lía Ferrer", team="iberia")},
    activities={
        "Visita": ActivityRule(channel=Channel.MEETING),
        "Aviso": ActivityRule(channel=Channel.TASK, touch=False),
    },
    outcomes={"Habló con el contacto": "connected"},
    attributes={"Company": "company", "Email": "email"},
    deal_stages={"Análisis": DealStageRule(stage="analysis")},
    fields=FieldMap(deal_lead="Origin_Lead__c"),
)
SOURCE = source_of(SourceKind.SALESFORCE_OUTBOUND_MESSAGE, MAPPING, account=ORGANISATION[:15])


def notification(kind: str, fields: Mapping[str, str | None], *, number: int = 1) -> str:
    inner = "".join(
        f'<sf:{name} xsi:nil="true"/>' if value is None else f"<sf:{name}>{escape(value)}</sf:{name}>"
        for name, value in fields.items()
    )
    return (
        f"<Notification><Id>04l2X0000000{number:03d}QAQ</Id>"
        f'<sObject xsi:type="sf:{kind}" xmlns:sf="urn:sobject.enterprise.soap.sforce.com">{inner}</sObject>'
        "</Notification>"
    )


def envelope(*notifications: str, session: str = '<SessionId xsi:nil="true"/>') -> str:
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"'
        ' xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">'
        '<soapenv:Body><notifications xmlns="http://soap.sforce.com/2005/09/outbound">'
        f"<OrganizationId>{ORGANISATION}</OrganizationId><ActionId>04k2X0000008xYzQAI</ActionId>{session}"
        "<EnterpriseUrl>https://example.my.salesforce.com/services/Soap/c/58.0/00D2X000000kLmN</EnterpriseUrl>"
        "<PartnerUrl>https://example.my.salesforce.com/services/Soap/u/58.0/00D2X000000kLmN</PartnerUrl>"
        f"{''.join(notifications)}</notifications></soapenv:Body></soapenv:Envelope>"
    )


def told(*notifications: str, source: Source = SOURCE) -> Translation:
    return translate(raw_of(source, envelope(*notifications)), source)


def lead(**fields: str | None) -> str:
    return notification("Lead", {"Id": LEAD_ID, "LastModifiedDate": MODIFIED, **fields})


def only(*notifications: str) -> Any:  # noqa: ANN401 - each test says which type
    result = told(*notifications)
    assert result.failures == ()
    assert len(result.events) == 1, result
    return result.events[0]


def test_a_lead_is_told_as_the_facts_it_states() -> None:
    result = told(
        lead(
            Company="Sol & Mar",
            CreatedDate=CREATED,
            Email="lia@sol.example",
            FirstName="Lía",
            OwnerId=USER,
            Status="Abierta",
        )
    )
    created, staged, assigned, attributes = result.events
    assert isinstance(created, LeadCreated)
    assert created.occurred_at == datetime(2024, 2, 29, 9, tzinfo=UTC)
    assert isinstance(staged, LeadStageChanged)
    assert (staged.stage, staged.raw_stage) == ("mql", "Abierta")
    assert isinstance(assigned, LeadAssigned)
    assert assigned.owner == Owner(kind=OwnerKind.USER, id=USER, name="Lía Ferrer", team="iberia")
    assert isinstance(attributes, LeadAttributesChanged)
    assert attributes.attributes == {"company": "Sol & Mar", "email": "lia@sol.example"}
    assert {one.lead for one in result.events} == {LEAD}
    assert {one.occurred_at for one in (staged, assigned, attributes)} == {MODIFIED_AT}
    assert staged.time_source is TimeSource.RECORD


def test_a_lead_without_dates_happened_when_it_was_received() -> None:
    found = only(notification("Lead", {"Id": LEAD_ID, "Company": None, "Status": "Abierta"}).replace("Company", "Fax"))
    assert (found.occurred_at, found.time_source) == (RECEIVED_AT, TimeSource.RECEIVED)


def test_a_contact_without_mapped_fields_is_only_created() -> None:
    contact = {
        "Id": "0032X00000eFgHiQAK",
        "CreatedDate": CREATED,
        "FirstName": "some",
        "LastModifiedDate": CREATED,
        "LastName": "body",
    }
    found = only(notification("Contact", contact))
    assert isinstance(found, LeadCreated)
    assert found.lead == f"salesforce:{ORGANISATION}:contact:0032X00000eFgHiQAK"


def test_creation_is_one_event_however_often_it_is_stated() -> None:
    first, second = lead(CreatedDate=CREATED), lead(CreatedDate=CREATED).replace("001QAQ", "002QAQ")
    assert only(first).id == only(second).id


def test_other_facts_are_named_by_their_notification() -> None:
    first, second = lead(Status="Abierta"), lead(Status="Abierta").replace("001QAQ", "002QAQ")
    assert only(first).id == only(first).id
    assert only(first).id != only(second).id


def test_a_queue_is_no_person() -> None:
    assert only(lead(OwnerId=QUEUE)).owner == Owner(kind=OwnerKind.QUEUE, id=QUEUE)


def test_an_owner_of_unknown_kind_is_a_failure_and_an_empty_one_nobody() -> None:
    assert told(lead(OwnerId="0YY2X000003tUvWEAU")).failures[0].reason is FailureReason.MALFORMED_PART
    assert only(lead(OwnerId=None)).owner is None


def test_an_unmapped_status_fails_alone_and_hides_no_owner() -> None:
    result = told(lead(OwnerId=USER, Status="Nueva"))
    assert [type(one) for one in result.events] == [LeadAssigned]
    assert [(one.part, one.reason) for one in result.failures] == [(0, FailureReason.UNMAPPED_STAGE)]


def test_a_part_that_fails_in_two_respects_has_one_failure_that_names_both() -> None:
    result = told(lead(OwnerId="0YY2X000003tUvWEAU", Status="Nueva"))
    assert [(one.part, one.reason) for one in result.failures] == [(0, FailureReason.UNMAPPED_STAGE)]
    assert "'Nueva'" in result.failures[0].detail
    assert "OwnerId" in result.failures[0].detail


def test_a_corrected_mapping_adds_what_was_missing_under_the_same_ids() -> None:
    known = msgspec.structs.replace(SOURCE, mapping=msgspec.structs.replace(MAPPING, stages={"Nueva": "mql"}))
    before = {one.id for one in told(lead(OwnerId=USER, Status="Nueva")).events}
    after = {one.id for one in told(lead(OwnerId=USER, Status="Nueva"), source=known).events}
    assert before < after


def test_a_status_may_be_a_disposition() -> None:
    found = only(lead(Status="Descartada"))
    assert isinstance(found, LeadDisposed)
    assert (found.disposition, found.reason) == ("disqualified", "Descartada")


def test_a_converted_lead_names_contact_and_deal_and_its_day_ends_no_later_than_it_was_written() -> None:
    converted = only(
        lead(
            IsConverted="true",
            ConvertedDate="2024-02-29",
            ConvertedContactId="0032X00000eFgHiQAK",
            ConvertedOpportunityId="0062X00000jKlMnQAK",
        )
    )
    assert isinstance(converted, LeadConverted)
    assert converted.occurred_at == MODIFIED_AT
    assert converted.contact == f"salesforce:{ORGANISATION}:contact:0032X00000eFgHiQAK"
    assert converted.deal == f"salesforce:{ORGANISATION}:opportunity:0062X00000jKlMnQAK"
    assert told(lead(IsConverted="false")).events == ()
    earlier = only(lead(IsConverted="true", ConvertedDate="2024-02-27"))
    assert earlier.occurred_at.isoformat() == "2024-02-27T23:59:59.999999+00:00"


def test_merged_and_deleted_records() -> None:
    merged = only(lead(IsDeleted="true", MasterRecordId="00Q2X00000zZzZzUAK"))
    assert isinstance(merged, LeadMerged)
    assert merged.into == f"salesforce:{ORGANISATION}:lead:00Q2X00000zZzZzUAK"
    assert isinstance(only(lead(IsDeleted="true")), LeadDeleted)


class TestOpportunity:
    FIELDS = {  # noqa: RUF012 - read only
        "Id": "0062X00000jKlMnQAK",
        "AccountId": "0012X00000oPqRsQAK",
        "Amount": "120000.0",
        "CloseDate": "2024-04-03",
        "LeadSource": "Phone Inquiry",
        "Name": "Support contract",
        "StageName": "Análisis",
    }

    def told(self, **fields: str | None) -> Translation:
        return told(notification("Opportunity", {**self.FIELDS, **fields}))

    def test_it_is_a_deal_whose_amount_keeps_its_digits(self) -> None:
        found = self.told().events[0]
        assert isinstance(found, DealStageChanged)
        assert (found.stage, found.raw_stage, found.amount) == ("analysis", "Análisis", "120000.0")
        assert found.lead == found.deal == f"salesforce:{ORGANISATION}:opportunity:0062X00000jKlMnQAK"

    def test_it_belongs_to_the_lead_that_a_field_names(self) -> None:
        assert self.told(Origin_Lead__c=LEAD_ID[:15]).events[0].lead == LEAD

    def test_is_won_and_is_closed_decide(self) -> None:
        won = self.told(StageName="Closed Won", IsWon="true", IsClosed="true", CurrencyIsoCode="EUR").events
        lost = self.told(IsWon="false", IsClosed="true").events
        created = self.told(CreatedDate=CREATED).events
        assert [type(one) for one in won] == [DealStageChanged, DealWon]
        assert [type(one) for one in lost] == [DealStageChanged, DealLost]
        assert [type(one) for one in created] == [DealCreated, DealStageChanged]
        assert getattr(won[1], "currency", None) == "EUR"

    def test_the_closing_stages_are_known_without_them(self) -> None:
        assert [type(one) for one in self.told(StageName="Closed Lost").events] == [DealStageChanged, DealLost]

    def test_an_odd_amount_is_a_failure(self) -> None:
        assert self.told(Amount="a lot").failures[0].reason is FailureReason.MALFORMED_PART


class TestTask:
    FIELDS = {  # noqa: RUF012 - read only
        "Id": "00T2X00000mNoPqUAK",
        "LastModifiedDate": MODIFIED,
        "OwnerId": USER,
        "Status": "Completed",
        "TaskSubtype": "Call",
        "WhoId": LEAD_ID,
    }

    def touch(self, /, kind: str = "Task", **fields: str | None) -> TouchLogged:
        result = told(notification(kind, {**self.FIELDS, **fields}))
        assert result.failures == ()
        found = result.events[0]
        assert isinstance(found, TouchLogged)
        return found

    def test_what_a_call_came_to_is_said_in_our_words_where_the_mapping_has_one(self) -> None:
        assert self.touch(CallDisposition="Habló con el contacto").outcome == "connected"
        assert self.touch(CallDisposition="No contesta").outcome == "No contesta"
        assert self.touch(CallDisposition="").outcome is None

    def test_a_completed_call_touches_its_lead(self) -> None:
        found = self.touch(
            CallType="Outbound", CallDisposition="Connected", CompletedDateTime="2024-02-29T09:58:00.000Z"
        )
        assert found.lead == LEAD
        assert (found.channel, found.direction, found.completed, found.outcome) == (
            Channel.CALL,
            Direction.OUTBOUND,
            True,
            "Connected",
        )
        assert found.performed_at == datetime(2024, 2, 29, 9, 58, tzinfo=UTC)
        assert found.performed_by is not None
        assert found.performed_by.name == "Lía Ferrer"

    def test_an_open_task_is_planned(self) -> None:
        assert not self.touch(Status="Not Started").completed
        assert not self.touch(IsClosed="false").completed
        assert self.touch(Status="Erledigt", IsClosed="true").completed

    def test_a_day_without_a_time_ends_no_later_than_the_record_was_written(self) -> None:
        assert self.touch(ActivityDate="2024-02-29").performed_at == MODIFIED_AT
        assert self.touch(ActivityDate="2024-02-28").performed_at.isoformat() == "2024-02-28T23:59:59.999999+00:00"

    @pytest.mark.parametrize(
        ("fields", "channel", "direction"),
        [
            ({"TaskSubtype": "Email"}, Channel.EMAIL, Direction.OUTBOUND),
            ({"CallType": "Inbound"}, Channel.CALL, Direction.INBOUND),
            ({"TaskSubtype": "Task", "Type": "Visita"}, Channel.MEETING, Direction.OUTBOUND),
            ({"TaskSubtype": "Task"}, Channel.TASK, Direction.UNKNOWN),
            ({"TaskSubtype": "Task", "Type": "Fax"}, Channel.TASK, Direction.UNKNOWN),
            ({"TaskSubtype": None, "Type": "Fax"}, Channel.OTHER, Direction.UNKNOWN),
        ],
    )
    def test_subtype_and_type_tell_the_channel(
        self, fields: dict[str, str | None], channel: Channel, direction: Direction
    ) -> None:
        found = self.touch("Task", **fields)
        assert (found.channel, found.direction) == (channel, direction)

    def test_a_list_mail_is_automated(self) -> None:
        assert self.touch(TaskSubtype="ListEmail").automated

    def test_a_type_that_is_no_touch_and_a_task_about_nobody_are_ignored(self) -> None:
        for fields in ({"TaskSubtype": "Task", "Type": "Aviso"}, {"WhoId": None}, {"WhoId": "0012X00000oPqRsQAK"}):
            result = told(notification("Task", {**self.FIELDS, **fields}))
            assert (result.events, result.failures) == ((), ())
            assert len(result.ignored) == 1

    def test_a_meeting_counts_once_it_is_over(self) -> None:
        times = {"StartDateTime": "2026-03-02T10:00:00.000Z", "EndDateTime": "2026-03-02T11:00:00.000Z"}
        past = self.touch("Event", **times)
        assert (past.channel, past.completed) == (Channel.MEETING, True)
        assert past.performed_at == datetime(2026, 3, 2, 10, tzinfo=UTC)
        assert not self.touch("Event", EndDateTime="2026-03-02T13:00:00.000Z").completed

    def test_the_touch_keeps_its_key_when_the_task_is_done(self) -> None:
        assert self.touch(Status="Open").touch == self.touch().touch


def test_a_hundred_notifications_are_translated_and_a_broken_one_fails_alone() -> None:
    parts = [
        notification("Lead", {"Id": f"00Q2X00000aBc{number:02d}UAK", "Status": "Abierta"}, number=number)
        for number in range(100)
    ]
    parts[7] = parts[7].replace("<sf:Id>", "<sf:Fax>").replace("</sf:Id>", "</sf:Fax>")
    result = told(*parts)
    assert len(result.events) == 99
    assert [(one.part, one.reason) for one in result.failures] == [(7, FailureReason.MALFORMED_PART)]


def test_other_records_are_ignored() -> None:
    result = told(notification("Campaign", {"Id": "7012X00000aBcDeQAK"}))
    assert (result.events, result.failures, len(result.ignored)) == ((), (), 1)


def test_another_organisation_is_refused_as_a_whole() -> None:
    source = source_of(SourceKind.SALESFORCE_OUTBOUND_MESSAGE, MAPPING, account="00D9Y000000kLmN")
    failure = told(lead(Status="Abierta"), source=source).failures[0]
    assert (failure.part, failure.reason) == (None, FailureReason.WRONG_ACCOUNT)


@pytest.mark.parametrize(
    "body",
    ["", "<a", "{}", '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', "<a/>", '<?xml version="1.0" encoding="nope"?><a/>'],
)
def test_a_body_that_is_no_outbound_message_fails_as_a_whole(body: str) -> None:
    result = translate(raw_of(SOURCE, body), SOURCE)
    assert [(one.part, one.reason) for one in result.failures] == [(None, FailureReason.MALFORMED_BODY)]


def test_short_ids_get_the_suffix_that_salesforce_gives_them() -> None:
    # the example of Salesforce's own documentation on 15 and 18 character ids
    assert long_id("0013000000QMDgZ") == "0013000000QMDgZAAX"
    assert long_id("0013000000QMDgZAAX") == "0013000000QMDgZAAX"


class TestSessionId:
    LIVE = "00D2X000000kLmN!AQ4AQLive.Session_Token"

    def test_it_is_taken_out_and_all_else_stays_byte_for_byte(self) -> None:
        body = envelope(lead(Status="Abierta"), session=f"<SessionId>{self.LIVE}</SessionId>").encode()
        expected = envelope(lead(Status="Abierta"), session="<SessionId></SessionId>").encode()
        assert without_session_id(body) == expected

    def test_without_one_nothing_changes(self) -> None:
        body = envelope(lead(Status="Abierta")).encode()
        assert without_session_id(body) is body

    @pytest.mark.parametrize(
        "session",
        [
            "<SessionId><![CDATA[{live}]]></SessionId>",
            "<ns:SessionId xmlns:ns='http://soap.sforce.com/2005/09/outbound'>{live}</ns:SessionId>",
            "<SessionId\n  a='b'>\n{live}\n</SessionId >",
            "<SessionId a='>'>{live}</SessionId>",
            "<SessionId><part>{live}</part></SessionId>",
            "<SessionId><!-- -->{live}</SessionId>",
        ],
    )
    def test_it_is_found_in_any_form(self, session: str) -> None:
        body = envelope(lead(Status="Abierta"), session=session.format(live=self.LIVE)).encode()
        cleaned = without_session_id(body)
        assert self.LIVE.encode() not in cleaned
        assert parse(cleaned) == parse(body)

    def test_it_is_found_in_another_encoding(self) -> None:
        text = envelope(lead(Status="Abierta"), session=f"<SessionId>{self.LIVE}</SessionId>")
        body = text.replace("UTF-8", "UTF-16").encode("utf-16")
        cleaned = without_session_id(body)
        assert self.LIVE.encode("utf-16-le") not in cleaned
        assert self.LIVE.encode() not in cleaned
        assert parse(cleaned) == parse(body)

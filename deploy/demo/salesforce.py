"""Salesforce as it sends outbound messages: SOAP with the present state of a record, unsigned."""

import hashlib
from datetime import datetime, timedelta
from xml.sax.saxutils import escape

from deploy.demo.cast import Crm, Lead
from deploy.demo.dialect import Fact
from deploy.demo.stories import Assigned, Called, Created, Disqualified

ENVELOPE = (
    '<?xml version="1.0" encoding="UTF-8"?>'
    '<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"'
    ' xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">'
    '<soapenv:Body><notifications xmlns="http://soap.sforce.com/2005/09/outbound">'
    "<OrganizationId>{organization}</OrganizationId><ActionId>04k5e000000DemoAAE</ActionId>"
    '<SessionId xsi:nil="true"/>'
    "<EnterpriseUrl>https://demo.my.salesforce.com/services/Soap/c/60.0/{organization}</EnterpriseUrl>"
    "<PartnerUrl>https://demo.my.salesforce.com/services/Soap/u/60.0/{organization}</PartnerUrl>"
    "<Notification><Id>{notification}</Id>"
    '<sObject xsi:type="sf:{kind}" xmlns:sf="urn:sobject.enterprise.soap.sforce.com">{fields}</sObject>'
    "</Notification></notifications></soapenv:Body></soapenv:Envelope>"
)
ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
CHECKSUM = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"


class Salesforce:
    """An organisation whose administrator put Status, OwnerId and the dates among the message's fields."""

    def __init__(self, *, organization: str) -> None:
        self._organization = organization

    def body(self, lead: Lead, fact: Fact, *, at: datetime, created_at: datetime) -> bytes:
        """One notification: the lead as it is now, or the task in which a call was logged."""
        kind, fields = _task(lead, fact, at) if isinstance(fact, Called) else _record(lead, fact, at, created_at)
        seed = f"{lead.number}:{kind}:{at.isoformat()}"
        return ENVELOPE.format(
            organization=self._organization,
            notification=record_id("04l", seed),
            kind=kind,
            fields="".join(f"<sf:{name}>{escape(value)}</sf:{name}>" for name, value in fields.items()),
        ).encode()

    def again(self, body: bytes) -> bytes:
        """A notification keeps its id however often it is sent."""
        return body

    def headers(self, body: bytes, *, now: datetime) -> dict[str, str]:  # noqa: ARG002 - Dialect
        """Nothing proves the sender but the organisation's id in the body (and where the message is sent to)."""
        return {"Content-Type": "text/xml; charset=UTF-8", "SOAPAction": '""'}


def _record(
    lead: Lead, fact: Created | Assigned | Disqualified, at: datetime, created_at: datetime
) -> tuple[str, dict[str, str]]:
    owner = fact.by if isinstance(fact, Disqualified) else fact.owner
    return "Lead", {
        "Id": lead_id(lead),
        "Company": lead.company,
        "CreatedDate": _stamp(created_at),
        "LastModifiedDate": _stamp(at),
        "Name": lead.name,
        "OwnerId": owner.id_in(Crm.SALESFORCE),
        "Status": "Unqualified" if isinstance(fact, Disqualified) else "Marketing Qualified",
    }


def _task(lead: Lead, fact: Called, at: datetime) -> tuple[str, dict[str, str]]:
    return "Task", {
        "Id": record_id("00T", f"{lead.number}"),
        "CallDisposition": "Connected",
        "CallType": "Outbound",
        "CompletedDateTime": _stamp(at - timedelta(seconds=fact.ago_seconds)),
        "LastModifiedDate": _stamp(at),
        "OwnerId": fact.by.id_in(Crm.SALESFORCE),
        "Status": "Completed",
        "TaskSubtype": "Call",
        "WhoId": lead_id(lead),
    }


def lead_id(lead: Lead) -> str:
    """Salesforce's id of the lead."""
    return record_id("00Q", f"lead {lead.number}")


def record_id(prefix: str, seed: str) -> str:
    """An 18 character id that looks as Salesforce's do: prefix, 12 characters, 3 that code which are capitals."""
    digest = hashlib.sha256(f"{prefix}:{seed}".encode()).digest()
    short = prefix + "".join(ALPHABET[byte % len(ALPHABET)] for byte in digest[:12])
    parts = (short[start : start + 5] for start in (0, 5, 10))
    return short + "".join(
        CHECKSUM[sum(1 << place for place, sign in enumerate(part) if sign.isupper())] for part in parts
    )


def _stamp(instant: datetime) -> str:
    return instant.strftime("%Y-%m-%dT%H:%M:%S.") + f"{instant.microsecond // 1000:03d}Z"

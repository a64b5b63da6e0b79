"""The one place that says how leads and deals are named.

`{crm}:{account}:{object}:{id}`, such as `hubspot:62515:contact:1801`, `salesforce:00D…:lead:00Q…`,
`pipedrive:8087566:lead:b181…`. All events of one lead carry its key: it decides the partition and so the order.

- `crm`: `hubspot`, `salesforce`, `pipedrive`; for the other kinds the configured name of the source.
- `account`: portal, organisation or company id.
- `object`: what the CRM calls it, in lower case: `contact`, `lead`, `person`, `deal`, `opportunity`.
- `id`: the CRM's own id; Salesforce ids in their 18 character form.

A deal that does not say which lead it came from has a key, and so a history, of its own.
"""

from ingest.domain.sources import Source, SourceKind

_PREFIX = {
    SourceKind.HUBSPOT: "hubspot",
    SourceKind.SALESFORCE_OUTBOUND_MESSAGE: "salesforce",
    SourceKind.PIPEDRIVE: "pipedrive",
}


def lead_key(source: Source, *, account: str, object_name: str, object_id: str) -> str:
    """The key of a lead or deal. Parts are taken as they are: ids of CRMs hold no colon."""
    return f"{_PREFIX.get(source.kind, source.name)}:{account}:{object_name}:{object_id}"


def lead_url(source: Source, *, account: str, object_name: str, object_id: str) -> str | None:
    """Where people see the lead in the CRM, by the source's template."""
    template = source.mapping.lead_url
    if template is None:
        return None
    return template.replace("{account}", account).replace("{object}", object_name).replace("{id}", object_id)


def may_come_from(lead: str, source: Source) -> bool:
    """Whether a source of this kind and name gives keys such as this."""
    return lead.partition(":")[0] == _PREFIX.get(source.kind, source.name)


def ids_in(lead: str) -> tuple[str, ...]:
    """The CRM's own id in a lead's key, in each form in which a request may have it."""
    parts = lead.split(":", 3)
    found = parts[-1]
    # Salesforce: the last three of 18 characters are a checksum of the others, and left out in places
    return (found, found[:15]) if parts[0] == "salesforce" and len(found) == 18 else (found,)

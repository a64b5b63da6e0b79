"""What each kind of sender expects to hear once its request is stored."""

from collections.abc import Mapping

import msgspec

from ingest.domain.sources import SourceKind

SALESFORCE_ACK = (
    b'<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"><soapenv:Body>'
    b'<notificationsResponse xmlns="http://soap.sforce.com/2005/09/outbound"><Ack>true</Ack></notificationsResponse>'
    b"</soapenv:Body></soapenv:Envelope>\n"
)
"""Byte for byte what Salesforce's documentation shows; anything else and it sends the message again for a day."""

Headers = list[tuple[bytes, bytes]]


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """A whole HTTP answer, made once."""

    status: int
    headers: Headers
    body: bytes


def _answer(status: int, body: bytes, media_type: bytes | None) -> Answer:
    headers: Headers = [] if media_type is None else [(b"content-type", media_type)]
    if status != 204:
        headers.append((b"content-length", str(len(body)).encode()))
    return Answer(status=status, headers=headers, body=body)


_STORED = b'{"status":"stored"}'
_JSON = b"application/json"
STORED: Mapping[SourceKind, Answer] = {
    SourceKind.HUBSPOT: _answer(200, _STORED, _JSON),
    SourceKind.SALESFORCE_OUTBOUND_MESSAGE: _answer(200, SALESFORCE_ACK, b"text/xml"),
    SourceKind.PIPEDRIVE: _answer(200, _STORED, _JSON),
    SourceKind.STANDARD_WEBHOOKS: _answer(204, b"", None),
    SourceKind.CLOUDEVENTS: _answer(202, b"", None),
    SourceKind.JSON: _answer(202, _STORED, _JSON),
}


def handshake(headers: Mapping[str, str]) -> Headers:
    """The answer's headers to OPTIONS from a CloudEvents sender that asks whether it may deliver.

    https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/http-webhook.md, section 4
    """
    answer: Headers = [(b"allow", b"POST, OPTIONS"), (b"content-length", b"0")]
    origin = headers.get("webhook-request-origin")
    if origin is not None:
        answer.append((b"webhook-allowed-origin", origin.encode("latin-1")))
        answer.append((b"webhook-allowed-rate", b"*"))
    return answer

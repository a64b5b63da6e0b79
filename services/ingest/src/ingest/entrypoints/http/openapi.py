"""The routes that FastAPI does not know, described by hand."""

from typing import Any

from ingest.domain.sources import Sources

_PROBLEM = {
    "application/problem+json": {
        "schema": {
            "type": "object",
            "properties": {
                "type": {"type": "string"},
                "title": {"type": "string"},
                "status": {"type": "integer"},
                "detail": {"type": "string"},
                "instance": {"type": "string"},
            },
        }
    }
}


def described_paths(sources: Sources) -> dict[str, Any]:
    """Webhooks of the configured sources, and operations."""
    return {
        "/webhooks/{source}": {"parameters": [_source_parameter(sources)], "post": _post(), "options": _options()},
        "/livez": {"get": _operation("Is the process alive? Asks nobody else.", {"200": _answer("It is.")})},
        "/readyz": {
            "get": _operation(
                "Is everything there? Webhooks are received (and spooled) even while the stream is not.",
                {"200": _answer("It is."), "503": _answer("No; the body names what is missing and why.")},
            )
        },
        "/metrics": {"get": _operation("Metrics for Prometheus.", {"200": _answer("Text exposition format.")})},
    }


def _source_parameter(sources: Sources) -> dict[str, Any]:
    return {
        "name": "source",
        "in": "path",
        "required": True,
        "description": "The source's name in the sources file.",
        "schema": {"type": "string", "enum": sorted(sources)},
    }


def _post() -> dict[str, Any]:
    body: dict[str, Any] = {"schema": {}}
    return {
        "tags": ["webhooks"],
        "summary": "Receive a webhook",
        "description": (
            "Verifies the sender on the raw bytes, stores the request durably, then answers what that CRM expects "
            "(Salesforce: the SOAP acknowledgement). The body may be gzip or deflate."
        ),
        "requestBody": {
            "required": True,
            "content": {"application/json": body, "text/xml": body, "application/cloudevents+json": body},
        },
        "responses": {
            "200": _answer("Stored."),
            "202": _answer("Stored (JSON and CloudEvents senders)."),
            "204": _answer("Stored (Standard Webhooks senders)."),
            "400": _problem("The body can't be read; the detail says what is wrong with it."),
            "401": _problem("Signature, timestamp or credentials are missing or wrong."),
            "404": _problem("No such source."),
            "405": _problem("Not POST."),
            "413": _problem("The body, or its decompressed content, is over the limit."),
            "415": _problem("A media type or content encoding that this kind of source does not send."),
            "503": _problem("Neither the stream nor the spool can take it; Retry-After says when to try again."),
        },
    }


def _options() -> dict[str, Any]:
    return {
        "tags": ["webhooks"],
        "summary": "CloudEvents handshake",
        "description": "May this origin deliver? Answered for sources of kind cloudevents only.",
        "responses": {"200": _answer("WebHook-Allowed-Origin and -Rate."), "405": _problem("Another kind of source.")},
    }


def _operation(summary: str, responses: dict[str, Any]) -> dict[str, Any]:
    return {"tags": ["operations"], "summary": summary, "responses": responses}


def _answer(description: str) -> dict[str, Any]:
    return {"description": description}


def _problem(description: str) -> dict[str, Any]:
    return {"description": description, "content": _PROBLEM}

"""The API's reference at `/docs`, for people: a page of our own, since FastAPI's loads scripts from another host."""

import hashlib
from base64 import b64encode
from collections.abc import Iterator
from html import escape
from typing import Any

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import HTMLResponse

STYLE = """
:root { color-scheme: light dark; }
body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem; font: 16px/1.5 system-ui, sans-serif; }
section { border: 1px solid GrayText; border-radius: .5rem; padding: .25rem 1rem; margin: 1rem 0; }
h2 { font-size: 1.1rem; overflow-wrap: anywhere; }
dd { margin: 0 0 .5rem 1rem; }
.quiet { opacity: .75; }
"""
_STYLE_HASH = b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
HEADERS = {"content-security-policy": f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'"}


def install_reference(app: FastAPI) -> None:
    """Serve the reference of `app` at `/docs`; make the app with `docs_url=None, redoc_url=None`."""

    async def reference(_request: Request) -> HTMLResponse:
        return HTMLResponse(_page(app.openapi(), document_url=app.openapi_url or ""), headers=HEADERS)

    app.router.add_route("/docs", reference, methods=["GET"], include_in_schema=False)


def _page(document: dict[str, Any], *, document_url: str) -> str:
    title = escape(f"{document['info']['title']} {document['info']['version']}")
    description = escape(str(document["info"].get("description", "")).strip())
    sections = "".join(_sections(document))
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style></head><body><main><h1>{title}</h1>'
        f'<p>{description} The whole of it, for programs: <a href="{escape(document_url)}">{escape(document_url)}</a>.'
        f"</p>{sections}</main></body></html>"
    )


def _sections(document: dict[str, Any]) -> Iterator[str]:
    for path, methods in document.get("paths", {}).items():
        for method, operation in methods.items():
            if isinstance(operation, dict):
                yield _section(method.upper(), path, operation)


def _section(method: str, path: str, operation: dict[str, Any]) -> str:
    summary = escape(str(operation.get("summary", "")))
    description = escape(str(operation.get("description", "")))
    return (
        f"<section><h2><code>{method} {escape(path)}</code></h2><p>{summary}</p><p>{description}</p>"
        f"<dl>{''.join(map(_parameter, operation.get('parameters', ())))}</dl>"
        f"<dl>{''.join(_answers(operation))}</dl></section>"
    )


def _parameter(parameter: dict[str, Any]) -> str:
    place = escape(parameter["in"]) + (", needed" if parameter.get("required") else "")
    return (
        f'<dt><code>{escape(parameter["name"])}</code> <span class="quiet">{place}</span></dt>'
        f"<dd>{escape(str(parameter.get('description', '')))}</dd>"
    )


def _answers(operation: dict[str, Any]) -> Iterator[str]:
    for status, answer in operation.get("responses", {}).items():
        yield f"<dt>{escape(str(status))}</dt><dd>{escape(str(answer.get('description', '')))}</dd>"

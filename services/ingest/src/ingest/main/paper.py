"""Commands that need no service: check the sources file, try a payload, print the schema."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Optional

import msgspec
import typer

from ingest.adapters.sources_file import SourcesFileError, load_sources
from ingest.adapters.sources_schema import SourcesModel
from ingest.config import IngestSettings
from ingest.domain.presentation import presented
from ingest.domain.receipt import accept
from ingest.domain.rejection import Rejected
from ingest.domain.sources import SourceKind, Sources
from ingest.domain.translate import translate as translate_request
from ingest.main.told import refuse
from shared.process import read_settings

SourcesOption = Annotated[
    Optional[Path],  # noqa: UP045 - Typer reads the annotation at run time
    typer.Option("--sources", "-s", help="The sources file (default: what LEADPACT_INGEST_SOURCES names)."),
]


def check(
    file: Annotated[Optional[Path], typer.Argument(help="The sources file.")] = None,  # noqa: UP045 - same
    *,
    without_secrets: Annotated[
        bool, typer.Option("--without-secrets", help="Do not look whether the secrets are there.")
    ] = False,
) -> None:
    """Check the sources file: every mistake with its line, its place and the cure.

    Example: ingest check sources.yaml
    """
    path = _path(file)
    sources = _load(path, resolve_secrets=not without_secrets)
    for source in sources.values():
        secrets = f"{len(source.secrets)} secret{'' if len(source.secrets) == 1 else 's'}"
        told = "secrets not looked at" if without_secrets else secrets
        typer.echo(f"{source.name}: {source.kind.value}, {source.authentication.method.value}, {told}")
        typer.echo(f"  the CRM sends to {source.public_url}, this process answers at /webhooks/{source.name}")
    typer.echo(f"{path}: {len(sources)} source{'' if len(sources) == 1 else 's'}, no mistakes")


def translate(
    file: Annotated[Path, typer.Argument(help="The payload as the CRM sent it; - reads standard input.")],
    *,
    source: Annotated[str, typer.Option(help="Name of the source in the sources file.")],
    sources: SourcesOption = None,
    header: Annotated[
        Optional[list[str]],  # noqa: UP045 - Typer reads the annotation at run time
        typer.Option("--header", "-H", help="A header of the request, such as 'ce-type: lead.created'. Repeatable."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the lead events, one JSON object a line.")] = False,
) -> None:
    """Show what a payload becomes, and why. Needs no database, stream, secret or signature.

    Example: ingest translate payload.json --source hubspot
    """
    known = _load(_path(sources), resolve_secrets=False)
    if source not in known:
        raise refuse(f"the sources file names no source '{source}'; there are: {', '.join(sorted(known))}")
    headers = _headers(known[source].kind, header or [])
    try:
        request = accept(
            known[source], method="POST", headers=headers, body=_payload(file), received_at=datetime.now(UTC)
        )
    except Rejected as rejected:
        raise refuse(f"{file}: {rejected.detail}") from rejected
    translation = translate_request(request, known[source])
    if as_json:
        for event in translation.events:
            typer.echo(msgspec.json.encode(event).decode())
    else:
        typer.echo("\n".join(presented(translation)))
    if translation.failures:
        raise typer.Exit(1)


def schema() -> None:
    """Print the JSON Schema of the sources file, for editors.

    Example: ingest schema > sources.schema.json
    """
    typer.echo(json.dumps(SourcesModel.model_json_schema(), indent=2))


def _path(given: Path | None) -> Path:
    return given or read_settings(IngestSettings).ingest_sources


def _load(path: Path, *, resolve_secrets: bool) -> Sources:
    try:
        return load_sources(path, environ=os.environ, resolve_secrets=resolve_secrets)
    except SourcesFileError as error:
        raise refuse(f"the sources file can't be used\n{error}") from error


def _payload(file: Path) -> bytes:
    if str(file) == "-":
        return typer.get_binary_stream("stdin").read()
    try:
        return file.read_bytes()
    except OSError as error:
        raise refuse(f"{file} can't be read: {error.strerror}") from error


def _headers(kind: SourceKind, given: list[str]) -> dict[str, str]:
    xml = kind is SourceKind.SALESFORCE_OUTBOUND_MESSAGE
    headers = {"content-type": "text/xml" if xml else "application/json"}
    for line in given:
        name, colon, value = line.partition(":")
        if not colon:
            raise refuse(f"--header {line!r} is no header: write 'name: value'")
        headers[name.strip().lower()] = value.strip()
    return headers

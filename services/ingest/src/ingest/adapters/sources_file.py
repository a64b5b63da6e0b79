"""Loading the sources file: YAML in, frozen `Source` values out, every mistake named with its line, place and cure."""

import copy
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path as FilePath

import msgspec
from pydantic import ValidationError

from ingest.adapters.sources_checks import auth_method, findings, is_webhook_secret
from ingest.adapters.sources_explained import explained
from ingest.adapters.sources_schema import MappingModel, SecretModel, SourceModel, SourcesModel
from ingest.adapters.yaml_places import Path, PlacedYaml, YamlUnreadable, place
from ingest.domain.salesforce_message import long_id
from ingest.domain.secret import Secret
from ingest.domain.sources import (
    ActivityRule,
    Authentication,
    AuthMethod,
    DealStageRule,
    DispositionRule,
    FieldMap,
    JsonRule,
    OwnerRule,
    Source,
    SourceKind,
    SourceMapping,
    Sources,
    TouchProperty,
)


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """One mistake in the file."""

    line: int
    place: str
    message: str

    def __str__(self) -> str:
        where = f"line {self.line}, {self.place}" if self.place else f"line {self.line}"
        return f"{where}: {self.message}"


class SourcesFileError(Exception):
    """The file can't be used. `problems` are all the mistakes, in the order of the file."""

    def __init__(self, path: FilePath, problems: Iterable[Problem]) -> None:
        self.path = path
        self.problems = tuple(sorted(problems, key=lambda problem: problem.line))
        super().__init__("\n".join(f"{path}, {problem}" for problem in self.problems))


def load_sources(path: FilePath, *, environ: Mapping[str, str], resolve_secrets: bool = True) -> Sources:
    """All sources of the file by name.

    Secrets are read from `environ` and from files beside the sources file; with `resolve_secrets` false (to translate
    a file at a desk) they are left out. Raises `SourcesFileError` with every mistake at once.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        hint = "copy deploy/sources.example.yaml to begin with"
        raise SourcesFileError(
            path, [Problem(line=1, place="", message=f"it can't be read ({error}); {hint}")]
        ) from error
    return parse_sources(text, path=path, environ=environ, resolve_secrets=resolve_secrets)


def parse_sources(text: str, *, path: FilePath, environ: Mapping[str, str], resolve_secrets: bool = True) -> Sources:
    """Like `load_sources`, from a text that stands, or would stand, at `path`."""
    try:
        yaml = PlacedYaml(text)
    except YamlUnreadable as error:
        raise SourcesFileError(path, [Problem(line=error.line or 1, place="", message=str(error))]) from error
    loader = _Loader(yaml, path.parent, environ, resolve_secrets=resolve_secrets)
    sources = loader.load()
    if loader.problems:
        raise SourcesFileError(path, loader.problems)
    return sources


class _Loader:
    """One reading of one file; gathers the problems on the way."""

    def __init__(
        self, yaml: PlacedYaml, folder: FilePath, environ: Mapping[str, str], *, resolve_secrets: bool
    ) -> None:
        self._yaml = yaml
        self._folder = folder
        self._environ = environ
        self._resolve_secrets = resolve_secrets
        self.problems: list[Problem] = []

    def load(self) -> Sources:
        root = self._yaml.value
        listed = root.get("sources") if isinstance(root, dict) else None
        if not isinstance(root, dict) or not isinstance(listed, list) or not listed:
            self._report((), "the file must hold a list under 'sources', with one element a sender")
            return {}
        self._refuse_unknown(root)
        sources: dict[str, Source] = {}
        for index, value in enumerate(listed):
            source = self._source(("sources", index), value)
            if source is not None and source.name in sources:
                self._report(("sources", index, "name"), f"{source.name!r} is there already; names are addresses")
            elif source is not None:
                sources[source.name] = source
        return sources

    def _refuse_unknown(self, root: Mapping[str, object]) -> None:
        try:
            SourcesModel.model_validate({**root, "sources": []})
        except ValidationError as error:
            self._report_all(SourcesModel, (), error)

    def _source(self, path: Path, value: object) -> Source | None:
        broken: list[Path] = []
        try:
            model: SourceModel | None = SourceModel.model_validate(value)
        except ValidationError as error:
            broken = self._report_all(SourceModel, path, error)
            model = _without(value, broken)
        if model is None:
            return None
        method = auth_method(model)
        for below, message in findings(model):
            if not any(_touches(below, one) for one in broken):
                self._report((*path, *below), message)
        secrets = tuple(self._secrets(path, model)) if self._resolve_secrets else ()
        return None if broken or method is None else _built(model, method, secrets)

    def _secrets(self, path: Path, model: SourceModel) -> Iterator[Secret]:
        method = auth_method(model)
        for index, reference in enumerate(model.secrets):
            below = (*path, "secrets", index)
            value = self._secret(below, reference)
            if value is not None and method is AuthMethod.STANDARD_WEBHOOKS and not is_webhook_secret(value):
                self._report(below, "it holds no Standard Webhooks secret: base64, usually after whsec_")
            elif value is not None:
                yield Secret(value)

    def _secret(self, path: Path, reference: SecretModel) -> str | None:
        if reference.env is not None:
            value = self._environ.get(reference.env, "")
            if not value:
                self._report(path, f"environment variable {reference.env} is not set or empty; set it before starting")
            return value or None
        file = self._folder / (reference.file or "")
        try:
            value = file.read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            self._report(path, f"the secret's file can't be read ({type(error).__name__}: {file})")
            return None
        if not value:
            self._report(path, f"the secret's file is empty ({file})")
        return value or None

    def _report_all(self, model: type[SourceModel | SourcesModel], path: Path, error: ValidationError) -> list[Path]:
        """Report what pydantic found; the places, below the model."""
        places = []
        for one in error.errors(include_url=False):
            below, message = explained(model, one)
            self._report((*path, *below), message)
            places.append(below)
        return places

    def _report(self, path: Path, message: str) -> None:
        self.problems.append(Problem(line=self._yaml.line(path), place=place(path), message=message))


def _without(value: object, broken: Iterable[Path]) -> SourceModel | None:
    """The source without its broken parts, so that the others can be checked too; None where too much is broken."""
    rest = copy.deepcopy(value)
    for path in broken:
        _cut(rest, path)
    try:
        return SourceModel.model_validate(rest)
    except ValidationError:
        return None


def _cut(value: object, path: Path) -> None:
    """Take the key that `path` leads to out of `value`; of a list all of it, so that no index comes to mean another."""
    last = len(path) - 1 if path and isinstance(path[-1], str) else len(path) - 2
    for number, step in enumerate(path[: last + 1]):
        if isinstance(value, dict):
            if number == last:
                value.pop(step, None)
                return
            value = value.get(step)
        elif isinstance(value, list) and isinstance(step, int) and step < len(value):
            value = value[step]


def _touches(one: Path, other: Path) -> bool:
    """Whether one place lies in the other."""
    shorter = min(len(one), len(other))
    return one[:shorter] == other[:shorter]


def _built(model: SourceModel, method: AuthMethod, secrets: tuple[Secret, ...]) -> Source:
    verify = model.verify_
    authentication = Authentication(
        method=method,
        header=verify.header.lower() if verify.header else None,
        encoding=verify.encoding,
        prefix=verify.prefix,
        username=verify.username,
    )
    return Source(
        name=model.name,
        kind=model.kind,
        public_url=model.public_url,
        authentication=authentication,
        secrets=secrets,
        account=model.account,
        max_body_bytes=model.max_body_bytes,
        keep_headers=frozenset(name.lower() for name in model.keep_headers),
        mapping=_mapping(model.mapping, model.kind),
    )


def _mapping(model: MappingModel, kind: SourceKind) -> SourceMapping:
    long_ids = kind is SourceKind.SALESFORCE_OUTBOUND_MESSAGE
    owners = {long_id(key) if long_ids else key: OwnerRule(**dict(one)) for key, one in model.owners.items()}
    return SourceMapping(
        stages=model.stages,
        stage_on_create=model.stage_on_create,
        dispositions={key: DispositionRule(**dict(one)) for key, one in model.dispositions.items()},
        owners=owners,
        activities={key: ActivityRule(**dict(one)) for key, one in model.activities.items()},
        outcomes=model.outcomes,
        touch_properties={key: TouchProperty(**dict(one)) for key, one in model.touch_properties.items()},
        completed_statuses=frozenset(model.completed_statuses),
        attributes=model.attributes,
        deal_stages={key: DealStageRule(**dict(one)) for key, one in model.deal_stages.items()},
        fields=FieldMap(**dict(model.fields)),
        lead_url=model.lead_url,
        each=model.each,
        rules=tuple(JsonRule(**dict(one)) for one in model.rules),
    )

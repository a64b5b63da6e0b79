"""Reading an agreement file: YAML, its shape, its meaning; every fault at once, with line, place and cure."""

import datetime as dt
import difflib
import hashlib
import json
import types
import typing
from pathlib import Path as FilePath
from typing import Any

from pydantic import BaseModel, ValidationError

from sla_engine.adapters.absence_feeds import Read, completed
from sla_engine.adapters.agreement_build import build
from sla_engine.adapters.agreement_schema import AgreementFile
from sla_engine.adapters.yaml_lines import Lines, Path, read_yaml
from sla_engine.domain.agreement import Agreement
from sla_engine.domain.agreement_faults import AgreementError, Fault

_HASH_DIGITS = 8


def read_agreement(file: FilePath, *, today: dt.date | None = None) -> Agreement:
    """The agreement in a file, its calendars of absences asked.

    `today` is the day from which targets must be reachable (the machine's day where none is given). Raises
    `AgreementError` with every fault found, also where the file can't be read.
    """
    return parse_agreement(read_content(file, today=today)[0], file=str(file), today=today)


def read_content(
    file: FilePath, *, today: dt.date | None = None, before: Read | None = None
) -> tuple[str, tuple[str, ...]]:
    """The file's text with what the calendars of absences say at its end, and which of them could not be read.

    That is a fault, unless `before` has what such a calendar said before. Raises `AgreementError`.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        fault = Fault(line=0, place="", problem=f"can't be read: {error}", cure="Give the path of a YAML file")
        raise AgreementError(str(file), (fault,)) from error
    data, lines = read_yaml(text, str(file))
    day = today or dt.datetime.now(dt.UTC).date()
    return completed(text, data, lines, file=file, today=day, before=before)


def parse_agreement(text: str, *, file: str = "agreement", today: dt.date | None = None) -> Agreement:
    """The agreement in a text. Raises `AgreementError` with every fault found."""
    data, lines = read_yaml(text, file)
    if not isinstance(data, dict):
        cure = 'Begin with "agreement:" and its name; see agreement.example.yaml'
        raise AgreementError(file, (Fault(line=1, place="", problem="there is no agreement in it", cure=cure),))
    try:
        read = AgreementFile.model_validate(data)
    except ValidationError as error:
        faults = tuple(_fault(dict(each), lines) for each in error.errors(include_url=False))
        raise AgreementError(file, faults) from error
    version = f"{read.agreement.version}+{content_hash(data)}"
    return build(read, data, lines, file=file, version=version, today=today or dt.datetime.now(dt.UTC).date())


def content_hash(data: object) -> str:
    """The first digits of a hash over what the file says; comments and layout do not change it."""
    canonical = json.dumps(data, sort_keys=True, default=str, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:_HASH_DIGITS]


def json_schema() -> dict[str, Any]:
    """The JSON Schema of agreement files, for editors."""
    schema = AgreementFile.model_json_schema(by_alias=True)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def _fault(error: dict[str, Any], lines: Lines) -> Fault:
    """A fault in our words from one of pydantic's."""
    path: Path = tuple(error["loc"])
    if error["type"] == "extra_forbidden":
        return _unknown_word(path, lines)
    problem, cure = _say(error)
    known = _known_part(path)
    return Fault(line=lines.of(known), place=place(known), problem=problem, cure=cure)


def _known_part(path: Path) -> Path:
    """The path without the names of alternatives that pydantic adds."""
    return tuple(step for step in path if step not in {"str", "int", "float", "bool"})


def _unknown_word(path: Path, lines: Lines) -> Fault:
    *above, word = path
    allowed = _words(tuple(above))
    near = difflib.get_close_matches(str(word), allowed, n=1)
    cure = f'Did you mean "{near[0]}"?' if near else f"Known here: {', '.join(allowed)}"
    return Fault(line=lines.of(path), place=place(path), problem=f'"{word}" is not known here', cure=cure)


def _words(path: Path) -> list[str]:
    """The keys that the section at `path` knows."""
    found: object = AgreementFile
    for step in path:
        found = _below(found, step)
    models = [kind for kind in _alternatives(found) if isinstance(kind, type) and issubclass(kind, BaseModel)]
    return [field.alias or name for model in models for name, field in model.model_fields.items()]


def _below(kind: object, step: str | int) -> object:
    for option in _alternatives(kind):
        if isinstance(option, type) and issubclass(option, BaseModel):
            for name, field in option.model_fields.items():
                if step in (name, field.alias):
                    return field.annotation
        elif typing.get_origin(option) in (list, dict):
            return typing.get_args(option)[-1]
    return None


def _alternatives(kind: object) -> tuple[object, ...]:
    origin = typing.get_origin(kind)
    if origin in (typing.Union, types.UnionType):
        return typing.get_args(kind)
    if origin is typing.Annotated:
        return _alternatives(typing.get_args(kind)[0])
    return (kind,)


_SAID = {
    "too_short": ("is empty", "Write at least one"),
    "string_too_short": ("is empty", "Write at least one"),
    "model_type": ("should be a section of keys, not {kind}", "Indent its keys below it"),
    "dict_type": ("should be a section of keys, not {kind}", "Indent its keys below it"),
    "list_type": ("should be a list, not {kind}", "Write one item a line, each after a dash"),
    "string_type": ("should be text, not {kind}", "Write the text, in quotes where it has special signs"),
    "bool_type": ('"{given}" is neither true nor false', "Write true or false"),
    "int_parsing": ('"{given}" is no whole number', "Write one in digits"),
    "int_type": ('"{given}" is no whole number', "Write one in digits"),
    "float_parsing": ('"{given}" is no number', "Write one in digits"),
    "float_type": ('"{given}" is no number', "Write one in digits"),
    "greater_than_equal": ('"{given}" is too small', "Write a larger number"),
    "bool_parsing": ('"{given}" is neither true nor false', "Write true or false"),
}


def _say(error: dict[str, Any]) -> tuple[str, str]:
    """The problem and the cure of one of pydantic's errors."""
    given = error.get("input")
    if error["type"] == "missing":
        return "is missing", f'Write "{error["loc"][-1]}:" here'
    if error["type"] == "enum":
        expected = str(error["ctx"]["expected"])
        near = difflib.get_close_matches(str(given), expected.replace("'", "").replace(" or ", ", ").split(", "), n=1)
        return f'"{given}" is not known here', f'Did you mean "{near[0]}"?' if near else f"Write one of {expected}"
    if error["type"] == "value_error":  # of our own validators: problem and cure in one text
        problem, _, cure = str(error["ctx"]["error"]).partition(": ")
        return problem, cure[:1].upper() + cure[1:]
    if error["type"] in _SAID:
        problem, cure = _SAID[error["type"]]
        return problem.format(given=given, kind=_kind(given)), cure
    return f'"{given}": {error["msg"][:1].lower()}{error["msg"][1:]}', ""


def _kind(value: object) -> str:
    names = {dict: "a section", list: "a list", str: "text", bool: "true or false", type(None): "nothing"}
    return names.get(type(value), "a number")


def place(path: Path) -> str:
    """A path for people: `people[2].zone`, items counted from 1."""
    said = ""
    for step in path:
        said += f"[{step + 1}]" if isinstance(step, int) else f".{step}" if said else step
    return said

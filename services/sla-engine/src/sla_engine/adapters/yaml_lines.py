"""YAML with the line of every value kept beside it."""

from io import StringIO

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from sla_engine.domain.agreement_faults import AgreementError, Fault

Path = tuple[str | int, ...]


class Lines:
    """Where every value of a document stands."""

    def __init__(self, lines: dict[Path, int]) -> None:
        self._lines = lines

    def of(self, path: Path) -> int:
        """The line of the value at `path`, or of the nearest thing around it."""
        while path not in self._lines and path:
            path = path[:-1]
        return self._lines.get(path, 1)


def read_yaml(text: str, file: str) -> tuple[object, Lines]:
    """The document as plain dicts, lists and scalars, and its lines. Raises `AgreementError` where it is no YAML."""
    try:
        document = YAML(typ="rt", pure=True).load(StringIO(text))
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark is not None else 0
        problem = " ".join(str(part) for part in (error.context, error.problem) if part)
        raise AgreementError(file, (Fault(line=line, place="", problem=problem, cure=_cure(problem)),)) from error
    except YAMLError as error:
        raise AgreementError(file, (Fault(line=0, place="", problem=str(error).splitlines()[0]),)) from error
    lines: dict[Path, int] = {(): 1}
    return _plain(document, (), lines), Lines(lines)


def _plain(node: object, path: Path, lines: dict[Path, int]) -> object:
    if isinstance(node, CommentedMap):
        found = {}
        for key, value in node.items():
            name = key if isinstance(key, str) else str(key)
            lines[*path, name] = node.lc.key(key)[0] + 1
            found[name] = _plain(value, (*path, name), lines)
        return found
    if isinstance(node, CommentedSeq):
        listed = []
        for at, value in enumerate(node):
            lines[*path, at] = node.lc.item(at)[0] + 1
            listed.append(_plain(value, (*path, at), lines))
        return listed
    if isinstance(node, bool) or node is None:
        return node
    for kind in (int, float, str):
        if isinstance(node, kind):
            return kind(node)
    return node


def _cure(problem: str) -> str:
    if "duplicate key" in problem:
        return "Write each key once"
    if "\\t" in problem or "tab" in problem:
        return "Indent with spaces, not tabs"
    return "Check the indentation and quotes around this line"

"""YAML with the line of every key and element, so that an error can say where it is."""

from collections.abc import Iterator, Mapping

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError

Path = tuple[str | int, ...]
"""Keys and indexes from the root."""


class YamlUnreadable(Exception):  # noqa: N818 - named after what it is about
    """The text is no YAML. `line` counts from 1 where it is known."""

    def __init__(self, message: str, line: int | None) -> None:
        super().__init__(message)
        self.line = line


class PlacedYaml:
    """The plain value of a YAML text, its mapping keys as text, and where each part of it stands."""

    def __init__(self, text: str) -> None:
        try:
            root = YAML(typ="rt", pure=True).load(text)
        except MarkedYAMLError as error:
            mark = error.problem_mark
            message = " ".join(str(part).strip() for part in (error.context, error.problem) if part)
            raise YamlUnreadable(message, mark.line + 1 if mark else None) from error
        except (YAMLError, ValueError) as error:
            raise YamlUnreadable(str(error).strip().splitlines()[0], None) from error
        self.value: object = _plain(root)
        self._lines: Mapping[Path, int] = dict(_lines(root, ()))

    def line(self, path: Path) -> int:
        """The line (from 1) of the nearest part of `path` that is in the text."""
        for length in range(len(path), 0, -1):
            if path[:length] in self._lines:
                return self._lines[path[:length]]
        return 1


def place(path: Path) -> str:
    """`path` as people write it: `sources[1].mapping.stages`."""
    written = ""
    for step in path:
        written += f"[{step}]" if isinstance(step, int) else f".{step}" if written else step
    return written


def _plain(node: object) -> object:
    if isinstance(node, CommentedMap):
        return {_key(key): _plain(value) for key, value in node.items()}
    if isinstance(node, CommentedSeq):
        return [_plain(value) for value in node]
    if isinstance(node, bool) or node is None:
        return node
    # ruamel hands out subclasses of str, int and float that remember how they were written
    for kind in (str, int, float):
        if isinstance(node, kind):
            return kind(node)
    return node


def _key(key: object) -> str:
    """Ids and stages are often numbers: a key is text, whatever YAML takes it for."""
    if key is None:
        return ""
    return ("true" if key else "false") if isinstance(key, bool) else str(key)


def _lines(node: object, path: Path) -> Iterator[tuple[Path, int]]:
    if isinstance(node, CommentedMap):
        for key, value in node.items():
            if key in node.lc.data:
                yield (*path, _key(key)), node.lc.data[key][0] + 1
            yield from _lines(value, (*path, _key(key)))
    elif isinstance(node, CommentedSeq):
        for index, value in enumerate(node):
            if index in node.lc.data:
                yield (*path, index), node.lc.data[index][0] + 1
            yield from _lines(value, (*path, index))

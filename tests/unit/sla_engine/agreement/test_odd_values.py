"""Whatever stands where in an agreement file: it is read, or refused with faults that have a line; nothing else."""

import copy
import datetime as dt
import random
from collections.abc import Iterator
from io import StringIO
from typing import Any

import pytest
from ruamel.yaml import YAML

from sla_engine.adapters.agreement_file import parse_agreement
from sla_engine.domain.agreement_faults import AgreementError, Fault
from tests.support.shipped_agreements import AGREEMENTS

ODD: list[Any] = [
    None, "", [], {}, 0, -1, 1.5, True, "x", ["x"], {"a": 1}, dt.date(2024, 1, 1), [None], [[]], [{}], "9" * 50, 1e300,
]  # fmt: skip


def _places(node: object, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    parts = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in parts:
        yield (*path, key)
        yield from _places(value, (*path, key))


@pytest.mark.parametrize("seed", range(6))
def test_an_odd_value_is_read_or_refused_with_its_line(seed: int) -> None:
    document = YAML(typ="safe").load((AGREEMENTS / "calendars.yaml").read_text(encoding="utf-8"))
    places = list(_places(document))
    chance = random.Random(seed)
    for _ in range(10):
        path, value = chance.choice(places), chance.choice(ODD)
        changed = copy.deepcopy(document)
        holder = changed
        for step in path[:-1]:
            holder = holder[step]
        holder[path[-1]] = value
        written = StringIO()
        YAML(typ="safe").dump(changed, written)
        assert all(fault.line > 0 and fault.problem for fault in _faults(written.getvalue())), (path, value)


def _faults(text: str) -> tuple[Fault, ...]:
    try:
        parse_agreement(text, today=dt.date(2025, 12, 1))
    except AgreementError as error:
        return error.faults
    return ()

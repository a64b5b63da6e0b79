"""Rows of the table fit on the terminal that they are printed on."""

import io

import pytest
from rich.console import Console

from sla_engine.entrypoints import paper_table
from tests.support.story_builder import Lead, agreement, utc


@pytest.mark.parametrize("width", [80, 100, 120])
def test_a_verdicts_rows_stand_on_one_line_each(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    printed = io.StringIO()
    console = Console(file=printed, width=width, highlight=False)
    monkeypatch.setattr(paper_table, "_console", lambda: console)
    lead = Lead()
    lead.created("2024-01-08 10:00:01")
    lead.stage("2024-01-08 10:00:02")
    lead.owner("2024-01-08 10:00:03")
    now = utc("2024-01-08 12:00:04")
    paper_table.print_verdicts(agreement(), now, [lead.judged("2024-01-08 12:00:04")])
    rows = [line for line in printed.getvalue().splitlines() if line.startswith("  ")]
    assert rows[0].split() == ["from", "due", "to", "business", "wall"]
    assert all(line.split()[-1].count(":") == 2 for line in rows[1:]), printed.getvalue()
    assert any(line.split()[:2] == ["Max", "Muster"] for line in rows)

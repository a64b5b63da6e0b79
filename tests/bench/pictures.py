"""Draws the curves of docs/performance.md from figures that were measured and stored.

`python -m tests.bench.pictures`: reads `docs/pictures/curves.json`, which `python -m tests.bench.growth --json` writes,
and writes one SVG a curve beside it. Vega-Lite draws, by `vl-convert-python`. The same figures give the same picture.
"""

import importlib
import json
from pathlib import Path
from typing import Any

PICTURES = Path(__file__).resolve().parents[2] / "docs" / "pictures"
CURVES = PICTURES / "curves.json"
WIDTH, HEIGHT = 420, 220
FONT = "DejaVu Sans, Verdana, sans-serif"

Spec = dict[str, Any]


def chart(rows: list[dict[str, Any]], *, title: str, x: str, y: str, logarithmic: bool = True) -> Spec:
    """One line a `series`, with its points; the axis of costs begins at zero."""
    scale: Spec = {"type": "log", "nice": False, "padding": 8} if logarithmic else {"padding": 8}
    ticks = sorted({row["x"] for row in rows})
    several = len({row["series"] for row in rows}) > 1
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "background": "white",
        "title": {"text": title, "anchor": "start", "fontSize": 13, "fontWeight": "normal"},
        "width": WIDTH,
        "height": HEIGHT,
        "data": {"values": rows},
        "mark": {"type": "line", "point": True, "strokeWidth": 2},
        "encoding": {
            "x": {
                "field": "x",
                "type": "quantitative",
                "title": x,
                "scale": scale,
                "axis": {"values": ticks, "grid": False, "format": "~s", "labelOverlap": "greedy"},
            },
            "y": {"field": "y", "type": "quantitative", "title": y, "scale": {"zero": True}},
            "color": {"field": "series", "type": "nominal", "legend": {"title": None} if several else None},
        },
        "config": {"font": FONT, "view": {"stroke": None}, "range": {"category": ["#1f5fa8", "#c2571a", "#4c8c4a"]}},
    }


def series(name: str, points: list[list[float]]) -> list[dict[str, Any]]:
    """Rows of one line."""
    return [{"series": name, "x": x, "y": y} for x, y in points]


def charts(curves: dict[str, Any]) -> dict[str, Spec]:
    """Every picture by the name of its file; what was not measured is not drawn."""
    drawn: dict[str, Spec] = {}
    cost = "µs of processor"
    if "history" in curves:
        rows = series("engine", curves["history"])
        title = "One more event on a lead, by the events it has"
        drawn["cost-by-history"] = chart(rows, title=title, x="events of the lead", y=cost)
    if "agreement" in curves:
        rows = series("engine", curves["agreement"])
        title = "A lead's whole story (6 events), by segments of the agreement"
        drawn["cost-by-agreement"] = chart(rows, title=title, x="segments, each asked", y=cost)
    if "leads" in curves:
        rows = [row for name, points in curves["leads"].items() for row in series(name, points)]
        title = "An event of some lead: load, judge, store"
        drawn["cost-by-leads"] = chart(rows, title=title, x="leads stored", y=f"{cost} an event")
    if "partitions" in curves:
        rows = series("engine and database", curves["partitions"])
        title = "Catching up, by partitions"
        drawn["cost-by-partitions"] = chart(rows, title=title, x="partitions", y=f"{cost} an event")
    if "mixed" in curves:
        rows = series("engine and database", curves["mixed"])
        title = "Catching up, by leads whose events come mixed"
        drawn["cost-by-mixture"] = chart(rows, title=title, x="leads mixed", y=f"{cost} an event")
    if "lateness" in curves:
        rows = [row for name, points in curves["lateness"].items() for row in series(name, points)]
        title = "Deadline and settle time to committed announcement"
        drawn["lateness-by-rate"] = chart(rows, title=title, x="lead events a second", y="ms late")
    return drawn


def main() -> None:
    """Draw them all."""
    draw = importlib.import_module("vl_convert").vegalite_to_svg
    for name, spec in charts(json.loads(CURVES.read_text(encoding="utf-8"))).items():
        target = PICTURES / f"{name}.svg"
        target.write_text(draw(spec), encoding="utf-8")
        print(target.relative_to(PICTURES.parents[1]))


if __name__ == "__main__":
    main()

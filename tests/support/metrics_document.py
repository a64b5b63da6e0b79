"""docs/metrics.md, from the one table of metrics."""

from shared.metrics import Kind, Metric, all_metrics

HEAD = """# Metrics

Every service serves its own on `/metrics`. This page is generated from `shared/src/shared/metrics.py` (`make docs`).

Base units, `_total` on counters, ratios from 0 to 1. No lead id and no address is ever a label. Gauges of obligations
and deliveries are counted in the database when they are scraped, so they survive restarts and follow corrections.
"""


def metrics_document() -> str:
    """The whole page."""
    rows = [_row(metric) for metric in all_metrics()]
    return "\n".join([HEAD, "| metric | type | labels | meaning |", "| --- | --- | --- | --- |", *rows, ""])


def _row(metric: Metric) -> str:
    labels = ", ".join(f"`{label}`" for label in metric.labels) or "–"
    text = metric.help
    if metric.kind is Kind.HISTOGRAM:
        text += " Buckets: " + ", ".join(f"{edge:g}" for edge in metric.buckets) + "."
    return f"| `{metric.name}` | {metric.kind.value} | {labels} | {text} |"

"""How the promises stand: read from the sla-engine's /metrics, as Prometheus would."""

from dataclasses import dataclass
from datetime import UTC, datetime

import httpx
from prometheus_client.parser import text_string_to_metric_families

OPEN = "leadpact_open_obligations"
NEXT_DEADLINE = "leadpact_next_deadline_timestamp_seconds"


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Open promises by state, and the nearest deadline among them."""

    by_state: dict[str, int]
    next_deadline: datetime | None

    def sentence(self, now: datetime) -> str:
        """Such as `open: 4 on track, 2 at risk, 1 breached · next deadline in 8 s`."""
        parts = [f"{count} {state.replace('_', ' ')}" for state, count in self.by_state.items() if count]
        told = f"open: {', '.join(parts) or 'none'}"
        if self.next_deadline is None or self.next_deadline < now:
            return told
        return f"{told} · next deadline in {(self.next_deadline - now).total_seconds():.0f} s"


def read_standing(exposition: str) -> Standing:
    """The standing in a Prometheus text exposition."""
    by_state: dict[str, int] = {}
    deadlines: list[float] = []
    for family in text_string_to_metric_families(exposition):
        for sample in family.samples:
            if sample.name == OPEN:
                state = sample.labels["state"]
                by_state[state] = by_state.get(state, 0) + int(sample.value)
            elif sample.name == NEXT_DEADLINE and sample.value > 0:
                deadlines.append(sample.value)
    nearest = datetime.fromtimestamp(min(deadlines), UTC) if deadlines else None
    return Standing(by_state=by_state, next_deadline=nearest)


async def ask_standing(client: httpx.AsyncClient, engine_url: str) -> Standing | None:
    """The standing now; None while the engine does not answer."""
    try:
        answer = await client.get(f"{engine_url}/metrics", timeout=3.0)
    except httpx.TransportError:
        return None
    return read_standing(answer.text) if answer.is_success else None

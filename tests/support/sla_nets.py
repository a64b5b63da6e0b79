"""What stands announced of a lead, in a word each."""

from tests.support.engine_stack import Bench
from tests.support.story_builder import net


async def standing_of(bench: Bench, lead: str) -> list[str]:
    """`clock.transition` of what was announced and not taken back, sorted; warnings apart."""
    said = [event for event in await bench.said() if event.lead == lead]
    words = [f"{clock}.{kind.removeprefix('obligation.')}" for kind, clock, *_ in net(said)]
    return sorted(word for word in words if not word.endswith("at_risk"))

"""How the members of a group share the partitions: each works out its own part from what all hold."""

from collections.abc import Collection, Mapping
from typing import NamedTuple


class Share(NamedTuple):
    """What a member is to change: partitions to give back, and free ones to claim."""

    give_back: list[int]
    claim: list[int]


def share(me: int, holdings: Mapping[int, Collection[int]], *, partitions: int) -> Share:
    """My part of a fair share, moving as few partitions as can be.

    `holdings` are the partitions each living member holds, mine among them. All members see the same holdings (they
    look under one lock), so their quotas add up to all partitions; whoever holds the most keeps the odd ones.
    """
    order = sorted(holdings, key=lambda member: (-len(holdings[member]), member))
    each, odd = divmod(partitions, len(order))
    quota = each + (order.index(me) < odd)
    mine = sorted(holdings[me])
    taken = {partition for held in holdings.values() for partition in held}
    free = [partition for partition in range(partitions) if partition not in taken]
    return Share(give_back=mine[quota:], claim=free[: max(0, quota - len(mine))])

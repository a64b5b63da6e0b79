"""Members that each work out their own part come to a fair share, whatever they held before."""

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.streams.postgres.sharing import share


@st.composite
def groups(draw: st.DrawFn) -> tuple[dict[int, set[int]], int]:
    partitions = draw(st.integers(1, 24))
    members = draw(st.lists(st.integers(0, 2**62), min_size=1, max_size=8, unique=True))
    holdings: dict[int, set[int]] = {member: set() for member in members}
    for partition in range(partitions):
        holder = draw(st.sampled_from([*members, None]))
        if holder is not None:
            holdings[holder].add(partition)
    return holdings, partitions


@settings(derandomize=True)
@given(groups(), st.randoms(use_true_random=False))
def test_every_order_of_steps_ends_in_a_fair_share(group: tuple[dict[int, set[int]], int], chance: object) -> None:
    holdings, partitions = group
    held_before = {member: set(held) for member, held in holdings.items()}
    for _ in range(3):  # a round to give back, a round to claim, one in which nothing may change
        for member in sorted(holdings, key=lambda m: hash((m, str(chance)))):
            part = share(member, holdings, partitions=partitions)
            taken = set().union(*(held for other, held in holdings.items() if other != member))
            assert not taken & set(part.claim), "never claim what another holds"
            holdings[member] -= set(part.give_back)
            holdings[member] |= set(part.claim)
    sizes = [len(held) for held in holdings.values()]
    assert sum(sizes) == partitions
    assert set().union(*holdings.values()) == set(range(partitions))
    assert max(sizes) - min(sizes) <= 1
    for member, held in holdings.items():
        part = share(member, holdings, partitions=partitions)
        assert (part.give_back, part.claim) == ([], []), "it comes to rest"
        kept = held & held_before[member]
        assert len(kept) >= min(len(held_before[member]), partitions // len(holdings)), "moves no more than it must"


def test_a_member_that_joins_an_owner_of_all() -> None:
    assert share(1, {1: {0, 1, 2, 3}, 2: set()}, partitions=4).give_back == [2, 3]
    assert share(2, {1: {0, 1, 2, 3}, 2: set()}, partitions=4) == ([], [])
    assert share(2, {1: {0, 1}, 2: set()}, partitions=4).claim == [2, 3]

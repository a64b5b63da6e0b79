"""The agenda: what is due, oldest first, and nothing from beyond the known horizon."""

from sla_engine.application.agenda import Agenda


def known(until_us: int, *wakeups: tuple[int, int]) -> Agenda:
    agenda = Agenda()
    agenda.loaded(wakeups, known_until_us=until_us)
    return agenda


def test_what_is_due_comes_oldest_first_and_within_the_limit() -> None:
    agenda = known(100, (30, 3), (10, 1), (20, 2), (50, 5))
    assert agenda.due(40, limit=10) == [1, 2, 3]
    assert agenda.due(40, limit=2) == [1, 2]
    assert agenda.next_us() == 10


def test_looking_changes_nothing_until_a_lead_is_set_again() -> None:
    agenda = known(100, (10, 1), (20, 2))
    assert agenda.due(10, limit=9) == agenda.due(10, limit=9) == [1]
    agenda.set(1, None)
    assert agenda.due(10, limit=9) == []
    assert agenda.next_us() == 20


def test_a_lead_has_one_wake_up() -> None:
    agenda = known(100, (10, 1))
    agenda.set(1, 50)
    assert agenda.due(49, limit=9) == []
    agenda.set(1, 10)
    agenda.set(1, 50)
    agenda.set(1, 10)
    assert agenda.due(99, limit=9) == [1]


def test_what_lies_beyond_the_horizon_is_not_kept() -> None:
    agenda = known(100, (10, 1))
    agenda.set(2, 100)
    agenda.set(1, 5000)
    assert len(agenda) == 0
    assert agenda.next_us() == 100, "it is to be looked at again where its knowledge ends"


def test_replaced_entries_do_not_pile_up() -> None:
    agenda = known(10_000)
    for at in range(5000):
        agenda.set(1, at)
    assert agenda.due(10_000, limit=9) == [1]
    assert len(agenda._heap) < 100

"""What a plan counts, what differs between two files, and how it reads."""

from collections.abc import Sequence

import pytest

from sla_engine.application.forecast import Forecast, Tally
from sla_engine.application.planning import Plan
from sla_engine.domain.agreement import Agreement
from sla_engine.domain.agreement_differences import differences
from sla_engine.domain.editions import Editions, OpenChoice
from sla_engine.domain.history import History
from sla_engine.domain.obligation import State
from sla_engine.entrypoints.plan_table import print_plan
from tests.support.story_builder import Lead, agreement, utc

NOW = "2024-01-08 12:00"
PRESENT = agreement(calendar="always")


def waiting(at: str, **attributes: int) -> Lead:
    lead = Lead(key=f"crm:acc:{at}")
    lead.created(f"2024-01-08 {at}", {"name": f"Ada of {at}", **attributes})
    lead.stage(f"2024-01-08 {at}")
    lead.owner(f"2024-01-08 {at}")
    return lead


def forecast(proposed: Agreement, leads: Sequence[Lead], *choices: OpenChoice) -> Forecast:
    made = Forecast(Editions.only(PRESENT), proposed, choices or list(OpenChoice), utc(NOW))
    for lead in leads:
        made.take(History.of(lead.events))
    return made


def touches(proposed: Agreement, *leads: Lead, choice: OpenChoice = OpenChoice.RECOMPUTE) -> Tally:
    [outlook] = forecast(proposed, leads, choice).outlooks
    return outlook.clocks["first_touch"]


def test_a_shorter_target_moves_deadlines_earlier_and_breaks_some_at_once() -> None:
    found = touches(agreement(calendar="always", touch="default: 30m"), waiting("11:50"), waiting("11:20"))
    assert found == Tally(open=2, earlier=2, broken=1)


def test_a_longer_target_mends_what_was_broken() -> None:
    found = touches(agreement(calendar="always", touch="default: 3h"), waiting("10:30"), waiting("11:50"))
    assert found == Tally(open=2, later=2, mended=1)


def test_a_warning_that_falls_due_at_once_is_counted() -> None:
    found = touches(agreement(calendar="always", touch="default: 50m"), waiting("11:20"))
    assert found == Tally(open=1, earlier=1, at_risk=1)


def test_a_removed_clock_ends_its_promises_whatever_the_choice() -> None:
    removed = agreement(calendar="always", more="    enabled: false\n")
    for choice in OpenChoice:
        assert touches(removed, waiting("11:50"), choice=choice) == Tally(open=1, cancelled=1)


def test_keep_leaves_all_as_it_is() -> None:
    found = touches(agreement(calendar="always", touch="default: 1m"), waiting("11:50"), choice=OpenChoice.KEEP)
    assert found == Tally(open=1, stays=1)


def test_what_counts_as_kept_under_the_new_edition_is_told() -> None:
    lead = waiting("11:50")
    lead.touch("2024-01-08 11:55", by="u-eva")
    strict = agreement(calendar="always", more="    touch: {by: owner}\n")
    looser = Forecast(Editions.only(strict), PRESENT, [OpenChoice.RECOMPUTE], utc(NOW))
    looser.take(History.of(lead.events))
    assert looser.outlooks[0].clocks["first_touch"] == Tally(open=1, done=1)


def test_what_is_closed_is_counted_only_where_an_exception_changes_it() -> None:
    kept, late = waiting("10:00"), waiting("09:00")
    kept.touch("2024-01-08 10:10")
    late.touch("2024-01-08 10:30")
    window = '{from: "2024-01-08 09:30", to: "2024-01-08 10:15", effect: excuse, why: an outage, by: Mia}'
    found = touches(agreement(calendar="always", more=f"exceptions:\n  - {window}\n"), kept, late)
    assert found == Tally(corrected=1)


def test_examples_name_the_lead_and_both_deadlines() -> None:
    made = forecast(agreement(calendar="always", touch="default: 30m"), [waiting("11:20")], OpenChoice.RECOMPUTE)
    [example] = made.outlooks[0].examples
    assert (example.lead, example.lead_name, list(example.what)) == (
        "crm:acc:11:20",
        "Ada of 11:20",
        ["earlier", "broken"],
    )
    assert (example.deadline_before, example.deadline_after) == (utc("2024-01-08 12:20"), utc("2024-01-08 11:50"))
    assert (example.state_before, example.state_after) == (State.ON_TRACK, State.BREACHED)


def test_examples_are_few_however_many_leads_there_are() -> None:
    leads = [waiting(f"11:{minute}") for minute in range(31, 59)]
    made = forecast(agreement(calendar="always", touch="default: 30m"), leads)
    assert made.leads == len(leads)
    assert [len(outlook.examples) <= 12 for outlook in made.outlooks] == [True] * 3


def test_differences_name_the_place_and_both_values() -> None:
    old = {"clocks": {"a": {"targets": {"default": "1h"}}, "b": {}}, "teams": [{"name": "In", "members": ["x"]}]}
    new = {"clocks": {"a": {"targets": {"default": "2h"}}, "c": {}}, "teams": [{"name": "In", "members": ["x", "y"]}]}
    assert differences(old, new) == [
        "clocks.a.targets.default: 1h → 2h",
        "clocks.b: removed (was {})",
        "clocks.c: added ({})",
        'teams.[In].members: ["x"] → ["x", "y"]',
    ]
    assert differences(old, old) == []
    [cut] = differences({"a": "x" * 100}, {"a": 1})
    assert len(cut) < 80


def test_a_plan_reads_on_eighty_columns(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    proposed = agreement(calendar="always", touch="default: 30m")
    made = forecast(proposed, [waiting("11:50"), waiting("11:20"), waiting("10:00")])
    print_plan(
        Plan(
            name=proposed.name,
            timezone="UTC",
            edition=3,
            version=PRESENT.version,
            proposed=proposed.version,
            applied_before=False,
            differences=differences(PRESENT.declared, proposed.declared),
            leads=made.leads,
            clock_names=made.clock_names,
            outlooks=made.outlooks,
        )
    )
    printed = capsys.readouterr().out
    assert "edition 3" in printed
    assert "clocks.first_touch.targets.default: 1h → 30m" in printed
    assert "--open=restart" in printed
    assert "due 2024-01-08 12:20:00 → 2024-01-08 11:50:00; on track → breached" in printed
    assert max(len(line) for line in printed.splitlines() if "→" not in line and "open" in line) <= 100

# ruff: noqa: E501 - what is said of a fault is quoted in one piece
"""A faulty agreement is refused with every fault at once: line, place, problem and cure."""

import pytest

from sla_engine.adapters.agreement_file import parse_agreement
from sla_engine.domain.agreement_faults import AgreementError
from tests.support.story_builder import utc

SOUND = """\
agreement: {name: Test, version: 3, timezone: Europe/Berlin}
people:
  - {name: Max Muster, id: max, crm: ["hubspot:1"]}
  - {name: Erika Beispiel, id: erika}
teams:
  - {name: Inside sales, members: [max], manager: erika, calendar: office}
calendars:
  office:
    week: {monday-friday: "09:00-17:00"}
    holidays: {country: DE, subdivision: BY, add: [12-24..01-02], remove: [08-15]}
segments:
  - name: Enterprise
    when: {attribute: size, at_least: 1000}
clocks:
  handoff:
    targets: {default: 1h}
  first_touch:
    targets: {Enterprise: 15m, default: 1h}
    calendar: owner
    warnings: ["75%"]
"""
TODAY = utc("2024-01-01").date()


def faults(old: str, new: str) -> list[str]:
    """What is said of the sound agreement with `old` made `new`."""
    assert old in SOUND
    with pytest.raises(AgreementError) as raised:
        parse_agreement(SOUND.replace(old, new), file="a.yaml", today=TODAY)
    return [str(fault) for fault in raised.value.faults]


def test_the_sound_one_is_sound() -> None:
    assert parse_agreement(SOUND, today=TODAY).version.startswith("3+")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("    warnings:", "    warnigs:", 'line 20, clocks.first_touch.warnigs: "warnigs" is not known here. Did you mean "warnings"?'),
        ("clocks:", "clokcs:", 'line 14, clokcs: "clokcs" is not known here. Did you mean "clocks"?'),
        ("attribute: size", "atribute: size", 'line 13, segments[1].when.atribute: "atribute" is not known here. Did you mean "attribute"?'),
        ("name: Test, ", "", 'line 1, agreement.name: is missing. Write "name:" here'),
        ("targets: {default: 1h}", "targets: {}", "line 16, clocks.handoff.targets: is empty. Write at least one"),
        ("    calendar: owner", "    calendar: ofice", 'line 19, clocks.first_touch.calendar: there is no calendar "ofice". Did you mean "office"?'),
        ("Europe/Berlin", "Europe/Berln", 'line 1, agreement.timezone: "Europe/Berln" is no time zone. Did you mean "Europe/Berlin"?'),
        ("members: [max]", "members: [maxi]", 'line 6, teams[1].members[1]: there is no person "maxi". Did you mean "max"?'),
        ("manager: erika", "manager: nobody-at-all", 'line 6, teams[1].manager: there is no person "nobody-at-all". There are: Max Muster, max, Erika Beispiel, erika'),
        ("country: DE", "country: XX", 'line 10, calendars.office.holidays.country: there is no country "XX".'),
        ("subdivision: BY", "subdivision: QQ", 'line 10, calendars.office.holidays.subdivision: there is no subdivision of DE "QQ".'),
        ("Enterprise: 15m", "Enterprize: 15m", 'line 18, clocks.first_touch.targets.Enterprize: there is no segment "Enterprize". Did you mean "Enterprise"?'),
        ("15m", "1 day", 'line 18, clocks.first_touch.targets.Enterprise: "1 day" may mean the calendar\'s own days or 24 hours each. Write "1 business day" or "24h"'),
        ("15m", "15", 'line 18, clocks.first_touch.targets.Enterprise: "15" is no duration. Write one such as "90s"'),
        ("75%", "later", 'line 20, clocks.first_touch.warnings[1]: "later" is no warning. Write a share of the target'),
        ("monday-friday", "mondey", 'line 9, calendars.office.week.mondey: "mondey" is no weekday. Write monday'),
        ("09:00-17:00", "9-17", 'line 9, calendars.office.week.monday-friday: "9" is no time of day. Write it from 00:00 to 24:00'),
        ("09:00-17:00", "09:00-09:00", 'line 9, calendars.office.week.monday-friday: "09:00-09:00" has no length. The whole day is 00:00-24:00'),
        ('"09:00-17:00"', '["09:00-12:00", "11:00-17:00"]', "line 9, calendars.office.week.monday-friday: two ranges of the day overlap."),
        ("12-24..01-02", "13-40", 'line 10, calendars.office.holidays.add[1]: "13-40" is no day. Write 2026-05-15, or 12-24'),
        ("12-24..01-02", "12-24..2026-01-02", 'line 10, calendars.office.holidays.add[1]: "12-24..2026-01-02" mixes a day of one year'),
        ("12-24..01-02", "01-01..12-31", "line 8, calendars.office: has no open time at all in the next five years. Open it on some weekday"),
        ("15m", "11000h", 'line 18, clocks.first_touch.targets.Enterprise: "11000h" is never reached in 5 years of calendar "office".'),
        (", at_least: 1000", "", "line 13, segments[1].when.attribute: says nothing of the attribute. Write one of equals"),
        ("attribute: size, ", "", 'line 13, segments[1].when.at_least: at_least asks about no attribute. Write "attribute:" beside it'),
        ("  office:\n", "  owner:\n", 'line 8, calendars.owner: "owner" means something of its own. Give the calendar another name'),
        ("id: erika", "id: max", 'line 4, people[2]: "max" names two people. Max Muster has it already; give each person their own'),
        ("  - {name: Max", "\t- {name: Max", "line 3"),
        ("  first_touch:", "  handoff:", "line 17"),
    ],
)  # fmt: skip
def test_a_fault_has_a_line_a_place_and_a_cure(old: str, new: str, said: str) -> None:
    found = faults(old, new)
    assert any(each.startswith(said) for each in found), found


def test_all_faults_are_told_at_once_in_the_order_of_the_file() -> None:
    text = SOUND.replace("members: [max]", "members: [maxi]").replace("09:00-17:00", "9-17").replace("75%", "later")
    with pytest.raises(AgreementError) as raised:
        parse_agreement(text, file="a.yaml", today=TODAY)
    assert [fault.line for fault in raised.value.faults] == [6, 9, 20]
    assert str(raised.value).startswith("a.yaml: line 6, teams[1].members[1]: ")


@pytest.mark.parametrize("text", ["", "- a list", "just words"])
def test_what_is_no_agreement_at_all_is_told_where_to_begin(text: str) -> None:
    with pytest.raises(AgreementError, match='Begin with "agreement:"'):
        parse_agreement(text)


def test_an_agreement_that_promises_nothing_is_refused() -> None:
    disabled = SOUND.replace("    targets", "    enabled: false\n    targets")
    with pytest.raises(AgreementError, match="promises nothing"):
        parse_agreement(disabled, today=TODAY)

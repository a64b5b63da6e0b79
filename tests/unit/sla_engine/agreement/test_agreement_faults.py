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


def faults(old: str, new: str, sound: str = SOUND) -> list[str]:
    """What is said of the sound agreement with `old` made `new`."""
    assert old in sound
    with pytest.raises(AgreementError) as raised:
        parse_agreement(sound.replace(old, new), file="a.yaml", today=TODAY)
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


DECLARED = """\
agreement: {name: Test, timezone: Europe/Berlin}
people:
  - {name: Max Muster, id: max, crm: ["hubspot:1"]}
teams:
  - {name: Inside sales, members: [max], calendar: office}
calendars:
  office: {week: {monday-friday: "09:00-17:00"}}
segments:
  - {name: Large, when: {attribute: size, at_least: 1000}}
clocks:
  onboarding:
    start: {event: deal.won}
    stop: {touch: {channels: [meeting]}}
    targets: {default: 1h}
exceptions:
  - {from: 2024-01-01, to: 2024-01-02, why: CRM down, by: Maria}
"""
START, STOP, TARGETS = "start: {event: deal.won}", "stop: {touch: {channels: [meeting]}}", "targets: {default: 1h}"
WINDOW, MAX = "by: Maria", 'crm: ["hubspot:1"]'


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (START, "start: {evnt: deal.won}", 'line 12, clocks.onboarding.start.evnt: "evnt" is not known here. Did you mean "event"?'),
        (START, "start: {event: deal.wonn}", 'line 12, clocks.onboarding.start.event: there is no event "deal.wonn". Did you mean "deal.won"?'),
        (START, "start: {event: []}", "line 12, clocks.onboarding.start.event: is empty. Write at least one"),
        (START, "start: {any: []}", "line 12, clocks.onboarding.start.any: is empty. Write at least one"),
        (START, "start: {stage: []}", "line 12, clocks.onboarding.start.stage: is empty. Write at least one"),
        (START, "start: {any: [{evnt: x}]}", 'line 12, clocks.onboarding.start.any[1].evnt: "evnt" is not known here. Did you mean "event"?'),
        (START, "start: {any: {event: deal.won}}", "line 12, clocks.onboarding.start.any: should be a list, not a section."),
        (START, "start: {not: {stge: mql}}", 'line 12, clocks.onboarding.start.not.stge: "stge" is not known here. Did you mean "stage"?'),
        (START, "start: {}", "line 12, clocks.onboarding.start: asks nothing. Name an event, a touch, a stage, an owner_kind, or join"),
        (START, "start: deal.won", "line 12, clocks.onboarding.start: should be a section of keys, not text."),
        (START, "start: {fields: {dispositon: x}}", 'line 12, clocks.onboarding.start.fields.dispositon: there is no field "dispositon". Did you mean "disposition"?'),
        (START, "start: {fields: {channel: cal}}", 'line 12, clocks.onboarding.start.fields.channel: there is no channel "cal". Did you mean "call"?'),
        (START, "start: {event: deal.won, fields: {outcome: x}}", "line 12, clocks.onboarding.start: no event has all of these fields. Ask for fields of one and the same event"),
        (START, "start: {owner_kind: persn}", 'line 12, clocks.onboarding.start.owner_kind: there is no kind of owner "persn". Did you mean "person"?'),
        (START, "start: {team: Inside}", 'line 12, clocks.onboarding.start.team: there is no team "Inside". Did you mean "Inside sales"?'),
        (START, "start: {qualified: perhaps}", 'line 12, clocks.onboarding.start.qualified: "perhaps" is neither true nor false. Write true or false'),
        (START, "start: {attribute: size}", "line 12, clocks.onboarding.start.attribute: says nothing of the attribute."),
        (START, "start: {count: 3}", "line 12, clocks.onboarding.start.count: counts nothing. Write event, fields or touch beside it"),
        (START, "start: {event: deal.won, count: 0}", 'line 12, clocks.onboarding.start.count: "0" is too small. Write a larger number'),
        (START, "start: {event: deal.won, count: two}", 'line 12, clocks.onboarding.start.count: "two" is no whole number. Write one in digits'),
        (START, "start: {ended: onbording}", 'line 12, clocks.onboarding.start.ended: there is no clock "onbording". Did you mean "onboarding"?'),
        (START, "start: {ended: onboarding}", "line 10, clocks: clocks wait for each other: onboarding → onboarding. Let one of them start by itself"),
        (START, "name: Onboarding", 'line 11, clocks.onboarding: nothing says when it starts. Say "start:", or take a family: handoff'),
        (STOP, "name: Onboarding", 'line 11, clocks.onboarding: nothing says when it stops. Say "stop:", or take a family: handoff'),
        (STOP, "stop: {touch: {channels: [meetng]}}", 'line 13, clocks.onboarding.stop.touch.channels[1]: "meetng" is not known here. Did you mean "meeting"?'),
        (STOP, "stop: {touch: {by: ownr}}", 'line 13, clocks.onboarding.stop.touch.by: "ownr" is not known here. Did you mean "owner"?'),
        (STOP, "stop: {touch: {by: Maria}}", 'line 13, clocks.onboarding.stop.touch.by: "Maria" is not known here. Write anyone, owner, {people: …} or {team: …}'),
        (STOP, "stop: {touch: {by: {team: Inside}}}", 'line 13, clocks.onboarding.stop.touch.by.team[1]: there is no team "Inside". Did you mean "Inside sales"?'),
        (STOP, "stop: {touch: {}}\n    reset: {stage: [mql]}", 'line 14, clocks.onboarding.reset: holds for longer than an instant. Ask for an event in it, such as "touch: {}"'),
        (STOP, "stop: {touch: {}}\n    pause: {event: lead.accepted}", 'line 14, clocks.onboarding.pause: nothing says when time counts again. Say "resume:", for an event passes at once'),
        (STOP, "stop: {touch: {}}\n    resume: {event: lead.accepted}", 'line 14, clocks.onboarding.resume: nothing is paused. Say "pause:", or leave it out'),
        (STOP, "stop: {touch: {}}\n    pause: {stage: [mql]}\n    resume: {touch: {}}", 'line 15, clocks.onboarding.resume: time counts again once pause no longer holds. Leave "resume:" out'),
        (STOP, "stop: {touch: {}}\n    family: kickof", 'line 14, clocks.onboarding.family: there is no family "kickof". Did you mean "kickoff"?'),
        (STOP, "stop: {touch: {}}\n    per: leed", 'line 14, clocks.onboarding.per: "leed" is not known here. Did you mean "lead"?'),
        (STOP, "stop: {touch: {}}\n    times: often", 'line 14, clocks.onboarding.times: "often" is no whole number. Write one in digits'),
        (STOP, "stop: {touch: {}}\n    held_by: Inside", 'line 14, clocks.onboarding.held_by: there is no team "Inside". Did you mean "Inside sales"?'),
        (STOP, "stop: {touch: {}}\n    blame: longest", 'line 14, clocks.onboarding.blame: "longest" is not known here. Did you mean "longest_holder"?'),
        (STOP, 'stop: {touch: {}}\n    words: {broken: "{laed} waits"}', 'line 14, clocks.onboarding.words.broken: "{laed}" is filled by nothing here. Write {lead}'),
        (STOP, 'stop: {touch: {}}\n    words: {broken: "{lead} waits{by}"}', 'line 14, clocks.onboarding.words.broken: "{by}" is filled by nothing here. Write {lead}'),
        ("  onboarding:", "  On boarding:", 'line 11, clocks.On boarding: "On boarding" is no id of a clock. Write it of a-z, 0-9 and _; what people read is its name'),
        (TARGETS, "targets: {default: next business day}", 'line 14, clocks.onboarding.targets.default: "next business day" says no time of day. Write it such as "next business day 10:00"'),
        (TARGETS, "targets: {default: next business day 25:00}", 'line 14, clocks.onboarding.targets.default: "25:00" is no time of day. Write one from 00:00 to 23:59'),
        (TARGETS, "targets: {default: soon}", 'line 14, clocks.onboarding.targets.default: "soon" is no duration. Write one such as "90s", "15m", "1h 30m", "2 business days", "4h wall" or "next business day 10:00"'),
        (TARGETS, "targets: {default: 2 business days wall}", 'line 14, clocks.onboarding.targets.default: "2 business days wall" mixes business days and the wall clock. Write "2 days wall" or "48h wall"'),
        (TARGETS, "targets: {default: [1h, 1 day]}", 'line 14, clocks.onboarding.targets.default: "1 day" may mean'),
        (TARGETS, "targets: {default: []}", "line 14, clocks.onboarding.targets.default.within: is empty. Write at least one"),
        (TARGETS, "targets: {default: {within: 1h, calender: office}}", 'line 14, clocks.onboarding.targets.default.calender: "calender" is not known here. Did you mean "calendar"?'),
        (TARGETS, "targets: {default: {within: 1h, calendar: ofice}}", 'line 14, clocks.onboarding.targets.default.calendar: there is no calendar "ofice". Did you mean "office"?'),
        (TARGETS, "targets: {default: 60000h wall}", 'line 14, clocks.onboarding.targets.default: "60000h wall" is never reached in 5 years'),
        (WINDOW, "x: y", 'line 16, exceptions[1].x: "x" is not known here.'),
        (", by: Maria", "", 'line 16, exceptions[1]: by is missing. Write "by:": a window needs its ends, a reason and an author'),
        ("why: CRM down, ", "", 'line 16, exceptions[1]: why is missing. Write "why:"'),
        ("to: 2024-01-02", "to: 2023-01-02", "line 16, exceptions[1]: ends before it begins. Write the later time under to"),
        ("to: 2024-01-02", "to: soon", 'line 16, exceptions[1].to: "soon" is no time. Write it such as 2026-11-22 12:00'),
        (WINDOW, "by: Maria, effect: excuze", 'line 16, exceptions[1].effect: "excuze" is not known here. Did you mean "excuse"?'),
        (WINDOW, "by: Maria, clocks: [onbording]", 'line 16, exceptions[1].clocks: there is no clock "onbording". Did you mean "onboarding"?'),
        (WINDOW, "by: Maria, teams: [Inside]", 'line 16, exceptions[1].teams: there is no team "Inside". Did you mean "Inside sales"?'),
        (WINDOW, "by: Maria, segments: [large]", 'line 16, exceptions[1].segments: there is no segment "large". Did you mean "Large"?'),
        ("from: 2024-01-01, to: 2024-01-02, why: CRM down, ", "", 'line 16, exceptions[1]: is neither a window nor a clause. Say "from:" and "to:", or "what:"'),
        (MAX, f"{MAX}, absences: [{{from: 2024-01-05, to: 2024-01-02}}]", "line 3, people[1].absences[1]: ends before it begins. Write the later time under to"),
        (MAX, f"{MAX}, absences: [{{form: 2024-01-05, to: 2024-01-06}}]", 'line 3, people[1].absences[1].form: "form" is not known here. Did you mean "from"?'),
        (MAX, f"{MAX}, absences_ics: {{envv: X}}", 'line 3, people[1].absences_ics.envv: "envv" is not known here. Did you mean "env"?'),
        (MAX, f"{MAX}, absences_ics: {{}}", "line 3, people[1].absences_ics: names no place or two. Say feed, a path or address, or env"),
        ("timezone: Europe/Berlin", "timezone: Europe/Berlin, term: {from: 2025-01-01, to: 2024-01-01}", "line 1, agreement.term: ends before it begins. Write the later day under to"),
        ("timezone: Europe/Berlin", "timezone: Europe/Berlin, blame: last_holder", 'line 1, agreement.blame: "last_holder" is not known here. Did you mean "longest_holder"?'),
        ("people:", "parties: {others: [{name: Service, team: Care}]}\npeople:", 'line 2, parties.others[1].team: there is no team "Care".'),
    ],
)  # fmt: skip
def test_a_fault_in_what_is_declared_has_a_line_a_place_and_a_cure(old: str, new: str, said: str) -> None:
    found = faults(old, new, DECLARED)
    assert any(each.startswith(said) for each in found), found


def test_the_declared_one_is_sound() -> None:
    assert [clock.id for clock in parse_agreement(DECLARED, today=TODAY).clocks] == ["onboarding"]


@pytest.mark.parametrize("text", ["", "- a list", "just words"])
def test_what_is_no_agreement_at_all_is_told_where_to_begin(text: str) -> None:
    with pytest.raises(AgreementError, match='Begin with "agreement:"'):
        parse_agreement(text)


def test_an_agreement_that_promises_nothing_is_refused() -> None:
    disabled = SOUND.replace("    targets", "    enabled: false\n    targets")
    with pytest.raises(AgreementError, match="promises nothing"):
        parse_agreement(disabled, today=TODAY)

"""What the words of an agreement file come to mean."""

import json
from pathlib import Path

import jsonschema
import pytest
from ruamel.yaml import YAML

from shared.events.envelope import Owner, OwnerKind
from sla_engine.adapters.agreement_file import json_schema, parse_agreement, read_agreement
from sla_engine.domain.agreement_faults import AgreementError
from sla_engine.domain.conditions import Snapshot
from sla_engine.domain.instants import to_us
from tests.support.story_builder import utc
from tests.unit.sla_engine.agreement.test_agreement_faults import SOUND, TODAY

DEPLOY = Path(__file__).resolve().parents[4] / "deploy"
EXAMPLE = DEPLOY / "agreement.example.yaml"


def test_the_example_is_fit_to_be_used() -> None:
    read = read_agreement(EXAMPLE, today=TODAY)
    assert [clock.id for clock in read.clocks] == ["handoff", "first_touch", "demo_held"]
    assert read.teams["Inside sales"].manager is not None


SHIPPED = [EXAMPLE, DEPLOY / "demo" / "agreement.yaml", *sorted((DEPLOY / "agreements").glob("*.yaml"))]


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: f"{file.parent.name}-{file.stem}")
def test_editors_find_no_fault_in_it(file: Path) -> None:
    document = json.loads(json.dumps(YAML(typ="safe").load(file.read_text(encoding="utf-8")), default=str))
    jsonschema.validate(document, json_schema())


def test_the_published_schema_is_the_one_of_the_code() -> None:
    published = json.loads((DEPLOY / "agreement.schema.json").read_text(encoding="utf-8"))
    assert published == json_schema(), "run `make docs`"


def test_a_comment_keeps_the_version_and_a_changed_word_does_not() -> None:
    version = parse_agreement(SOUND, today=TODAY).version
    assert parse_agreement(f"# hello\n{SOUND}", today=TODAY).version == version
    assert parse_agreement(SOUND.replace("15m", "16m"), today=TODAY).version != version


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(AgreementError, match=r"nowhere\.yaml: line 0: can't be read"):
        read_agreement(tmp_path / "nowhere.yaml")


def test_people_are_known_by_source_and_id_and_the_qualified_id_wins() -> None:
    read = read_agreement(EXAMPLE, today=TODAY)
    found = read.person("hubspot", "1001")
    assert found is not None
    assert found.name == "Max Muster"
    assert read.person("pipedrive", "1001") is None


def test_a_queue_belongs_to_the_team_that_serves_it() -> None:
    read = read_agreement(EXAMPLE, today=TODAY)
    queue = Owner(kind=OwnerKind.QUEUE, id="00G000000000001AAA")
    team = read.team_of("salesforce", queue)
    assert team is not None
    assert team.name == "Inside sales"


def test_a_person_in_another_zone_works_the_teams_hours_there() -> None:
    grace = read_agreement(EXAMPLE, today=TODAY).person("hubspot", "1002")
    assert grace is not None
    assert grace.calendar.zone == "America/New_York"
    assert grace.calendar.is_open(to_us(utc("2026-03-02 14:30")))
    assert not grace.calendar.is_open(to_us(utc("2026-03-02 10:00")))


@pytest.mark.parametrize(
    ("of_calendar", "zone"), [("", "America/New_York"), ("zone: Asia/Tokyo, ", "Asia/Tokyo")], ids=["silent", "says so"]
)
def test_hours_are_by_the_clocks_of_who_works_them_unless_they_name_a_zone(of_calendar: str, zone: str) -> None:
    own = 'crm: ["hubspot:1"], zone: America/New_York, calendar: late}'
    text = SOUND.replace('crm: ["hubspot:1"]}', own).replace(
        "calendar: office}", "zone: America/New_York, calendar: late}"
    )
    late = f'  late: {{{of_calendar}week: {{daily: "13:00-21:00"}}}}\nsegments:'
    read = parse_agreement(text.replace("segments:", late), today=TODAY)
    max_muster = read.person("hubspot", "1")
    assert max_muster is not None
    assert max_muster.calendar.zone == zone
    assert read.teams["Inside sales"].calendar.zone == zone


@pytest.mark.parametrize(
    ("at", "is_open"),
    [
        pytest.param("2026-01-06 10:00", False, id="a legal holiday of Bavaria"),
        pytest.param("2025-08-15 10:00", True, id="a legal holiday that is worked"),
        pytest.param("2026-12-28 10:00", False, id="a yearly range of the company"),
        pytest.param("2026-12-23 10:30", True, id="the morning of a half day"),
        pytest.param("2026-12-23 11:30", False, id="the afternoon of a half day"),
        pytest.param("2026-07-09 11:30", True, id="before a closed window"),
        pytest.param("2026-07-09 12:30", False, id="in a closed window"),
        pytest.param("2026-03-06 15:30", False, id="after a short Friday"),
        pytest.param("2026-03-05 15:30", True, id="the same hour on a Thursday"),
        pytest.param("2026-03-05 12:00", False, id="in the midday break"),
    ],
)
def test_the_calendar_of_the_example_is_open_when_its_words_say_so(at: str, is_open: bool) -> None:
    assert read_agreement(EXAMPLE, today=TODAY).calendars["office"].is_open(to_us(utc(at))) is is_open


@pytest.mark.parametrize(
    ("attributes", "segment"),
    [
        ({"company_size": 1000}, "Enterprise"),
        ({"company_size": "1,000"}, "Enterprise"),
        ({"company_size": "999"}, None),
        ({"company_size": 250, "industry": "Banking"}, "Enterprise"),
        ({"industry": "banking"}, None),
        ({"job_title": "PhD Student"}, "Students"),
        ({"company_size": 5000, "job_title": "student"}, "Enterprise"),
        ({"company_size": "many"}, None),
        ({}, None),
    ],
)
def test_the_first_segment_in_the_file_that_matches_wins(attributes: dict[str, str | int], segment: str | None) -> None:
    subject = Snapshot(attributes=attributes, source="hubspot", owner=None, team=None)
    read = read_agreement(EXAMPLE, today=TODAY)
    assert next((each.name for each in read.segments if each.condition.holds(subject)), None) == segment


def test_conditions_join_and_deny() -> None:
    when = (
        "{not: {any: [{source: fair}, {owner: [Max Muster]}, {team: Inside sales}, {attribute: size, exists: true}]}}"
    )
    condition = (
        parse_agreement(SOUND.replace("{attribute: size, at_least: 1000}", when), today=TODAY).segments[0].condition
    )
    plain = {"source": "crm", "owner": None, "team": None}
    assert condition.holds(Snapshot(attributes={}, **plain))  # type: ignore[arg-type] # one of several shapes
    for said in ({"source": "fair"}, {"owner": "max"}, {"team": "Inside sales"}):
        assert not condition.holds(Snapshot(attributes={}, **{**plain, **said}))  # type: ignore[arg-type] # same
    assert not condition.holds(Snapshot(attributes={"size": 0}, **plain))  # type: ignore[arg-type] # same


def test_bounds_are_inclusive_or_not_as_said() -> None:
    when = "{attribute: size, more_than: 10, less_than: 20}"
    condition = (
        parse_agreement(SOUND.replace("{attribute: size, at_least: 1000}", when), today=TODAY).segments[0].condition
    )
    held = [
        size
        for size in (10, 10.5, 19.9, 20, True, None, "12")
        if condition.holds(Snapshot(attributes={"size": size}, source="crm", owner=None, team=None))
    ]
    assert held == [10.5, 19.9, "12"]

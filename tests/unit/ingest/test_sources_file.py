"""The sources file: what it gives, and how it says what is wrong."""

import json
import textwrap
from collections.abc import Mapping
from pathlib import Path

import jsonschema
import pytest
from ruamel.yaml import YAML

from ingest.adapters.sources_file import SourcesFileError, load_sources, parse_sources
from ingest.adapters.sources_schema import json_schema
from ingest.domain import raw_request
from ingest.domain.sources import MOST_BODY_BYTES, AuthMethod, Outcome, SourceKind, Sources
from ingest.domain.translators.expressions import compiled
from shared.events.envelope import Channel, OwnerKind
from shared.streams.port import Record
from shared.streams.sizes import MAX_RECORD_BYTES, record_bytes
from tests.support.ingest_sources import raw_of, source_of

EXAMPLE = Path(__file__).resolve().parents[3] / "deploy" / "sources.example.yaml"
ENVIRON = {"HS": "first", "HS_OLD": "second", "PW": "pass", "WH": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}
HUBSPOT = """\
sources:
  - name: hubspot
    kind: hubspot
    public_url: https://in.example.com/webhooks/hubspot
    secrets: [{env: HS}]
"""


def loaded(text: str, environ: Mapping[str, str] = ENVIRON) -> Sources:
    return parse_sources(textwrap.dedent(text), path=Path("sources.yaml"), environ=environ)


def problems(text: str, environ: Mapping[str, str] = ENVIRON) -> list[str]:
    with pytest.raises(SourcesFileError) as refused:
        loaded(text, environ)
    return [str(one) for one in refused.value.problems]


def test_a_source_is_read_with_its_defaults() -> None:
    source = loaded(HUBSPOT)["hubspot"]
    assert (source.kind, source.authentication.method) == (SourceKind.HUBSPOT, AuthMethod.HUBSPOT)
    assert [one.reveal() for one in source.secrets] == ["first"]
    assert source.account is None
    assert source.max_body_bytes == MOST_BODY_BYTES


def test_a_body_of_the_largest_size_fits_a_record_of_the_stream() -> None:
    headers = {"content-type": "application/json", "webhook-id": "m" * 2000, "ce-source": "s" * 8000}
    raw = raw_of(source_of(SourceKind.JSON), b"x" * MOST_BODY_BYTES, headers=headers, traceparent="0" * 55)
    assert record_bytes(Record(key=b"source", value=raw_request.encode(raw))) < MAX_RECORD_BYTES


def test_short_and_long_forms_say_the_same() -> None:
    mapping = loaded(
        HUBSPOT
        + """\
    mapping:
      stages: {1234567: mql, other: ~}
      dispositions:
        A: recycled
        B: {outcome: disqualified, reason: poor fit}
      owners:
        501: Kim Duarte
        502: {name: Inbound, kind: queue, user_id: 77}
      activities: {x: meeting, y: {channel: call, outcome: connected}}
      outcomes: {Reached: connected}
      touch_properties: {last_sms: {channel: message}}
      deal_stages:
        9: proposal
        won: {stage: closed, outcome: won}
"""
    )["hubspot"].mapping
    assert mapping.stages == {"1234567": "mql", "other": None}
    assert mapping.dispositions["A"].outcome is Outcome.RECYCLED
    assert mapping.dispositions["B"].reason == "poor fit"
    assert mapping.owners["501"].name == "Kim Duarte"
    assert (mapping.owners["502"].kind, mapping.owners["502"].user_id) == (OwnerKind.QUEUE, "77")
    assert mapping.activities["x"].channel is Channel.MEETING
    assert mapping.activities["y"].outcome == "connected"
    assert mapping.outcomes == {"Reached": "connected"}
    assert mapping.touch_properties["last_sms"].value == "timestamp"
    assert mapping.deal_stages["9"].stage == "proposal"
    assert mapping.deal_stages["won"].outcome == "won"


def test_an_account_that_yaml_takes_for_a_number_is_text() -> None:
    assert loaded(HUBSPOT + "    account: 62515\n")["hubspot"].account == "62515"


def test_secrets_come_from_variables_and_files_and_never_show(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("from the file\n")
    text = HUBSPOT.replace("[{env: HS}]", "[{env: HS}, {file: token}]")
    source = parse_sources(text, path=tmp_path / "sources.yaml", environ=ENVIRON)["hubspot"]
    assert [one.reveal() for one in source.secrets] == ["first", "from the file"]
    for shown in (repr(source), str(source.secrets[1]), f"{source.secrets!r}"):
        assert "from the file" not in shown
        assert "first" not in shown


def test_without_resolving_secrets_none_are_needed() -> None:
    sources = parse_sources(HUBSPOT, path=Path("sources.yaml"), environ={}, resolve_secrets=False)
    assert sources["hubspot"].secrets == ()


def test_salesforce_owners_are_known_by_either_length_of_their_id() -> None:
    source = loaded("""\
        sources:
          - name: sf
            kind: salesforce-outbound-message
            public_url: https://in.example.com/webhooks/sf
            account: 00D2X000000kLmN
            mapping: {owners: {0013000000QMDgZ: Lía}}
        """)["sf"]
    assert set(source.mapping.owners) == {"0013000000QMDgZAAX"}


def test_every_mistake_is_named_at_once_with_line_place_and_cure() -> None:
    found = problems("""\
        sources:
          - name: hubspot
            kind: hubspto
            public_url: https://in.example.com/webhooks/hubspot
            secrets: [{env: HS}]
            mapping:
              stagez: {}
              dispositions: {A: acepted}
          - name: crm
            kind: json
            public_url: in.example.com
            secrets: [{env: NOT_SET}]
            verify: {method: bearer}
            mapping:
              rules:
                - type: lead.creatd
                  lead: id
                - type: lead.assigned
                  lead: "a[["
        sorces: 1
        """)
    assert [one.partition(": ")[0] for one in found] == [
        "line 3, sources[0].kind",
        "line 7, sources[0].mapping.stagez",
        "line 8, sources[0].mapping.dispositions.A.outcome",
        "line 11, sources[1].public_url",
        "line 12, sources[1].secrets[0]",
        "line 16, sources[1].mapping.rules[0].type",
        "line 18, sources[1].mapping.rules[1].type",
        "line 19, sources[1].mapping.rules[1].lead",
        "line 20, sorces",
    ]
    text = "\n".join(found)
    for cure in (
        "did you mean 'hubspot'?",
        "did you mean 'stages'?",
        "did you mean 'accepted'?",
        "https://in.example.com/webhooks/crm",
        "environment variable NOT_SET is not set",
        "did you mean 'lead.created'?",
        "needs the field 'owner'",
        "is no JMESPath expression at character 2",
        "did you mean 'sources'?",
    ):
        assert cure in text


@pytest.mark.parametrize(
    ("when", "cure"),
    [
        ("lenght(name) > `3`", "there is no function lenght(); did you mean length()?"),
        ("people[?known(id)]", "there is no function known(); there are abs, avg, "),
        ("starts_with(name)", "starts_with() takes 2, not 1 arguments"),
        ("not_null()", "not_null() takes at least 1, not 0 arguments"),
    ],
)
def test_a_call_that_could_never_work_is_found_before_the_first_request_fails_by_it(when: str, cure: str) -> None:
    text = (
        HUBSPOT.replace("kind: hubspot", "kind: json")
        + "    verify: {method: bearer}\n"
        + f"    mapping: {{rules: [{{type: lead.deleted, lead: id, when: '{when}'}}]}}\n"
    )
    (found,) = problems(text)
    assert "sources[0].mapping.rules[0].when" in found
    assert cure in found


@pytest.mark.parametrize("when", ["not_null(a, b, c)", "people[?contains(tags, 'hot')]", "sort_by(people, &age)[0].id"])
def test_calls_that_can_work_are_let_through(when: str) -> None:
    assert compiled(when).expression == when


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ("secrets: [{env: HS}]", "a secret does not stand in this file"),
        ("secrets: [{env: HS}]", "needs secrets"),
    ],
)
def test_a_secret_in_clear_text_or_none_is_refused(changed: str, message: str) -> None:
    replacement = "secrets: [clear-text-secret]" if "stand" in message else "secrets: []"
    found = problems(HUBSPOT.replace(changed, replacement))
    assert message in found[0]
    assert "clear-text-secret" not in found[0]


@pytest.mark.parametrize(
    ("text", "where", "message"),
    [
        ("", "line 1", "must hold a list under 'sources'"),
        ("sources: []", "line 1", "must hold a list under 'sources'"),
        ("sources: {a: 1}", "line 1", "must hold a list"),
        ("sources:\n  - a: [\n", "line 3", "flow"),
        ("sources:\n  - name: a\n    name: b\n", "line 3", "duplicate key"),
        ("sources:\n  - 5\n", "line 2, sources[0]", "valid dictionary"),
        (HUBSPOT + HUBSPOT.removeprefix("sources:\n"), "line 6, sources[1].name", "is there already"),
        (HUBSPOT.replace("name: hubspot", "name: Hub Spot"), "line 2, sources[0].name", "lower case"),
        (HUBSPOT.replace("/hubspot\n", "/hubspot?a=b\n"), "line 4, sources[0].public_url", "leave out user, query"),
        (HUBSPOT + "    keep_headers: [Cookie]\n", "line 6, sources[0].keep_headers[0]", "never kept"),
        (HUBSPOT + "    verify: {method: none}\n", "line 6, sources[0].verify.method", "leave method out"),
        (HUBSPOT + "    mapping: {rules: [{type: lead.deleted, lead: id}]}\n", "line 6", "rules are for JSON"),
        (HUBSPOT + "    mapping: {lead_url: https://x.example}\n", "line 6", "must hold {id}"),
        (HUBSPOT + "    max_body_bytes: 10\n", "line 6, sources[0].max_body_bytes", "greater than or equal to 1024"),
        (HUBSPOT.replace("kind: hubspot", "kind: pipedrive"), "line 2, sources[0].verify.username", "the user name"),
        (HUBSPOT.replace("kind: hubspot", "kind: standard-webhooks"), "line 5", "no Standard Webhooks secret"),
        (
            HUBSPOT.replace("kind: hubspot", "kind: salesforce-outbound-message"),
            "line 2, sources[0].account",
            "give account",
        ),
        (HUBSPOT.replace("kind: hubspot", "kind: json"), "line 2, sources[0].verify.method", "needs verify.method"),
        (HUBSPOT.replace("[{env: HS}]", "[{env: HS, file: x}]"), "line 5", "either env or file"),
        (HUBSPOT.replace("[{env: HS}]", "[{file: no/such/file}]"), "line 5", "can't be read"),
    ],
)
def test_mistakes_and_their_cures(text: str, where: str, message: str) -> None:
    found = problems(text)
    assert any(one.startswith(where) and message in one for one in found), found


def test_what_is_broken_in_one_place_hides_no_mistake_in_another_and_invents_none() -> None:
    found = problems("""\
        sources:
          - name: crm
            kind: json
            public_url: nope
            secrets: [in-clear-text, {env: HS}]
            keep_headers: [Cookie]
            verify: {method: header, heade: X-Token}
            mapping:
              stages: {hot: MQL}
              rules:
                - {type: lead.deletd, lead: id}
                - {type: lead.deleted, lead: "a["}
                - {lead: id, typ: lead.deleted}
        """)
    assert [one.partition(": ")[0] for one in found] == [
        "line 4, sources[0].public_url",
        "line 5, sources[0].secrets[0]",
        "line 6, sources[0].keep_headers[0]",
        "line 7, sources[0].verify.heade",
        "line 7, sources[0].verify.method",
        "line 9, sources[0].mapping.stages.hot",
        "line 13, sources[0].mapping.rules[2]",
        "line 13, sources[0].mapping.rules[2].typ",
    ]


def test_rules_are_checked_against_what_their_event_takes() -> None:
    found = problems("""\
        sources:
          - name: j
            kind: json
            public_url: https://in.example.com/webhooks/j
            verify: {method: none}
            mapping:
              rules:
                - {type: lead.deleted, lead: id, fields: {why: reason}}
                - {type: touch.logged, lead: id, fields: {chanel: x}, when: "nope("}
        """)
    assert len(found) == 3
    assert "lead.deleted has no field 'why'; it takes privacy" in found[0]


def test_a_missing_file_says_where_to_begin(tmp_path: Path) -> None:
    with pytest.raises(SourcesFileError, match=r"sources\.example\.yaml"):
        load_sources(tmp_path / "none.yaml", environ={})


def test_the_example_is_sound(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("t")
    text = EXAMPLE.read_text(encoding="utf-8").replace("/run/secrets/salesforce-token", "token")
    variables = ("HUBSPOT_CLIENT_SECRET", "PIPEDRIVE_WEBHOOK_PASSWORD", "WEBSITE_WEBHOOK_SECRET", "BUS_TOKEN")
    sources = parse_sources(text, path=tmp_path / "x.yaml", environ=dict.fromkeys(variables, "s"))
    assert {one.kind for one in sources.values()} == set(SourceKind) - {SourceKind.STANDARD_WEBHOOKS}


def test_the_json_schema_takes_the_example_and_refuses_what_the_loader_refuses() -> None:
    schema = json.loads(json.dumps(json_schema()))
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    example = json.loads(json.dumps(YAML(typ="safe", pure=True).load(EXAMPLE.read_text(encoding="utf-8"))))
    assert [error.message for error in validator.iter_errors(example)] == []
    example["sources"][0]["mapping"]["stagez"] = {}
    assert any("stagez" in error.message for error in validator.iter_errors(example))

"""JSON Schemas of the two files that people write, for their editors."""

import json

from ingest.adapters import sources_schema as sources
from sla_engine.adapters import agreement_file as agreement


def agreement_schema() -> str:
    """Of the agreement."""
    return json.dumps(agreement.json_schema(), indent=2, ensure_ascii=False) + "\n"


def sources_schema() -> str:
    """Of the sources file."""
    return json.dumps(sources.json_schema(), indent=2, ensure_ascii=False) + "\n"

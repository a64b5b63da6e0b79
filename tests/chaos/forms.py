"""Which form runs: the short one with `make test`, the full one with `make chaos` (LEADPACT_TEST_CHAOS=full), on both
streams."""

import os

import pytest

FULL = os.environ.get("LEADPACT_TEST_CHAOS") == "full"
KAFKA = pytest.param(True, marks=pytest.mark.kafka, id="kafka")
LOG = pytest.param(False, id="log in PostgreSQL")

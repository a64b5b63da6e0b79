# Every target says what it does; `make` alone prints them.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
MEMBERS := shared services/ingest services/sla-engine services/notifier
STAMP_RUN := $(VENV)/.installed-run
STAMP_DEV := $(VENV)/.installed-dev
PYTEST_ARGS ?=
# pip's own output is pages of text or nothing: show a line a package, and a sign of life while it unpacks them.
PIP := PYTHONUNBUFFERED=1 PIP_DISABLE_PIP_VERSION_CHECK=1 $(BIN)/python -m pip install --no-input
SHOW_PACKAGES := | { while IFS= read -r line; do case "$$line" in \
	Collecting*) set -- $$line; echo "    $$2";; \
	Installing*) echo "    unpacking all of them"; (while sleep 4; do echo "    still unpacking"; done) & ticker=$$!;; \
	ERROR*|WARNING*) echo "$$line";; esac; done; [ -z "$$ticker" ] || kill $$ticker; }

.PHONY: help
help: ## Print the targets
	@awk 'BEGIN {FS = ":.*## "} /^[a-zA-Z_-]+:.*## / {printf "  \033[1m%-14s\033[0m %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Leadpact needs Python 3.11 or newer; this is " + sys.version.split()[0] + ". Set one with: make PYTHON=/path/to/python3.11 ...")'
	@echo "→ creating the environment in $(VENV)"
	@$(PYTHON) -m venv $(VENV) || { echo "No venv module: on Debian and Ubuntu run 'apt-get install python3-venv', then again."; rm -rf $(VENV); exit 1; }

$(STAMP_RUN): requirements/run.txt $(MEMBERS:%=%/pyproject.toml) | $(BIN)/python
	@echo "→ installing what the services need (pinned, with hashes; about a minute the first time)"
	@set -o pipefail; $(PIP) --require-hashes -r requirements/run.txt $(SHOW_PACKAGES)
	@echo "→ installing the workspace members"
	@$(PIP) --quiet --no-deps --no-build-isolation $(MEMBERS:%=-e ./%)
	@touch $@

$(STAMP_DEV): requirements/dev.txt $(STAMP_RUN)
	@echo "→ installing what developing needs (linters, types, tests)"
	@set -o pipefail; $(PIP) --require-hashes -r requirements/dev.txt $(SHOW_PACKAGES)
	@touch $@

.PHONY: setup
setup: $(STAMP_DEV) ## Set up the environment for developing

.PHONY: demo
demo: $(STAMP_RUN) ## Run everything on the embedded database with simulated CRM traffic
	@$(BIN)/python -m deploy.demo run

.PHONY: demo-reset
demo-reset: ## Forget what the demo stored
	@if [ -x $(BIN)/python ]; then $(BIN)/python -m deploy.demo reset; else rm -rf .leadpact/demo; fi

.PHONY: check
check: $(STAMP_DEV) ## Format, lint, types, import contracts, unit tests
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache --config .importlinter
	@$(BIN)/python -m pytest -q -n 2 tests/unit $(PYTEST_ARGS)

.PHONY: fix
fix: $(STAMP_DEV) ## Format and mend what can be mended by itself
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

.PHONY: test
test: $(STAMP_DEV) ## All tests, with real PostgreSQL and real Apache Kafka where one can be had
	@$(BIN)/python -m pytest -n 2 --dist loadfile tests/unit tests/property tests/integration $(PYTEST_ARGS)
	@$(BIN)/python -m pytest tests/contract tests/e2e tests/chaos $(PYTEST_ARGS)

.PHONY: nightly
nightly: $(STAMP_DEV) ## The properties on many more cases than `make test` takes
	@LEADPACT_TEST_ORACLE_CASES=10000 LEADPACT_TEST_SIMULATION_RUNS=5000 $(BIN)/python -m pytest -n 2 tests/property $(PYTEST_ARGS)

.PHONY: chaos
chaos: $(STAMP_DEV) ## Engines killed 50 times, broker and database away: nothing lost, doubled or false (20 minutes)
	@LEADPACT_TEST_CHAOS=full REQUIRE_KAFKA=1 $(BIN)/python -m pytest -s tests/chaos $(PYTEST_ARGS)

.PHONY: bench
bench: $(STAMP_DEV) ## Measure the hot paths against bare loops, in one run; FULL=1: a million clocks and more
	@$(BIN)/python -m tests.bench $(if $(FULL),--full)

.PHONY: docs
docs: $(STAMP_DEV) ## Write again what is generated: settings table, AsyncAPI document, JSON Schemas
	@$(BIN)/python -m tests.support.generated write

.PHONY: lock
lock: $(STAMP_DEV) ## Resolve the locks again (hashes, no addresses)
	@cd requirements && for f in run dev; do \
	  ../$(BIN)/uv pip compile --universal --generate-hashes --python-version 3.11 --no-emit-index-url --no-header -q \
	    $$f.in $$( [ $$f = dev ] && echo -c run.txt ) -o $$f.txt; done

.PHONY: clean
clean: ## Remove the environment and the caches (stored data stays)
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .cache

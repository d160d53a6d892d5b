# `make demo` and `make test` each set everything up by themselves, on a machine with Python 3.11 or newer.
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3 python; do \
	$$p -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && echo $$p && break; done)
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test test-fast test-all check static format docs bench clean

demo: $(VENV)/run.stamp  ## run the study on scikit-learn's digits, end with the path of the report
	@$(BIN)/layercut run digits -o runs/digits

test: $(VENV)/dev.stamp  ## all tests that CI runs
	$(BIN)/python -m pytest -n auto --dist loadgroup -m "not exhaustive"

FAST ?= tests/data tests/features tests/ledger tests/plan tests/probes tests/spec tests/stats
test-fast: $(VENV)/dev.stamp  ## under a minute: single modules below training and stages; leaves out all of FAST's siblings
	$(BIN)/python -m pytest -n auto -m "not slow and not exhaustive" $(FAST)

test-all: $(VENV)/dev.stamp  ## the exhaustive ones too
	$(BIN)/python -m pytest -n auto --dist loadgroup

check: static test  ## what must pass before a change lands

static: $(VENV)/dev.stamp  ## format, lint, types, import contracts
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/dev.stamp
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

docs: $(VENV)/dev.stamp  ## the documentation site; warnings are errors
	@$(BIN)/python -m sphinx -W --keep-going -q -b html docs build/docs
	@echo build/docs/index.html

clean:
	rm -rf $(VENV) build dist runs docs/reference

$(VENV)/pip.stamp:
	@test -n "$(PYTHON)" || { echo "layercut needs Python 3.11 or newer with venv; none found on PATH" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check "pip>=25.1"
	@touch $@

$(VENV)/run.stamp: $(VENV)/pip.stamp pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/dev.stamp: $(VENV)/run.stamp
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable . --group dev
	@touch $@

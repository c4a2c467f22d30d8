# Two targets a newcomer needs: `make demo` and `make test`. Each sets itself up.
PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin
PACKAGES := cds_service hooks fhir_mappers models
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: demo test check bench spec safety train clean python

demo: $(VENV)/.run  ## start the service and the sandbox EHR with simulated patients
	@exec $(RUN)/wearable-cds demo $(DEMO_FLAGS)

test: $(VENV)/.dev tests/medplum/node_modules/.ready  ## run every test
	$(RUN)/pytest $(PYTEST_FLAGS)

check: $(VENV)/.dev  ## style, types, layers
	$(RUN)/ruff check .
	$(RUN)/ruff format --check .
	$(RUN)/mypy
	$(RUN)/lint-imports

bench: $(VENV)/.dev  ## speed, as ratios measured in one run
	$(RUN)/python -m tests.benchmarks

spec: $(VENV)/.dev  ## requirement rows: covered by a test, out of scope with a reason, open
	@$(RUN)/python tests/spec_coverage.py

safety: $(VENV)/.dev  ## the long random runs over the dosing limits
	$(RUN)/pytest tests -m "safety or not safety" -k "safety or clamp or H01 or H02" --hypothesis-profile=safety

train: $(VENV)/.dev  ## what training needs, beside the service
	$(RUN)/pip install -q -e '.[train]'

$(VENV)/.run: pyproject.toml | python
	@test -x $(RUN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing what the service needs into $(VENV) ..."
	@$(RUN)/pip install -q -e .
	@touch $@

$(VENV)/.dev: pyproject.toml | python
	@test -x $(RUN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing what the service and its tests need into $(VENV) ..."
	@$(RUN)/pip install -q -e '.[dev]'
	@touch $@ $(VENV)/.run

# A FHIR server that is not ours, for one test; without Node that test skips and says so.
tests/medplum/node_modules/.ready: tests/medplum/package-lock.json
	@if command -v npm >/dev/null 2>&1; then \
	  (cd tests/medplum && npm ci --no-audit --no-fund --loglevel=error) && touch $@; \
	else echo "npm is missing: the test against a foreign FHIR server will be skipped."; fi

python:
	@command -v $(PYTHON) >/dev/null 2>&1 || { \
	  echo "Python is missing. On Debian: apt-get install python3 python3-venv"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Python 3.11 or newer is needed; $$($(PYTHON) --version) was found. Set PYTHON=python3.x"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || test -x $(RUN)/python || { \
	  echo "Python's venv module is missing. On Debian: apt-get install python3-venv"; exit 1; }

clean:
	rm -rf $(VENV) .demo .bench .mypy_cache .ruff_cache .pytest_cache tests/medplum/node_modules

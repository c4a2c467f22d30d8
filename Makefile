# Two targets a newcomer needs: `make demo` and `make test`. Each sets itself up.
PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin
PACKAGES := cds_service hooks fhir_mappers models
FUZZ_RUNS ?= 200000
# `dev,fit` also runs the tests of training; `dev,train` those of the networks too.
EXTRAS ?= dev
comma := ,
DEV := $(VENV)/.$(subst $(comma),-,$(EXTRAS))
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: demo test check bench spec safety mutation gallery train clean python lock sbom audit fuzz

demo: $(VENV)/.run  ## start the service and the sandbox EHR with simulated patients
	@exec $(RUN)/wearable-cds demo $(DEMO_FLAGS)

NODE_PEERS := tests/medplum tests/benchmarks/autotune

test: $(DEV) $(NODE_PEERS:%=%/node_modules/.ready)  ## run every test
	$(RUN)/pytest $(PYTEST_FLAGS)

check: $(DEV)  ## style, types, layers
	$(RUN)/ruff check .
	$(RUN)/ruff format --check .
	$(RUN)/mypy
	$(RUN)/lint-imports

bench: $(DEV)  ## speed, as ratios measured in one run
	$(RUN)/python -m tests.benchmarks

spec: $(DEV)  ## requirement rows: covered by a test, out of scope with a reason, open
	@$(RUN)/python tests/spec_coverage.py

safety: $(DEV)  ## a million random doses against a naive clamp, every branch of the limits, every hazard
	@$(RUN)/pip install -q coverage
	@mkdir -p .bench
	$(RUN)/pytest tests/test_limits.py --hypothesis-profile=safety
	$(RUN)/coverage run --data-file=.bench/coverage --branch --include=models/dosing/limits.py \
	  -m pytest tests/test_limits.py -q
	$(RUN)/coverage report --data-file=.bench/coverage --show-missing --fail-under=100
	$(RUN)/pytest tests -k "test_H0 or test_H1 or test_H2" -q

mutation: $(DEV)  ## which small changes of the clamp its tests do not notice (mutmut); takes minutes
	@$(RUN)/pip install -q mutmut
	@rm -rf .bench/mutation && mkdir -p .bench/mutation/models/dosing .bench/mutation/tests
	@touch .bench/mutation/models/__init__.py .bench/mutation/models/dosing/__init__.py
	@cp models/dosing/limits.py .bench/mutation/models/dosing/
	@cp tests/test_limits.py tests/naive_clamp.py .bench/mutation/tests/
	@cp tests/mutation.toml .bench/mutation/pyproject.toml
	cd .bench/mutation && ../../$(RUN)/mutmut run --max-children 2 && ../../$(RUN)/mutmut results

gallery: $(DEV)  ## every golden card on one page, with pictures, into .gallery
	$(RUN)/python tests/gallery.py .gallery

train: $(DEV)  ## what training needs, beside the service
	$(RUN)/pip install -q -e '.[train]'

lock: $(DEV)  ## pin every package of the image, at the versions tested here, with its hashes
	@$(RUN)/pip install -q uv
	@$(RUN)/pip freeze --exclude-editable | grep == > $(VENV)/tested.txt
	$(RUN)/uv pip compile pyproject.toml --extra postgres --extra redis -q -o docker/requirements.lock \
	  --python-version 3.12 --python-platform x86_64-unknown-linux-gnu --generate-hashes \
	  --no-emit-index-url --no-emit-find-links --no-annotate \
	  --constraint $(VENV)/tested.txt --custom-compile-command 'make lock' --upgrade

sbom: $(DEV)  ## list the packages of the image as CycloneDX, into sbom.cdx.json
	@$(RUN)/pip install -q cyclonedx-bom
	$(RUN)/cyclonedx-py requirements docker/requirements.lock --of JSON -o sbom.cdx.json

audit: $(DEV)  ## known holes in the packages of the image; fails where one could not be asked about
	@$(RUN)/pip install -q pip-audit
	$(RUN)/pip-audit --strict --disable-pip --require-hashes -r docker/requirements.lock

fuzz: $(DEV)  ## coverage-guided fuzzing of what strangers send, FUZZ_RUNS inputs each; new made-up requests
	@$(RUN)/pip install -q atheris
	for target in token_header hook_request request_arrival mapper_bytes; do \
	  $(RUN)/python tests/fuzz/$$target.py -runs=$(FUZZ_RUNS) -max_len=4096 || exit 1; done
	$(RUN)/pytest tests/test_openapi_fuzz.py --hypothesis-profile=fuzz -q

$(VENV)/.run: pyproject.toml | python
	@test -x $(RUN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing what the service needs into $(VENV) ..."
	@$(RUN)/pip install -q -e .
	@touch $@

$(DEV): pyproject.toml | python
	@test -x $(RUN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing what the service and its tests need into $(VENV) ..."
	@$(RUN)/pip install -q -e '.[$(EXTRAS)]'
	@touch $@ $(VENV)/.dev $(VENV)/.run

# A FHIR server and a dosing algorithm that are not ours; without Node their tests skip and say so.
%/node_modules/.ready: %/package-lock.json
	@if command -v npm >/dev/null 2>&1; then \
	  (cd $* && npm ci --no-audit --no-fund --loglevel=error) && touch $@; \
	else echo "npm is missing: the tests of $* will be skipped."; fi

python:
	@command -v $(PYTHON) >/dev/null 2>&1 || { \
	  echo "Python is missing. On Debian: apt-get install python3 python3-venv"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Python 3.11 or newer is needed; $$($(PYTHON) --version) was found. Set PYTHON=python3.x"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || test -x $(RUN)/python || { \
	  echo "Python's venv module is missing. On Debian: apt-get install python3-venv"; exit 1; }

clean:
	rm -rf $(VENV) .demo .bench .gallery .mypy_cache .ruff_cache .pytest_cache $(NODE_PEERS:%=%/node_modules)

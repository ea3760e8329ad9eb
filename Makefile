# Everything a newcomer or a machine runs. Needs Python 3.11, git and make; each target does its own set-up.
.DEFAULT_GOAL := help
SHELL := /bin/sh
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
PACKAGES := bot adapters masking audit
WORKERS ?= 2
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

.PHONY: help demo demo-check test check fix bench bench-masking model model-check model-held native native-sanitized soak mutation interop interop-audit interop-chat interop-masking manifest wheel docs lock clean

help: ## This list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 24

$(READY): requirements/app.txt requirements/dev.txt requirements/build.txt pyproject.toml hatch_build.py $(wildcard native/*.[ch])
	@command -v $(PYTHON) >/dev/null || { echo "Python 3.11 is needed (looked for $(PYTHON)); set PYTHON=/path/to/python3.11" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(PIP) install --require-hashes -r requirements/app.txt -r requirements/dev.txt
	$(PIP) install --require-hashes -r requirements/build.txt
	$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $(READY)

demo: $(READY) ## Play the whole way of a request; you are the approvers
	$(BIN)/signoff demo

demo-check: $(READY) ## The same, hands free, for machines
	$(BIN)/signoff demo --hands-free --dir build/demo

test: $(READY) ## Every test but soak and interop; browser tests when a Chromium is found
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null || \
		echo "No Chromium on this machine: the browser tests will be SKIPPED (Debian: apt-get install chromium)." >&2
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder -m "not soak and not interop" $(PYTEST)

check: $(READY) ## What judges the code without running it
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/signoff policy test examples/policies

fix: $(READY) ## Format, and mend what can be mended without thinking
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(READY) ## Speed, each number beside a limit measured in the same run
	$(BIN)/python -m benchmarks.intake
	$(BIN)/python -m benchmarks.store
	$(BIN)/python -m benchmarks.audit
	$(BIN)/python -m benchmarks.chat

PEERS ?= build/peers
bench-masking: $(READY) ## Accuracy and speed of masking beside its peers, which it installs into PEERS (build/peers); writes tables and plots
	benchmarks/masking_peers/install $(PEERS) $(BIN)/python
	$(BIN)/python -m benchmarks.masking --peers $(PEERS)

TRAINING ?= ../shared/masking/train
model: ## Train masking's model of names anew, from TRAINING (../shared/masking/train) and pinned packages alone (15 minutes)
	$(PYTHON) benchmarks/masking_names/make.py $(TRAINING)

model-check: ## The same in a new environment, and say whether the committed files are the same bytes
	$(PYTHON) benchmarks/masking_names/make.py $(TRAINING) --check --folder build/model-check

model-held: $(READY) ## False positives on source code that the model has not seen: pinned packages, then what this machine has
	$(PYTHON) benchmarks/masking_names/make.py $(TRAINING) --held
	$(BIN)/python benchmarks/masking_source_code.py build/model/wheels
	$(BIN)/python benchmarks/masking_source_code.py --machine

native: $(READY) ## Build masking's compiled loops in place (an installation does it where there is a compiler)
	$(BIN)/python hatch_build.py

native-sanitized: $(READY) ## The compiled loops under gcc's address and undefined-behaviour checks, beside Python's
	$(BIN)/python -m tests.masking.sanitized

soak: $(READY) native-sanitized ## Hours
	SIGNOFF_SOAK=1 $(BIN)/python -m pytest -m "soak or slow" -p no:randomly

mutation: $(READY) ## Small wrong changes of bot/core, one at a time: the tests must notice 90 of 100 (20 minutes)
	$(BIN)/python tests/mutation.py

interop: interop-audit interop-chat interop-masking ## Against outside programs

interop-audit: $(READY) ## The exported log before verifiers that nobody here wrote
	$(BIN)/python -m pytest -m interop tests/audit

manifest: $(READY) ## The apps for Slack and Teams into build/; URL=https://… APP=the bot's id
	mkdir -p build
	$(BIN)/signoff manifest slack --url $(or $(URL),https://signoff.example) --out build/signoff-slack.yaml
	$(BIN)/signoff manifest teams build/signoff-teams.zip --url $(or $(URL),https://signoff.example) --app $(or $(APP),00000000-0000-0000-0000-000000000001)

interop-masking: $(READY) ## Masking's helpers with the real pandas, polars, Ray, and its Presidio operators beside Presidio's
	tests/interop_masking/install build/interop-masking $(BIN)/python
	$(BIN)/python -m pytest -m interop tests/interop_masking

interop-chat: $(READY) ## Slack and Teams, by both transports, before the Agents Playground, emulate, tsc and their schemas (node 20, npm)
	tests/interop_chat/install build/interop-chat $(BIN)/python
	build/interop-chat/python/bin/python -m pytest tests/adapters/test_teams_transport.py
	build/interop-chat/python/bin/python -m pytest -m interop tests/interop_chat

wheel: $(READY) ## Build sdist and wheel, offline, the same bytes each time
	SOURCE_DATE_EPOCH=$$(git log -1 --format=%ct) $(BIN)/python -m build --no-isolation --outdir dist

docs: $(READY) ## Write the generated pages again
	$(BIN)/python -m tests.docs.generate

LOCK = build/lock/bin/pip-compile --quiet --allow-unsafe --generate-hashes --strip-extras \
	--no-emit-find-links --no-emit-index-url --no-emit-trusted-host
lock: ## Write requirements/*.txt again from pyproject.toml and *.in
	$(PYTHON) -m venv build/lock
	build/lock/bin/python -m pip --disable-pip-version-check --quiet install pip-tools
	$(LOCK) --extra=postgres --extra=timestamps --extra=reports --output-file=requirements/app.txt pyproject.toml
	$(LOCK) --constraint=requirements/app.txt --output-file=requirements/dev.txt requirements/dev.in
	$(LOCK) --constraint=requirements/dev.txt --output-file=requirements/build.txt requirements/build.in

clean: ## Remove what was made here (never a database outside ./demo and ./build)
	rm -rf $(VENV) build dist demo .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache htmlcov mutants
	find . -name __pycache__ -type d -not -path './.git/*' -exec rm -rf {} +

# The verbs are the whole of CI. Everything lives in .venv and node_modules; nothing is installed anywhere else.

PYTHON  ?= python3
VENV    := .venv
BIN     := $(VENV)/bin
STAMP   := $(VENV)/.installed
NODE    := node_modules/.bin
PAGE    := 'replay_server/page/**/*.js' 'tests/page/*.mjs' '*.js' '*.json'
SECONDS ?= 60
EXIT    ?=
KEYS    ?=
# On two cores: a test waits for half of its time, for a server or another process.
PROCESSES ?= 4

.PHONY: help setup demo test lint bench docs dist clean

help:
	@echo "make demo    train an agent for SECONDS=60 and record it; EXIT=1 ends with the report"
	@echo "make test    the test suite, in PROCESSES=4; TESTS='tests/capture -x' for some of it"
	@echo "make lint    ruff and mypy; prettier, eslint and tsc for the page"
	@echo "make bench   the figures; KEYS='file_bytes load_ms' for some of them"
	@echo "make docs    the documentation as a site, in site/"
	@echo "make dist    wheel and source distribution, in dist/"
	@echo "make clean   remove the environment and what was recorded by the demo"

setup: $(STAMP)

# The second Gymnasium is for the test of a trainer of older versions.
$(STAMP): pyproject.toml constraints.txt hatch_build.py recorder/capture/writing/native.pyx
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; say which: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev,torch]'
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --upgrade --target $(VENV)/gymnasium-0.29 gymnasium==0.29.1
	@touch $(STAMP)

# What checks the page's code. The page itself needs none of it.
node_modules/.installed: package.json package-lock.json
	@command -v npm >/dev/null || { echo "npm is needed to check the page's code: install Node 20 or newer with npm"; exit 1; }
	npm ci --silent
	@touch $@

demo: $(STAMP)
	@exec $(BIN)/python -m recorder demo --trainer torch --seconds $(SECONDS) $(if $(EXIT),--exit)

test: $(STAMP)
	@exec $(BIN)/python -m pytest --numprocesses $(PROCESSES) --dist loadfile --no-loadscope-reorder $(TESTS)

lint: $(STAMP) node_modules/.installed
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(NODE)/prettier --check --log-level warn $(PAGE)
	$(NODE)/eslint .
	$(NODE)/tsc --project jsconfig.json

bench: $(STAMP)
	@exec $(BIN)/python -m benchmarks $(KEYS)

docs: $(STAMP)
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet

# The builder is the one of the environment, so that the versions in constraints.txt make every wheel.
dist: $(STAMP)
	@rm -rf dist
	@$(BIN)/python -m build --no-isolation --outdir dist

clean:
	rm -rf $(VENV) node_modules site dist demo-data .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

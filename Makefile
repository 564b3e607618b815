# Everything a newcomer types. `make help` lists it; the list is made from the comments behind the targets.

SHELL := /bin/sh
.DEFAULT_GOAL := help
BIN := .venv/bin

# The first Python that is new enough; `make PYTHON=/path/to/python …` chooses another.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python3.14 python; do \
	"$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { command -v "$$p"; break; }; done)

# pip neither asks the network whether it is current nor tells that a newer one is there.
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help demo demo-once demo-all up test faults fuzz sdk sdk-python sdk-typescript vendor screenshots docs check format openapi lock image clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: .venv/installed ## deploy a service and a database to this machine, show log and history, serve until Ctrl-C
	@$(BIN)/shiplog demo $(ARGS)

demo-once: .venv/installed ## the same, ends by itself; exit code 0 only when both deployments are finished
	@$(BIN)/shiplog demo --once $(ARGS)

demo-all: .venv/installed ## deploy one database of each of the nine types, too; SHIPLOG_DEMO_<TYPE>_IMAGE names an image
	@$(BIN)/shiplog demo --once --all $(ARGS)

up: .venv/installed ## serve API and worker with an embedded PostgreSQL and Valkey (data in .shiplog/)
	@$(BIN)/shiplog up $(ARGS)

test: .venv/installed-dev ## the whole suite; ARGS="-k words" for a part of it
	@$(BIN)/pytest -n 3 --dist loadgroup $(ARGS)

faults: .venv/installed-dev ## kill, cut and freeze while RUNS=1000 deployments run, compare every log; SEED=…, KIND=words
	@$(BIN)/python -m tests.faults --runs $(or $(RUNS),1000) $(if $(SEED),--seed $(SEED)) $(if $(KIND),--kind "$(KIND)") $(ARGS)

bench: .venv/installed-dev ## how fast it is, beside its peers, into benchmarks/RESULTS.md; ONLY=append for one row
	@$(BIN)/python -m benchmarks $(ONLY)

docs: .venv/installed-dev ## build the documentation into build/site; a link that leads nowhere is an error
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build

check: .venv/installed-dev docs ## format, lint, types, layers, openapi.json, migrations and docs are as they should be
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m app.openapi --check
	$(BIN)/python -m app.embedded sh -c '$(BIN)/python -m alembic upgrade head && $(BIN)/python -m alembic check'

format: .venv/installed-dev ## put every file into the project's format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

openapi: .venv/installed-dev ## write openapi.json anew
	$(BIN)/python -m app.openapi

fuzz: .venv/installed-dev ## schemathesis against a live API with EXAMPLES=20 cases an operation and the edges of every schema
	@SHIPLOG_SCHEMATHESIS_EXAMPLES=$(or $(EXAMPLES),20) $(BIN)/pytest -s tests/contract/api $(ARGS)

sdk: sdk-python sdk-typescript ## generate the Python and the TypeScript client from openapi.json into build/sdk, types checked

sdk-python: build/sdk/venv/installed
	build/sdk/venv/bin/openapi-python-client generate --path openapi.json --config tests/sdk/python.yaml --output-path build/sdk/python --overwrite
	@cp tests/sdk/deploy.py build/sdk/python
	cd build/sdk/python && ../venv/bin/mypy --strict shiplog_client deploy.py

# The program is checked and compiled beside the client, as an application that has copied it in.
sdk-typescript: build/sdk/typescript/installed
	cd build/sdk/typescript && node_modules/.bin/openapi-ts --input ../../../openapi.json --output shiplog-client --client @hey-api/client-fetch
	@cp tests/sdk/deploy.ts build/sdk/typescript
	cd build/sdk/typescript && node_modules/.bin/tsc

vendor: build/pages/installed ## copy what the pages take from npm, as locked, into app/pages/static/vendor
	cp build/pages/node_modules/htmx.org/dist/htmx.min.js app/pages/static/vendor/htmx-$$(node -p 'require("./build/pages/node_modules/htmx.org/package.json").version').min.js
	cp build/pages/node_modules/htmx.org/LICENSE app/pages/static/vendor/htmx-LICENSE.txt

screenshots: .venv/installed-dev ## take a picture of every page, light, dark and narrow, into docs/screenshots; needs chromium
	@$(BIN)/python -m tests.pages.screenshots

lock: build/lock/bin/uv ## compile the lock files anew from pyproject.toml, with hashes and for every platform
	build/lock/bin/uv pip compile $(LOCK) --extra install --output-file requirements.lock pyproject.toml
	build/lock/bin/uv pip compile $(LOCK) --extra install --extra tracing --extra dev --output-file requirements-dev.lock pyproject.toml
	build/lock/bin/uv pip compile $(LOCK) --output-file tests/sdk/requirements.lock tests/sdk/requirements.in

# No registry's name is written down: whoever installs uses the one that their pip is set up with.
LOCK := --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --no-emit-find-links

image: ## build the container image shiplog:local
	docker build --tag shiplog:local .

clean: ## remove what make made; the data in .shiplog/ stays
	rm -rf .venv build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis

.venv/bin/python:
	@[ -n "$(PYTHON)" ] || { echo "Shiplog needs Python 3.11 or newer: install it, or name one with make PYTHON=/path/to/python." >&2; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "$(PYTHON) is older than Python 3.11." >&2; exit 1; }
	@"$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null || { echo "$(PYTHON) cannot make virtual environments: install its venv module (Debian, Ubuntu: apt install python3-venv)." >&2; exit 1; }
	"$(PYTHON)" -m venv --clear .venv

# A stamp each, so that a second run installs nothing. The tests' environment is the runtime's with more in it.
.venv/installed: requirements.lock pyproject.toml | .venv/bin/python
	$(BIN)/python -m pip install --quiet --require-hashes --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

.venv/installed-dev: requirements-dev.lock .venv/installed
	$(BIN)/python -m pip install --quiet --require-hashes --requirement requirements-dev.lock
	@touch $@

# What the clients are made and checked with stays out of .venv: their users have none of ours either.
build/sdk/venv/installed: tests/sdk/requirements.lock
	"$(PYTHON)" -m venv build/sdk/venv
	build/sdk/venv/bin/python -m pip install --quiet --require-hashes --requirement tests/sdk/requirements.lock
	@touch $@

build/sdk/typescript/installed: tests/sdk/package-lock.json tests/sdk/package.json tests/sdk/tsconfig.json
	@command -v npm >/dev/null || { echo "The TypeScript client needs Node.js 20.19 or newer with npm: install it." >&2; exit 1; }
	@mkdir -p build/sdk/typescript
	cp tests/sdk/package.json tests/sdk/package-lock.json tests/sdk/tsconfig.json build/sdk/typescript
	cd build/sdk/typescript && npm ci --no-audit --no-fund --silent
	@touch $@

build/pages/installed: app/pages/package-lock.json app/pages/package.json
	@command -v npm >/dev/null || { echo "The pages' packages need Node.js with npm: install it." >&2; exit 1; }
	@mkdir -p build/pages
	cp app/pages/package.json app/pages/package-lock.json build/pages
	cd build/pages && npm ci --no-audit --no-fund --silent
	@touch $@

build/lock/bin/uv:
	"$(PYTHON)" -m venv build/lock
	build/lock/bin/python -m pip install --quiet uv

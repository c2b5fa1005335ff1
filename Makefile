# Every target first sets up what it needs, once. PYTHON names another interpreter than python3.

PYTHON ?= python3
BIN := .venv/bin
RUNTIME := .venv/.runtime
DEV := .venv/.dev
COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--custom-compile-command "make lock" pyproject.toml

export PYTHON

.DEFAULT_GOAL := help
.PHONY: help setup run stack migrate up down test tests test-fast check lint types imports format bench bench-lists fuzz screenshots memory postman lock upgrade chaos overload soak

help: ## Show this list.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

$(RUNTIME): requirements.txt pyproject.toml
	@tools/setup.sh requirements.txt
	@touch $@

$(DEV): requirements-dev.txt pyproject.toml
	@tools/setup.sh requirements-dev.txt
	@touch $(RUNTIME) $@

setup: $(DEV) ## Make .venv with all that development needs.

run: $(RUNTIME) ## Run the whole service in one process (PORT, DATA_DIR).
	@$(BIN)/python -m task_system run

stack: $(RUNTIME) ## Run the full stack without containers: RabbitMQ, Redis, PostgreSQL, every role a process.
	@$(BIN)/python -m task_system stack

migrate: $(RUNTIME) ## Bring database and broker to what this version needs.
	@$(BIN)/python -m task_system migrate

up: ## Run the full stack in containers.
	docker compose up --build

down: ## Stop the containers; their data are kept.
	docker compose down

test: check tests ## All checks and all tests, on private servers; what CI runs.

tests: $(DEV) ## All tests, without the checks.
	@$(BIN)/python -m task_system.testing.servers.install || [ "$$CI" != true ]
	@$(BIN)/pytest -n 3 --dist loadfile

test-fast: $(DEV) ## Tests that start no servers, or only a database.
	@$(BIN)/pytest -n 2 --dist loadfile tests/unit tests/contract

check: lint types imports ## Style, types, import rules.

lint: $(DEV) ## Style: ruff.
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check

types: $(DEV) ## Types: mypy, strict.
	@$(BIN)/mypy

imports: $(DEV) ## Who may import whom: import-linter.
	@$(BIN)/lint-imports --no-cache --no-logo

format: $(DEV) ## Mend style where that can be done mechanically.
	@$(BIN)/ruff check --fix
	@$(BIN)/ruff format

bench: $(DEV) ## Measure beside a plain Flask + Celery service (minutes; needs wrk).
	@$(BIN)/python -m benchmarks.submit
	@$(BIN)/python -m benchmarks.work
	@$(BIN)/python -m benchmarks.priority

bench-lists: $(DEV) ## Measure what is large: a million tasks in lists and pages, batches, a 1 GB file (25 minutes).
	@$(BIN)/python -m benchmarks.listing
	@$(BIN)/python -m benchmarks.dashboard
	@$(BIN)/python -m benchmarks.batch
	@$(BIN)/python -m benchmarks.scheduled
	@$(BIN)/python -m benchmarks.large_file

fuzz: $(DEV) ## Feed the API and all readers with what nobody would write, for long (MINUTES).
	@tools/fuzz.sh

screenshots: $(DEV) ## Take the pictures of the dashboard anew (needs chromium; prettiest with fonts-inter).
	@$(BIN)/python -m tools.screenshots

memory: $(DEV) ## Measure the resident memory of idle processes.
	@$(BIN)/python -m benchmarks.memory

postman: $(DEV) ## Write the Postman collection anew, from the API's description.
	@mkdir -p docs/postman
	@env -u TASK_MODULES $(BIN)/taskq openapi --postman > docs/postman/task-system.postman_collection.json

chaos: $(DEV) ## Break everything under load, row by row, and write docs/guarantees.md (MINUTES=45 at the most).
	@$(BIN)/python -m tests.chaos --minutes $(or $(MINUTES),45)

overload: $(DEV) ## Push with 64 clients for MINUTES=10 and then with 128 for one; its row in docs/guarantees.md says what came of it.
	@CHAOS_OVERLOAD_S=$$((60 * $(or $(MINUTES),10))) $(BIN)/python -m tests.chaos --again -k test_overload

soak: $(DEV) ## Break things at random under load (MINUTES=30, SEED=... repeats a run).
	@$(BIN)/python -m tests.chaos.soak --minutes $(or $(MINUTES),30) $(if $(SEED),--seed $(SEED))

lock: $(DEV) ## Pin and hash what pyproject.toml asks for.
	@$(COMPILE) --output-file requirements.txt --extra s3
	@$(COMPILE) --output-file requirements-dev.txt --extra dev --constraints requirements.txt

upgrade: $(DEV) ## The same with every package at its newest.
	@$(COMPILE) --output-file requirements.txt --upgrade --extra s3
	@$(COMPILE) --output-file requirements-dev.txt --upgrade --extra dev --constraints requirements.txt

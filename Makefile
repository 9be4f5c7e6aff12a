BIN := .venv/bin
LOCK := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header

.DEFAULT_GOAL := help
.PHONY: help setup demo serve test check lint format bench soak partition rollout lock

help: ## Show what can be made
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## Make .venv with the command assay, and a Docker engine that answers
	@deploy/setup

demo: setup ## Run the main job against a pretend forge (FORGE=gitlab), then keep serving; ONCE=1 ends after the round
	$(BIN)/assay demo $(if $(FORGE),--forge $(FORGE)) $(if $(ONCE),--once)

serve: setup ## Serve with the settings of the environment (deploy/README.md)
	$(BIN)/assay serve

test: setup lint ## Set up everything and run all checks and tests
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest -n 2 --dist loadscope
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

check: setup lint ## The fast part: linters, types, architecture, and the tests that need no engine
	$(BIN)/pytest -q -n 2 -m "not docker" tests/house tests/unit

lint:
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/deptry .
	$(BIN)/vulture

format: setup ## Format the code and mend what a linter can mend
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

bench: setup ## Measure beside the limits of the same minutes; NAMES='first-byte builds' for some alone
	$(BIN)/python -m tests.bench $(NAMES)

soak: setup ## A whole installation under accidents (MINUTES=30, SEED=; a seed plays it again); report in soak/
	$(BIN)/python -m tests.soak $(if $(MINUTES),--minutes $(MINUTES)) $(if $(SEED),--seed $(SEED))

partition: setup ## Three workers, engines and networks, one of them cut off for SECONDS=180
	$(BIN)/python -m tests.soak.partition $(if $(SECONDS),--seconds $(SECONDS))

rollout: setup ## A newer version takes the place of every process while 20 jobs run; report on the screen
	$(BIN)/python -m tests.soak.rollout

lock: ## Lock the newest versions that pyproject.toml allows
	$(LOCK) --upgrade pyproject.toml -o deploy/requirements.txt
	$(LOCK) --upgrade pyproject.toml --group test --group lint --group build -c deploy/requirements.txt -o deploy/requirements-dev.txt
	$(LOCK) --upgrade --group build -c deploy/requirements-dev.txt -o deploy/requirements-build.txt

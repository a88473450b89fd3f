# Everything runs from the checkout; the environment is .venv/, made by scripts/setup.sh when it is missing or out of date.

BIN := .venv/bin
EDGEBUILD := ../../$(BIN)/edgebuild

.DEFAULT_GOAL := help
.PHONY: help setup demo test lint types bench docs clean distclean

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' Makefile

setup: ## create or refresh .venv/
	@scripts/setup.sh

demo: setup ## build examples/digits for all four shipped targets, and name the report
	@cd examples/digits && $(EDGEBUILD) build

test: setup ## everything the CI checks: lint, format, types, tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pytest -q

lint: setup ## ruff alone
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: setup ## mypy alone
	$(BIN)/mypy

bench: setup ## reproduce every number we claim; writes reports/benchmarks/
	@set -e; for program in benchmarks/*.py; do $(BIN)/python "$$program"; done

docs: setup ## write the generated pages of docs/ again
	$(BIN)/python scripts/write_docs.py

clean: ## remove what builds and checks left behind; .venv stays
	rm -rf build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache
	rm -rf examples/*/.edgebuild examples/*/reports examples/*/artifacts
	find . -name __pycache__ -type d -not -path './.venv/*' -prune -exec rm -rf {} +

distclean: clean ## remove .venv too
	rm -rf .venv

# Everything that a developer does, by name. `make help` lists it.
SHELL := /bin/bash -euo pipefail
.DEFAULT_GOAL := help
.PHONY: help venv lock lint types shell unit check test demo bench clean

VENV := build/venv
BIN := $(VENV)/bin
MACHINE := packaging/machine/machine
COURSE ?=
# The tests that need neither the throwaway machine nor a browser.
FAR_TESTS := machine browser images package qemu
UNIT := $(BIN)/pytest --numprocesses=auto --dist=loadfile tests $(FAR_TESTS:%=--ignore=tests/%)

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 12

venv: $(VENV)/.stamp ## the locked virtual environment of the checkout, in build/venv

$(VENV)/.stamp: requirements-dev.lock pyproject.toml packaging/venv
	@echo "venv: installing the locked packages into $(VENV)"
	@packaging/prerequisites check
	@packaging/venv $(VENV) requirements-dev.lock
	@touch $@

lock: ## raise the locked versions (needs uv; LOCK_FLAGS=--upgrade to take newer ones)
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  --no-header --no-annotate $(LOCK_FLAGS) pyproject.toml --output-file requirements.lock
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  --no-header --no-annotate $(LOCK_FLAGS) pyproject.toml --group dev --constraint requirements.lock \
	  --output-file requirements-dev.lock

lint: venv
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: venv
	$(BIN)/mypy

shell: venv
	packaging/shell-scripts | xargs -r $(BIN)/shellcheck --external-sources --source-path=SCRIPTDIR --

unit: venv
	$(UNIT)

check: lint types shell unit ## lint, types, unit tests: five to six minutes

test: check ## everything: unit, package, machine, browser, QEMU
	packaging/test

demo: venv ## the throwaway machine with a sample course (or COURSE=path/to/bundle), and URLs to open
	@packaging/prerequisites demo
	@packaging/demo $(COURSE)

bench: venv ## measures nbhostd beside JupyterHub, and the statistics of a million events, into build/bench/
	@packaging/bench/run
	@$(BIN)/python packaging/bench/statistics

clean: ## ends the throwaway machine and removes build/
	@if [ -x $(MACHINE) ]; then $(MACHINE) destroy || true; fi
	rm -rf build

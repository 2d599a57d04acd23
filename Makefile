# Two commands do everything: `make run` and `make test`. `make help` lists the rest.
# PYTHON=/path/to/python3.12 chooses the Python that .venv is made with.

VENV := .venv
# What an install depends on: when none of these changed, nothing is installed again.
INPUTS := pyproject.toml constraints.txt scripts/venv.sh scripts/system-packages.sh
.DEFAULT_GOAL := help
.PHONY: help run test lint format controls bench mutants clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-8s %s\n", $$1, $$2}' Makefile

run: $(VENV)/.run-ready ## install what is needed and open the window (ARGS="live --headless" for others)
	@$(VENV)/bin/antiphon $(ARGS)

test: $(VENV)/.test-ready ## install what the tests need too and run every test (ARGS="-k clock" for some)
	@$(VENV)/bin/python -m pytest $(ARGS)

lint: $(VENV)/.test-ready ## formatting, rules, types and import contracts
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports

format: $(VENV)/.test-ready ## format the code and mend what ruff can mend by itself
	$(VENV)/bin/ruff format .
	$(VENV)/bin/ruff check --fix .

controls: $(VENV)/.test-ready ## write the README's table of controls from their declarations
	$(VENV)/bin/python -m app.controls_table

bench: $(VENV)/.test-ready ## measure this machine: inference, window, start-up, slider and lateness on a JACK server
	@for bundle in engine/bundles/*/; do echo "== $$bundle"; $(VENV)/bin/python bench/inference.py $$bundle || exit 1; done
	$(VENV)/bin/python bench/bench_window.py
	$(VENV)/bin/python bench/bench_startup.py
	$(VENV)/bin/python bench/slider.py
	$(VENV)/bin/python bench/lateness.py

mutants: $(VENV)/.test-ready ## change the engine's code in thousands of places and list what no test notices (hours; ARGS="engine.performer.clock*" for some)
	$(VENV)/bin/python -m pip install -q -c constraints.txt -e '.[mutants]'
	$(VENV)/bin/mutmut run $(ARGS)
	$(VENV)/bin/mutmut results

clean: ## remove what was built here: .venv and the caches (recordings, runs and corpora stay)
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache mutants
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/.run-ready: $(INPUTS)
	@sh scripts/system-packages.sh run
	@sh scripts/venv.sh run
	@touch $@

$(VENV)/.test-ready: $(INPUTS)
	@sh scripts/system-packages.sh test
	@sh scripts/venv.sh test
	@touch $(VENV)/.run-ready $@

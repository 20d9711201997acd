# Gatehouse: `make run` is all it takes. Everything lives in .venv (programs) and var (data).

VENV   := .venv
PY     := $(VENV)/bin/python
STAMP  := $(VENV)/.installed
# The first interpreter that is new enough; another one: make install PYTHON=/path/to/python
PYTHON ?= $(shell for name in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$name -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$name; break; }; done)
PYTEST := $(PY) -m pytest
# The tests that start the whole stack measure time, so they run alone; the others share the cores.
ALONE  := system or browser

.DEFAULT_GOAL := help
.PHONY: help install run demo test lint bench

help: ## show this list
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' Makefile | expand -t 18

install: $(STAMP) ## make .venv with everything the other targets need

$(STAMP): pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "gatehouse: needs Python 3.11 or newer; found" \
		"$$(python3 --version 2>/dev/null || echo no python3). Install one, or name it:" \
		"make install PYTHON=/path/to/python" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "gatehouse: $(PYTHON) is $$($(PYTHON) --version 2>&1); needs 3.11 or newer" >&2; exit 1; }
	@test -x $(PY) || $(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "gatehouse: $(PYTHON) cannot make a" \
		"virtual environment; on Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	$(PY) -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $@

run: $(STAMP) ## start the gateway and its dashboard; Ctrl-C stops everything
	@exec $(PY) manage.py up

demo: $(STAMP) ## the same with two echo targets behind a sample service and route on /demo
	@exec $(PY) manage.py up --demo

test: $(STAMP) ## all tests; those whose program is missing say so and are skipped
	$(PYTEST) -n auto --dist loadfile -m "not ($(ALONE))"
	$(PYTEST) -m "$(ALONE)"

lint: $(STAMP) ## ruff
	$(VENV)/bin/ruff check .

bench: $(STAMP) ## nginx, haproxy and one engine worker side by side
	$(PY) -m benchmarks

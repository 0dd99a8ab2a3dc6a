# make demo: environment, install, two labelled tomograms and a picture. make test: the tests.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Two tests at a time; a free worker takes what another has not begun.
SHARED := -n 2 --dist worksteal

.PHONY: demo test check format docs gpu-check clean

demo: $(VENV)/installed
	rm -rf demo
	$(BIN)/faket demo demo

test: $(VENV)/installed-dev
	$(BIN)/pytest $(SHARED)

check: $(VENV)/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest $(SHARED)

format: $(VENV)/installed-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# The documentation as a site in site/; a broken link or a page that no menu leads to is an error.
docs: $(VENV)/installed-docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

# Nothing is installed: any Python that has torch, numpy, scipy, numba and safetensors.
gpu-check:
	$(PYTHON) scripts/gpu_check --out gpu-check

$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; make PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)

# torch first and by its version: a free choice takes gigabytes of CUDA packages.
$(VENV)/installed: $(BIN)/python pyproject.toml constraints.txt
	$(BIN)/pip install --quiet --constraint constraints.txt torch
	$(BIN)/pip install --quiet --constraint constraints.txt --editable .
	touch $@

$(VENV)/installed-dev: $(VENV)/installed
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

$(VENV)/installed-docs: $(VENV)/installed
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[docs]'
	touch $@

clean:
	rm -rf $(VENV) demo build dist site

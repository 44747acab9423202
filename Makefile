# Two commands do everything on a fresh clone: `make demo` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
# What `afunet segment` needs and no more: without PyTorch.
LIGHT := .venv-light
LIGHT_INSTALLED := $(LIGHT)/.installed

.PHONY: demo test check lint types floors light clean

$(INSTALLED): EXTRAS := [dev]
$(INSTALLED) $(LIGHT_INSTALLED): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "afunet needs Python 3.11 or newer, this is " + sys.version.split()[0] + ": call make PYTHON=python3.11")'
	$(PYTHON) -m venv $(@D)
	$(@D)/bin/pip install --quiet --upgrade pip -c constraints.txt
	$(@D)/bin/pip install --quiet -c constraints.txt -e '.$(EXTRAS)'
	@touch $@

## Simulate a fractured knee, segment it, compare with the exact answer (no data, no GPU, no PyTorch).
demo: $(LIGHT_INSTALLED)
	$(LIGHT)/bin/afunet demo -o demo

## The tests.
test: $(INSTALLED)
	$(BIN)/pytest -n 2 -q

## Everything a change must pass.
check: $(INSTALLED) lint types floors test

lint: $(INSTALLED)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(INSTALLED)
	$(BIN)/mypy

floors: $(INSTALLED)
	$(BIN)/lint-imports --no-cache  # a cache from before a file moved reports what is gone

## The commands in an environment without PyTorch, and the demo's mask beside PyTorch's.
light: $(INSTALLED) $(LIGHT_INSTALLED)
	AFUNET_LIGHT=$(LIGHT)/bin/python $(BIN)/pytest -n 2 -q -rP tests/test_without_torch.py

clean:
	rm -rf $(VENV) $(LIGHT) demo

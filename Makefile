# make install   a virtual environment in .venv with the exact tested versions
# make demo      edit a picture and show the result
# make test      every check: style, types, spelling, docs, tests
# make test-all  every case of every test, also the slow ones

VENV  := .venv
BIN   := $(VENV)/bin
STAMP := $(VENV)/.installed
# Bytecode is kept: processes that tests start would compile the package anew, each time.
PYTEST := OMP_NUM_THREADS=1 PYTHONDONTWRITEBYTECODE= $(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder

.PHONY: help install demo test lint types spelling docs pytest test-all clean
.DEFAULT_GOAL := help

help:
	@sed -n 's/^# make /make /p' $(MAKEFILE_LIST)

install: $(STAMP)

# One pip call for everything: a second one could replace a pinned package.
$(STAMP): pyproject.toml constraints.txt .ci/venv
	@.ci/venv $(VENV)
	@echo "Installing the pinned packages into $(VENV) (a few minutes the first time)."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@
	@echo "Done: $(BIN)/overpaint"

demo: install
	@$(BIN)/overpaint demo

test: lint types spelling docs pytest
	@echo "All checks passed."

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: install
	$(BIN)/pyright

spelling: install
	$(BIN)/typos

docs: install
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

pytest: install
	$(PYTEST)

test-all: install
	$(PYTEST) --all-cases -m "not gpu and not weights"

clean:
	rm -rf $(VENV) site .pytest_cache .ruff_cache

# make verify: the theorems, then the certified fits of the real data with their pictures. make test: every check of the code.

PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/installed-for-convexnn

.PHONY: verify test venv clean

verify: $(STAMP)
	$(BIN)/python -m theory --profile quick
	$(BIN)/python -m benchmarks.real_data --out build/real_data

test: $(STAMP)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --cache-dir build/import-linter
	$(BIN)/pytest -n 2

venv: $(STAMP)

$(STAMP): pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[dev]"
	touch $@

clean:
	rm -rf build dist .hypothesis
	find convexnn -name '*.nb[ci]' -delete

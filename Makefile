# make demo    set up, train on the built-in cohort, generate, judge, and say where to look
# make test    set up and pass the fast tests
# make check   what CI runs: lint, types, layering, fast and slow tests

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: demo test test-slow lint format check bench clean

demo: $(READY)
	$(BIN)/gtexgen-train model=cvae condition=tissue
	$(BIN)/gtexgen-generate generator=outputs/latest counts=training output=outputs/demo/synthetic.parquet seed=1
	$(BIN)/gtexgen-evaluate generator=outputs/latest output=outputs/demo/report overwrite=true seeds=1
	@echo
	@echo "How real, how useful, how private     outputs/demo/report/report.html"
	@echo "Trained model and record of the run   outputs/latest/"
	@echo "Synthetic samples, in TPM             outputs/demo/synthetic.parquet"
	@echo "Training curves                       $(BIN)/tensorboard --logdir outputs/train"

# One thread a process: tests that each take all cores slow each other many times over. Bytecode is kept, whatever the environment
# says: each console script that a test starts would else spend ten seconds on compiling what it imports. Processes begin with
# neighbouring tests, which share fixtures, and who has none left takes from the others.
PYTEST := OMP_NUM_THREADS=1 PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -n auto --maxprocesses 8 --dist worksteal

test: $(READY)
	$(PYTEST)

test-slow: $(READY)
	$(PYTEST) -m slow

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

check: lint test test-slow

bench: $(READY)
	$(BIN)/python benchmarks/prepare.py
	$(BIN)/python benchmarks/training.py
	$(BIN)/python benchmarks/evaluation.py

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache

# torch goes first and alone, so that pip takes the build that constraints.txt names and nothing replaces it.
$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "gtexgen needs Python 3.11 or newer; this is " + sys.version.split()[0] + ". Use: make PYTHON=/path/to/python3.11")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --no-compile --disable-pip-version-check "$$(grep '^torch==' constraints.txt)"
	$(BIN)/python -m pip install --quiet --no-compile --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $(READY)

# make demo    everything once, in small: ends with runs/demo/index.html
# make quick   style and the tests that neither train, nor open a browser, nor run notebooks
# make test    style, all tests, all notebooks
# make lab     JupyterLab on the notebooks
# make setup   only sets .venv up, as each of the others does first
# make bench   the benchmarks (slow)
# make fuzz    10,000 broken inputs for every reader (ten minutes)
# make torture kills, full disks and lost workers, compared with undisturbed runs (half an hour)
# make dist    wheel and sdist, into dist/
# make site    the course as a web site that opens offline, into runs/site
# For maintainers: make notebooks (run all, store the outputs), make coverage (make test, and
# which lines of lipkit it reaches), make lock (new versions).
#
# Each sets .venv up when it must, and nothing the second time.
# Another Python: make PYTHON=python3.12 demo. More cores for the tests: make WORKERS=8 test.
# Shorter or longer: make MINUTES=2 fuzz, make KILLS=10 torture.

PYTHON ?= python3
WORKERS ?= 2
CELL_SECONDS ?= 300
MINUTES ?= 10
KILLS ?= 50

BIN := .venv/bin
UV := $(BIN)/uv
INSTALL := $(UV) pip install --quiet --python $(BIN)/python
READY := .venv/ready
# The newest pair whose wheels install from the registry on every Linux machine.
TORCH := torch==2.11.0 torchvision==0.26.0

# Where a container forbids it, every process that a test starts would compile its libraries anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help setup demo style quick test coverage lab bench fuzz torture dist site notebooks lock

help:
	@sed -n 's/^# \(make .*\)/\1/p' Makefile

setup: $(READY)

demo: $(READY)
	@$(BIN)/lipkit demo runs/demo

# One thread per process: two test processes with two threads each would fight for two cores.
# The system takes back no memory of up to 256 MB that the next step asks for again: training
# spends a tenth less. Files begin in the order in which tests/conftest.py puts them.
PYTEST := OMP_NUM_THREADS=1 MALLOC_MMAP_THRESHOLD_=33554432 MALLOC_TRIM_THRESHOLD_=268435456 \
  $(BIN)/python -m pytest -q -n $(WORKERS) --dist loadfile \
  --no-loadscope-reorder -p tests.unchecked
# The assignments are run by their own tests, as nbgrader runs a perfect submission.
EVERYTHING := --nbval-lax --nbval-current-env --nbval-cell-timeout=$(CELL_SECONDS) \
  tests notebooks/*.ipynb notebooks/solutions/*.ipynb

style: $(READY)
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --check --quiet . || \
	  { echo "run: $(BIN)/ruff format ." >&2; exit 1; }

quick: style
	@$(PYTEST) -p no:nbval -m "not slow" tests

test: style
	@$(PYTEST) $(EVERYTHING)

coverage: $(READY)
	@$(PYTEST) --cov=lipkit --cov-report=term:skip-covered $(EVERYTHING)

# Of notebooks that it does not trust, JupyterLab shows no stored video.
lab: $(READY)
	@$(BIN)/jupyter trust notebooks/*.ipynb notebooks/solutions/*.ipynb > /dev/null
	@$(BIN)/jupyter lab notebooks

bench: $(READY)
	@for script in tests/benchmarks/bench_*.py; do \
	  echo "== $$script"; $(BIN)/python $$script || exit 1; done

fuzz: $(READY)
	@PYTHONPATH=tests $(BIN)/python -m fuzz --workers $(WORKERS) --minutes $(MINUTES)

torture: $(READY)
	@PYTHONPATH=tests $(BIN)/python -m torture --kills $(KILLS)

dist: $(READY)
	@$(BIN)/python -m build --no-isolation --outdir dist . > dist.log 2>&1 \
	  || { tail -20 dist.log >&2; exit 1; }
	@rm dist.log; ls dist

site: $(READY)
	@$(BIN)/python -m lipkit.course.website runs/site

notebooks: $(READY)
	@$(BIN)/python -m lipkit.course.runner notebooks/*.ipynb notebooks/solutions/*.ipynb \
	  notebooks/teachers/*.ipynb
	@$(BIN)/python -m lipkit.course.paper_page
	@$(BIN)/lipkit assignments release notebooks/assignments --force

# --universal: one list for every system and Python from 3.11 on.
lock: $(UV)
	@printf '%s\n' $(TORCH) > .venv/constraints.txt
	@$(UV) pip compile --quiet --universal --fork-strategy fewest --python-version 3.11 --upgrade \
	  --all-extras --constraint .venv/constraints.txt --no-header --no-annotate \
	  pyproject.toml --output-file .venv/requirements.lock > /dev/null
	@{ echo "# Made on $$(date -u +%F) by: make lock"; \
	  cat .venv/requirements.lock; } > requirements.lock
	@echo "requirements.lock: $$(grep -c == requirements.lock) packages"

$(READY): requirements.lock pyproject.toml | $(UV)
	@echo "setting up .venv: a few minutes the first time, up to 6 GB on Linux" >&2
	@$(INSTALL) -r requirements.lock
	@$(INSTALL) --no-deps --no-build-isolation --editable .
# opencv-python needs the system's libGL and X11 even to be imported; the headless package
# is the same module without windows and needs nothing.
	@$(BIN)/python -c 'import cv2' 2> /dev/null || { \
	  echo "no libGL here: taking opencv-python-headless" >&2; \
	  $(UV) pip uninstall --quiet --python $(BIN)/python opencv-python; \
	  $(INSTALL) "$$(sed -n 's/^opencv-python==\([^ ]*\).*/opencv-python-headless==\1/p' \
	    requirements.lock)"; }
	@touch $@

$(UV):
	@command -v $(PYTHON) > /dev/null || \
	  { echo "$(PYTHON): not found; install Python 3.11 or newer, or: make PYTHON=..." >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "$$($(PYTHON) --version): lipkit needs Python 3.11 or newer;" \
	    "name one: make PYTHON=python3.12 ..." >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2> /dev/null || \
	  { echo "$(PYTHON): cannot make a virtual environment;" \
	    "install it (Debian, Ubuntu: apt install python3-venv)" >&2; exit 1; }
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet uv

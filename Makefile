# The two commands of the README: `make demo` shows the whole way, `make test` runs every test.
PYTHON ?= python3
VENV := .venv
# Two processes, a file at a time, in the order of their names: by default, xdist starts the files with the fewest tests last, and these
# are the longest.
TWO := -n 2 --dist loadfile --no-loadscope-reorder

# the compiled files are kept: see the installation below
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test engines check docs clean

demo: $(VENV)/installed
	$(VENV)/bin/nspdata demo demo

test: $(VENV)/installed
	$(VENV)/bin/python -m pytest $(TWO)

engines: $(VENV)/installed
	$(VENV)/bin/python -m pytest $(TWO) -m engines tests/engines

check: $(VENV)/installed
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy

# a warning is an error: a link or an anchor that leads nowhere, a page that no table of contents names
docs: $(VENV)/installed
	$(VENV)/bin/sphinx-build -W --keep-going -q -b html docs docs/_build

# torch first and by itself: the build for the processor is enough for both commands; Python compiles what is imported when it is imported,
# in both processes of the tests, where pip would compile all of 3 GB in one
$(VENV)/installed: pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "nspdata needs Python 3.11 or newer; set PYTHON=")'
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet --upgrade 'pip>=25.1'
	$(VENV)/bin/python -m pip install --quiet --no-compile torch==2.13.0
	$(VENV)/bin/python -m pip install --quiet --no-compile --group dev --editable '.[all]'
	# reads exported MDS files; without its dependencies, because their bounds exclude transformers 5 and numpy 2.2
	$(VENV)/bin/python -m pip install --quiet --no-compile --no-deps mosaicml-streaming==0.13.0
	touch $@

clean:
	rm -rf $(VENV) demo docs/_build

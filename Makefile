# The environment is .venv, made once and again only when constraints.txt or the requirements change.
# `make PYTHON=python3.12 ...` chooses the Python that it is made with.

PYTHON ?= python3
IN_ENVIRONMENT := .venv/bin/python
# Without compiling, which would take time and 0.3 GB for modules that are never imported.
INSTALL := $(IN_ENVIRONMENT) -m pip install --quiet --disable-pip-version-check --no-compile --constraint constraints.txt --editable
TRANSFORMERS := $(shell sed -n 's/^transformers==//p' constraints.txt)

export HF_HUB_OFFLINE ?= 1
export TOKENIZERS_PARALLELISM ?= false
# Without bytecode each process compiles torch and transformers anew, for six seconds; the tests start dozens.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test test-transformers torture app docs voice lint clean

demo: .venv/speaks
	$(IN_ENVIRONMENT) scripts/demo.py

test: .venv/installed
	$(IN_ENVIRONMENT) -m pytest --numprocesses auto --dist loadfile

# thousands of damaged files through the project's readers, and hundreds of runs that are killed, stopped or starved:
# about an hour on two cores, results in docs/results
torture: .venv/installed
	$(IN_ENVIRONMENT) tests/stress/hostile_files.py
	$(IN_ENVIRONMENT) tests/stress/interrupted_runs.py

# the web page and the speech endpoint, on this machine only: http://127.0.0.1:7860
app: .venv/serves
	$(IN_ENVIRONMENT) app.py

# the documentation as a site, in build/site; REPOSITORY_URL=https://... makes its links to files lead there
docs: .venv/installed
	$(IN_ENVIRONMENT) docs/api_page.py
	$(IN_ENVIRONMENT) -m mkdocs build --strict

# transformers' own common tests, from its source distribution, on our classes
test-transformers: .venv/installed build/transformers-$(TRANSFORMERS).tar.gz
	$(IN_ENVIRONMENT) -m pytest -rs --disable-warnings tests/transformers_common/test_common.py

# the bundled voice again, from recordings: make voice DATA=folder, which holds one folder with a metadata.csv per voice,
# the teacher's among them (scripts/make_synthetic_speech.py --teacher kokoro makes it; codes/ has a part of it as codes)
# noisy recordings go through `tts-trm denoise` first, as kathleen's and kerstin's did
# SENTENCES=file has its sentences spoken by synthetic voices for the spelling (needs flite); a night on two cores
VOICE := outputs/voice
FOLDERS = $(sort $(patsubst %/metadata.csv,%,$(wildcard $(DATA)/metadata.csv $(DATA)/*/metadata.csv)))
SYNTHETIC = $(if $(SENTENCES),$(VOICE)/synthetic)

voice: .venv/installed
	@test -n "$(FOLDERS)" || { echo "error: no metadata.csv in DATA=$(DATA); give make voice DATA=folder"; exit 1; }
	$(if $(SENTENCES),$(IN_ENVIRONMENT) scripts/make_synthetic_speech.py --sentences $(SENTENCES) --output-dir $(SYNTHETIC) --max-length 140)
	$(IN_ENVIRONMENT) scripts/train_codec.py --data-dir $(FOLDERS) --output-dir $(VOICE)/codec --minutes 35 --adversarial-minutes 240
	$(IN_ENVIRONMENT) run_training.py --config configs/tts-trm-mini.yaml --data-dir $(FOLDERS) $(SYNTHETIC) \
		--codec $(VOICE)/codec --token-dir $(VOICE)/all_tokens --output-dir $(VOICE)/first
	$(IN_ENVIRONMENT) run_training.py --config configs/tts-trm-mini.yaml --max-steps 5000 --lr 1.2e-3 \
		--from-pretrained $(VOICE)/first/checkpoints/final --data-dir $(FOLDERS) --codec $(VOICE)/codec \
		--token-dir $(VOICE)/tokens --output-dir $(VOICE)/run
	$(IN_ENVIRONMENT) scripts/export_voice.py --checkpoint $(VOICE)/run/checkpoints/best --codec $(VOICE)/codec \
		--notes configs/tts-trm-mini.md --output-dir pretrained/tts-trm-mini

lint: .venv/installed
	$(IN_ENVIRONMENT) -m ruff check .
	$(IN_ENVIRONMENT) -m ruff format --check .
	$(IN_ENVIRONMENT) -m mypy

clean:
	rm -rf .venv build dist *.egg-info .pytest_cache .ruff_cache .mypy_cache

# what speaking needs comes first, and is all that `make demo` waits for
.venv/speaks: constraints.txt setup.py pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.11")'
	@echo "Installing into .venv, once: a few minutes where everything has to be downloaded."
	@test -x $(IN_ENVIRONMENT) || $(PYTHON) -m venv .venv
	@$(INSTALL) '.[pictures,text]'
	@mkdir -p build/editor && ln -sfn ../.. build/editor/tts_trm
	@touch $@

.venv/serves: .venv/speaks
	@echo "Installing what serving needs."
	@$(INSTALL) '.[app,text]'
	@touch $@

.venv/installed: .venv/speaks
	@echo "Installing what tests, training, serving and documentation need."
	@$(INSTALL) '.[test]'
	@touch $@

build/transformers-$(TRANSFORMERS).tar.gz: constraints.txt | .venv/installed
	$(IN_ENVIRONMENT) -m pip download --quiet --disable-pip-version-check --dest build \
		--no-deps --no-build-isolation --no-binary :all: transformers==$(TRANSFORMERS)
	@touch $@

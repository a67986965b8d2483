# The words people and CI use. `make help` lists them.
PYTHON ?= python3
PIPELINE ?= feature_extraction
SOURCE ?= 0
# Photos of yours are named by their folder; without any, the demo's signs are meant, which NAME=demo means, too, where no model has that name.
ifeq ($(NAME)$(DATA)$(wildcard saved_models/demo),demo)
override NAME := signs
endif
ifdef DATA
NAME ?= $(basename $(notdir $(patsubst %/,%,$(DATA))))
else
NAME ?= signs
DATA = demo/$(NAME)
endif
BIN := .venv/bin
INTEROP := .venv-interop
CVAPP := $(BIN)/cvapp
# A name or a path as one word for the shell, whatever is in it.
quoted = '$(subst ','\'',$(1))'
GIVEN = $(if $(filter command environment,$(firstword $(origin DATA))),--data $(call quoted,$(DATA)))
SETTINGS = $(if $(EPOCHS),--epochs $(EPOCHS)) $(foreach setting,$(SET),--set $(call quoted,$(setting)))

.DEFAULT_GOAL := help
.PHONY: help setup doctor demo test test-interop check train export verify bench webcam phone page clean

help: ## list these words
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 10

setup: .venv/.ready ## install everything into .venv

.venv/.ready: setup.cfg pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 12) and "cvapp needs Python 3.11 or 3.12, this is %d.%d; try make setup PYTHON=python3.11" % sys.version_info[:2])'
	@$(PYTHON) -m venv .venv || (echo "python3 cannot make a virtual environment; on Debian: apt-get install python3-venv"; exit 1)
	$(BIN)/pip install --quiet --editable '.[train,phone,test]'
	@touch $@

doctor: setup ## look at this machine: versions, cameras, display, libraries
	@$(CVAPP) doctor

demo: setup ## signs to a live model: draw, train, export, find them in a video
	@$(CVAPP) data signs --out demo/signs --count 200 --print demo/signs.pdf
	@$(CVAPP) data signs --video demo/scene.mp4 --seed 7
	@$(CVAPP) train --data demo/signs --name signs --set model.backbone=mobilenet_v2_drawings
	@$(CVAPP) export signs
	@$(BIN)/python benchmarks/sign_video.py signs demo/scene.mp4
	@$(CVAPP) slide signs --data demo/signs
	@$(CVAPP) export signs_boxes --set export.variants=float32
	@$(CVAPP) camera signs_boxes --source demo/scene.mp4 --save demo/annotated.mp4 --no-show
	@$(BIN)/python benchmarks/sign_video.py signs_boxes demo/scene.mp4
	@echo
	@echo "annotated video  demo/annotated.mp4   (boxes of the classifier, slid over the frames)"
	@echo "report           saved_models/signs/report/report.html"
	@echo "printable sheet  demo/signs.pdf   (print it, or show it on a screen, then: make webcam)"

# Those that measure time run with nothing beside them, all others JOBS at a time, the longest first, so that no worker is left alone with them.
TIMED := tests/camera tests/cli/test_camera.py tests/phone/test_live.py tests/test_signs_way.py
LONG := tests/test_real.py tests/training tests/export tests/cli tests/models
JOBS ?= 2
CHOSEN := -m "not interop$(if $(SLOW),, and not slow)"

test: setup ## the tests, all but those that take minutes (SLOW=1 runs those too)
	@$(BIN)/python -m pytest $(CHOSEN) -n $(JOBS) --dist loadfile --no-loadscope-reorder $(LONG) tests $(addprefix --ignore=,$(TIMED))
	@$(BIN)/python -m pytest $(CHOSEN) $(TIMED)

test-interop: setup $(INTEROP)/.ready ## MediaPipe, in Python and in a browser, and OpenCV read the exported NAME=
	@$(EXPORTED)
	@CVAPP_MODEL=$(call quoted,saved_models/$(NAME)) CVAPP=$(CVAPP) $(INTEROP)/bin/python -m pytest tests/interop -m interop -p no:cacheprovider

# MediaPipe brings an OpenCV of its own: it is kept out of .venv. That for browsers comes from npm.
WEB := tests/interop/web
$(INTEROP)/.ready: $(WEB)/package-lock.json
	@$(PYTHON) -m venv $(INTEROP)
	$(INTEROP)/bin/pip install --quiet 'mediapipe>=1.2,<1.3' 'opencv-contrib-python>=5.0,<5.1' 'numpy>=2.0,<2.5' 'pytest>=8,<10' 'playwright>=1.49,<1.70'
	@command -v npm >/dev/null || (echo "npm is not installed; on Debian: apt-get install npm"; exit 1)
	npm ci --ignore-scripts --silent --prefix $(WEB)
	@touch $@

page: ## make the phone page's LiteRT.js from npm anew, after a change of its version; wants Node 18 or later
	npm ci --ignore-scripts --silent --prefix cvapp/phone/litert
	npm run build --silent --prefix cvapp/phone/litert

# The demo's signs are trained where they are not there yet. Any other name that is no model's is wrong: cvapp says so, and which there are.
EXPORTED = test -e $(call quoted,saved_models/$(NAME)/lite/golden.npz) || { \
	$(if $(filter-out signs,$(NAME)),true,test -e saved_models/signs/card.json || $(MAKE) train) && $(CVAPP) export $(call quoted,$(NAME)); }

check: setup ## style and types
	@$(BIN)/flake8 cvapp pipelines tests benchmarks
	@$(BIN)/mypy
	@echo "check: ok"

train: setup ## train PIPELINE= on DATA= as NAME= (the demo's signs, when left out), with EPOCHS= and SET="a.b=c ..."
	@test -e demo/signs -o $(call quoted,$(DATA)) != demo/signs || $(CVAPP) data signs --out demo/signs --count 200
	@$(CVAPP) train $(PIPELINE) $(if $(DATA),--data $(call quoted,$(DATA))) --name $(call quoted,$(NAME)) $(SETTINGS)

export: setup ## make the .tflite variants of NAME= and prove them, on DATA= where given; AUTO=1 or USE=int8 chooses one, OUT=FILE.zip packs it
	@$(CVAPP) export $(call quoted,$(NAME)) $(GIVEN) $(if $(AUTO),--auto) $(if $(USE),--use $(USE)) $(if $(OUT),--out $(call quoted,$(OUT)))

verify: setup ## replay the golden photos of the exported NAME=, check its files
	@$(CVAPP) verify $(call quoted,$(NAME))

bench: setup ## time the variants of NAME= on this machine
	@$(CVAPP) bench $(call quoted,$(NAME))

webcam: setup ## run NAME= live on SOURCE= (a camera's index, a video, a folder)
	@$(CVAPP) camera $(call quoted,$(NAME)) --source $(call quoted,$(SOURCE))

phone: setup ## run NAME= on a phone in this network; CABLE=1 on an Android phone at the cable, HERE=1 in this machine's browser
	@$(EXPORTED)
	@$(CVAPP) phone $(call quoted,$(NAME)) $(if $(CABLE),--adb,$(if $(HERE),,--lan)) $(if $(PORT),--port $(PORT))

clean: ## remove .venv, the demo, the cache and what was built; the trained models after a question, MODELS=yes removes them unasked
	rm -rf .venv $(INTEROP) $(WEB)/node_modules cvapp/phone/litert/node_modules build dist demo *.egg-info .pytest_cache .mypy_cache .coverage saved_models/.cache
	@here=$$(git clean -fdXn saved_models); answer="$(MODELS)"; \
	if [ -n "$$here" ] && [ -z "$$answer" ] && [ -t 0 ]; then \
		echo "$$here" | sed 's/^Would remove/trained:/'; printf 'remove these too? [y/N] '; read answer; fi; \
	case "$$answer" in [yY]|[yY][eE][sS]) git clean -fdXq saved_models;; \
	*) echo "$$here" | sed -n 's/^Would remove/kept:/p'; [ -z "$$here" ] || echo "make clean MODELS=yes removes them";; esac

# The commands of this repository. Each installs what is missing, then runs: `make run` and `make test` need nothing before.
SHELL := /bin/sh
PY := .venv/bin/python
# Any Python starts the bootstrap; a version manager's shim that does not run is passed over.
BOOTSTRAP_PYTHON := $(shell for p in python3.12 python3 python3.13 python3.14 /usr/bin/python3; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 9))' >/dev/null 2>&1 && { echo $$p; exit; }; done; echo python3)
PYTEST := $(PY) -m pytest
NODE_MODULES := node_modules/.package-lock.json# what npm writes last
PAGE := web/public/app.js

# npm leaves out where packages come from (.npmrc), but for those that another package's own lock names.
NAMELESS := const f = "package-lock.json", lock = JSON.parse(fs.readFileSync(f)); \
	for (const each of Object.values(lock.packages)) delete each.resolved; \
	fs.writeFileSync(f, JSON.stringify(lock, null, 2) + "\n")

.PHONY: help run test test-fast test-unit test-emulator test-rules test-interop test-relay test-infra test-boot test-web \
	test-e2e test-calls test-calls-placed test-calls-going-on test-load test-covered test-peers test-fuzz test-model model smoke \
	load relay-check rotate rotate-cloud cut-off infra-apply \
	configure check format contract bench mutants mutants-rules mutants-model fuzz chromium sdp-check lock deploy \
	deploy-target python node_modules page clean
.DEFAULT_GOAL := help

help: ## this list
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

run: python page ## the whole local stack; stops on Ctrl-C (ARGS="--help" for another one beside it)
	@exec $(PY) -m tools.stack $(ARGS)

test: test-fast test-infra test-e2e test-calls ## every suite but test-load and test-boot

test-fast: python ## everything but the browser and the whole stack: unit, emulator, rules, interop
	@$(MAKE) --no-print-directory -j 2 test-covered test-peers

# Two halves that take about as long: our code with its coverage, and what stands around it.
test-covered: python
	@$(MAKE) --no-print-directory test-web
	$(PYTEST) --quiet tests/unit tests/emulator --cov --cov-report=term --cov-fail-under=90
	$(PYTEST) --quiet tests/unit/core --cov=webrtc_lite.core --cov-report=term-missing --cov-fail-under=100

test-fuzz: python ## the short form of `make fuzz`
	@PYTHONPATH=functions $(PY) -m tests.fuzz --runs 20000

test-peers: python test-fuzz
	$(PYTEST) --quiet tests/rules tests/interop tests/model tests/relay

test-unit: python ## no process, no network
	$(PYTEST) tests/unit
	@$(MAKE) --no-print-directory test-web

test-web: $(NODE_MODULES) ## the client library with a clock of its own
	@node web/build.mjs --tests
	node --test --test-reporter=dot .stack/web-tests/*.mjs

test-emulator: python ## the functions as a client calls them
	$(PYTEST) tests/emulator

test-rules: python ## firestore.rules in the Firestore emulator
	$(PYTEST) tests/rules

test-interop: python ## credentials against a real Coturn
	$(PYTEST) tests/interop

test-infra: python ## infra/: Terraform with a mocked cloud, policies, scripts, rotation over both stores
	$(PYTEST) tests/infra --ignore=tests/infra/boot

# Not in `make test`: it takes root, for namespaces and a firewall of its own, and programs that few machines have.
test-boot: python ## the relay's VM, booted under systemd and attacked from outside (root, Debian; minutes)
	$(PYTEST) tests/infra/boot

test-model: python ## the stories of two people with phones, state by state
	$(PYTEST) tests/model

model: python ## the same, deeper: minutes
	PYTHONPATH=functions $(PY) -m tests.model

test-relay: python ## attacks on a Coturn with production values, in a network namespace of its own
	$(PYTEST) tests/relay

smoke: python ## is the running stack whole? one relayed call, step by step (ARGS="--help")
	@PYTHONPATH=client $(PY) -m webrtc_lite_client smoke $(ARGS)

load: python ## many calls at once through the running stack (ARGS="--calls 50 --media", or "--help")
	@PYTHONPATH=client $(PY) -m webrtc_lite_client load $(ARGS)

# Not in `make test`: it is there to fill a machine, and waits for deadlines and sweeps.
test-load: python page ## what the local stack holds: 200 calls with every end, 50 with media (some 8 minutes)
	$(PYTEST) tests/load

# Calls between browsers: they wait most of the time, so one half runs beside the other, each over a stack of its own.
CALLS_PLACED := tests/e2e/test_calls.py
CALLS_GOING_ON := tests/e2e/test_calls_go_on.py tests/e2e/test_look.py

test-e2e: python page ## the whole local stack, as a user starts it, and a browser
	$(PYTEST) tests/e2e $(addprefix --ignore=,$(CALLS_PLACED) $(CALLS_GOING_ON))

test-calls: python page ## calls between two browsers and all that may happen to them; axe in every view
	@$(MAKE) --no-print-directory -j 2 test-calls-placed test-calls-going-on

test-calls-placed: python page
	$(PYTEST) --quiet $(CALLS_PLACED)

test-calls-going-on: python page
	$(PYTEST) --quiet $(CALLS_GOING_ON)

check: python $(NODE_MODULES) ## format, lint, types, import rules
	node_modules/.bin/eslint --config web/eslint.config.mjs web/src tests/unit/web tests/bench/web
	node_modules/.bin/tsc -p web/tsconfig.json
	$(PY) -m ruff format --check .
	$(PY) -m ruff check .
	$(PY) -m mypy
	PYTHONPATH=functions:client .venv/bin/lint-imports

format: python ## mend what a machine can
	$(PY) -m ruff check --fix-only .
	$(PY) -m ruff format .

bench: python page ## figures, as ratios within one run
	$(PY) -m tests.bench

mutants: python ## the mutation score of the core (some 20 minutes)
	$(PY) -m tests.mutants

mutants-rules: python ## that of firestore.rules, every condition, number and word one at a time (some 10 minutes)
	$(PY) -m tests.rules.mutants

mutants-model: python ## core, store and rules broken by hand, and which promise of the model each of these breaks
	PYTHONPATH=functions $(PY) -m tests.model.mutants

fuzz: python ## the SDP validator under a fuzzer (ARGS="--runs 10000000")
	@PYTHONPATH=functions $(PY) -m tests.fuzz $(ARGS)

chromium: python ## mutated descriptions in a real browser, and where it disagrees
	@PYTHONPATH=functions $(PY) -m tests.chromium $(ARGS)

# `make sdp-check offer.sdp answer.sdp`: what follows sdp-check are its files, not targets.
ifeq ($(firstword $(MAKECMDGOALS)),sdp-check)
SDP_FILES := $(wordlist 2,9,$(MAKECMDGOALS))
ifneq ($(SDP_FILES),)
.PHONY: $(SDP_FILES)
$(SDP_FILES): sdp-check ;@:
endif
endif
FILE ?= $(word 1,$(SDP_FILES))
ANSWER ?= $(word 2,$(SDP_FILES))

sdp-check: python ## what the server says of a description: offer.sdp [answer.sdp]
	@test -n "$(FILE)" || { echo "Say which file: make sdp-check offer.sdp [answer.sdp]" >&2; exit 2; }
	@PYTHONPATH=functions $(PY) -m tools.sdp_check "$(FILE)" $(if $(ANSWER),"$(ANSWER)") $(ARGS)

contract: python ## the wire contract as JSON Schema and TypeScript types, from the code
	PYTHONPATH=functions $(PY) -m tools.contract

infra-apply: python ## terraform apply in infra/, and what to try where OCI has no machine (ARGS="-replace=...")
	@$(PY) -m tools.apply $(ARGS)

configure: deploy-target python ## tell the functions of the relays that Terraform made: PROJECT=<id>
	@$(PY) -m tools.configure "$(PROJECT)"

rotate-cloud: deploy-target python ## change the deployed relays' secret: PROJECT=<id> STEP=accept, sign, retire (or status)
	@PYTHONPATH=functions:infra/coturn/vm $(PY) -m tools.rotate_cloud $(or $(STEP),status) --project "$(PROJECT)" $(ARGS)

relay-check: python ## attack a relay from outside: HOST=<name>; the secret from $$TURN_SECRET or a prompt (ARGS="--help")
	@case "$(origin TURN_SECRET)" in "command line") echo "Everybody on this machine can read a command: set TURN_SECRET\
	 in the environment, or leave it out and be asked." >&2; exit 2;; esac
	@[ -n "$(HOST)" ] || { echo "Say which relay: make relay-check HOST=turn.example.com" >&2; exit 2; }
	@PYTHONPATH=functions $(PY) -m tools.relay_check "$(HOST)" $(ARGS)

rotate: python ## change the relay's secret under running calls: STEP=accept, then sign, then retire (or status)
	@PYTHONPATH=functions $(PY) -m tools.rotate $(or $(STEP),status) $(ARGS)

cut-off: python ## a user gets no more credentials: PROJECT=<id> USER_ID=<uid>; RESTORE=1 undoes it; without USER_ID the list
	@[ -n "$(PROJECT)" ] || { echo "Say where: make cut-off PROJECT=<project id> USER_ID=<uid>" >&2; exit 2; }
	@PYTHONPATH=functions $(PY) -m tools.cut_off "$(PROJECT)" $(if $(USER_ID),"$(USER_ID)") $(if $(RESTORE),--restore)

deploy: deploy-target python page ## rules, indexes, functions, page: PROJECT=<id>; FORCE=1 also deletes
	npx --no-install firebase deploy --only firestore,functions,hosting --project "$(PROJECT)" --non-interactive \
		$(if $(FORCE),--force)

deploy-target:
	@case "$(PROJECT)" in \
	"") echo "Say where to: make $(firstword $(MAKECMDGOALS)) PROJECT=<project id>" >&2; exit 2;; \
	demo-*) echo "$(PROJECT) is a project of the local stack and exists nowhere else: make run starts it." >&2; exit 2;; \
	esac

lock: python ## compile the lock files after a change of pyproject.toml or package.json
	$(PY) tools/bootstrap.py --lock
	npm install --package-lock-only --ignore-scripts
	@node -e '$(NAMELESS)'

clean: ## remove what was installed and made here
	rm -rf .stack .venv functions/venv node_modules web/public/app.js web/public/check.js

python:
	@$(BOOTSTRAP_PYTHON) tools/bootstrap.py

node_modules: $(NODE_MODULES)

page: $(PAGE) ## what Hosting serves, built from web/

$(PAGE): $(NODE_MODULES) web/build.mjs $(shell find web/src web/contract -type f)
	node web/build.mjs

$(NODE_MODULES): package-lock.json
	npm ci --prefer-offline --omit=optional --ignore-scripts
	@touch $@

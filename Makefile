# Almanac: what can be done with this repository. `make` alone lists it.
# PORT and DATA go with `make run`: PORT=0 takes free ports, DATA=dir keeps the diary on disk.

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

FUNCTIONS := $(sort $(notdir $(patsubst %/,%,$(wildcard functions/*/))))
LAMBDA    := -trimpath -tags lambda.norpc -ldflags '-s -w -buildid='
TOOL      := go tool -modfile=tools/go.mod
ENGINES   := infra/engine/node_modules/.package-lock.json
BROWSER   := infra/browser/node_modules/.package-lock.json
WITH      := go run ./infra/engine/cmd/with-engines --
PORT      ?= 8080
DATA      ?=
TIMES     ?= 1000
CLIENTS   ?= 100
REQUESTS  ?= 100000
CANARIES  ?= 1000
RUNS      ?= 25
SEED      ?= 0

# Numbers are looked at before anything is built or started, and what is wrong is one line.
quoted = '$(subst ','\'',$($1))'
number = $(if $(shell [[ $(quoted) =~ ^(0|[1-9][0-9]{0,18})$$ && $(quoted) -ge $2 ]] && echo fits),,$(error \
	$1 must be a whole number, at least $2))
$(call number,PORT,0)$(call number,TIMES,1)$(call number,CLIENTS,2)$(call number,REQUESTS,0)
$(call number,CANARIES,1)$(call number,RUNS,1)$(call number,SEED,0)

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: prerequisites
prerequisites: ## install what is missing on this machine, or say what and how
	@bash infra/prerequisites.sh

$(ENGINES): infra/engine/package.json infra/engine/package-lock.json
	@echo 'fetching the local engines (npm)'
	@cd infra/engine && npm ci --no-audit --no-fund --loglevel=error
	@touch $@

.PHONY: engines
engines: prerequisites $(ENGINES)

$(BROWSER): infra/browser/package.json infra/browser/package-lock.json
	@echo 'fetching what drives the browser (npm)'
	@cd infra/browser && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

.PHONY: browser
browser: prerequisites $(BROWSER) ## install Chromium and what drives it, for the tests of pages
	@bash infra/prerequisites.sh browser

.PHONY: build
build: ## build every function for AWS: dist/<function>/bootstrap, Linux on arm64
	@for f in $(FUNCTIONS); do \
		echo "building $$f"; \
		CGO_ENABLED=0 GOOS=linux GOARCH=arm64 go build $(LAMBDA) -o dist/$$f/bootstrap ./functions/$$f; \
		head -c 20 dist/$$f/bootstrap | od -An -tx1 -v | tr -d ' \n' | grep -q '^7f454c46.*b700$$' || \
			{ echo "dist/$$f/bootstrap is not an executable for arm64" >&2; exit 1; }; \
	done

.PHONY: binaries
binaries: # every function for this computer, where the local stack looks for them
	@for f in $(FUNCTIONS); do CGO_ENABLED=0 go build $(LAMBDA) -o bin/dist/$$f/bootstrap ./functions/$$f; done

.PHONY: run
run: engines ## start the whole product on this computer, with a demonstration clinic
	@echo 'building the functions'
	@$(MAKE) binaries
	@go build -o bin/local ./infra/local
	@exec ./bin/local -port '$(PORT)' -data '$(DATA)'

.PHONY: test
test: engines browser binaries ## run all tests, on the real engines and in a real browser
	@$(WITH) go test -shuffle=on -timeout 9m ./...

.PHONY: smoke
smoke: engines browser binaries ## do the main job through HTTP and in a browser, as people would
	@go run ./infra/smoke

.PHONY: race
race: engines ## let many clients ask for the same times: TIMES=1000 CLIENTS=100
	@$(WITH) go run ./infra/race -times $(TIMES) -clients $(CLIENTS)

.PHONY: faults
faults: engines binaries ## let everything about video visits go wrong, each case so often: RUNS=25 SEED=0
	@$(WITH) go run ./infra/faults -runs '$(RUNS)' -seed '$(SEED)'
	@echo 'deaths, erasures and orders at every call of the visits'
	@$(WITH) go test -count=1 -timeout 9m ./shared/video -every -run 'Anywhere|During|Meanwhile|AnyOrder'

.PHONY: isolation
isolation: engines binaries ## ask as everybody for everything, and search for planted patients: REQUESTS=100000 CANARIES=1000
	@go run ./infra/isolation -requests $(REQUESTS) -canaries $(CANARIES)

.PHONY: bench
bench: engines binaries build ## measure, each figure beside its limit
	@$(WITH) go run ./infra/bench

.PHONY: openapi
openapi: ## write the API's description and its page anew
	@$(WITH) go test ./functions/booking ./functions/clinic ./functions/patients ./functions/care ./functions/sharing ./functions/uploads ./functions/connections ./functions/video -run TestOpenAPI -update
	@go run ./infra/apidocs

.PHONY: fmt
fmt: ## format the code
	@$(TOOL) gofumpt -w -modpath almanac functions shared infra *.go

.PHONY: check
check: ## everything that is checked besides the tests
	@bash infra/check.sh

.PHONY: deploy
deploy: build ## deploy to AWS with the SAM CLI, as samconfig.toml says
	sam deploy

.PHONY: clean
clean: ## remove what was built
	rm -rf bin dist

# Stet's work in a few words. `make` alone prints them.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

# Every import must be declared in Package.swift; the index is for editors and costs time.
BUILD_FLAGS := --disable-index-store --explicit-target-dependency-import-check error $(STET_SWIFT_FLAGS)
RELEASE_FLAGS := -c release $(BUILD_FLAGS) --product stet
BINARY := .build/release/stet
TESTS := .build/debug/stetPackageTests.xctest
FILTER ?=
ARGS ?=
FUZZ_SECONDS ?= 600

export STET_SHARED_DATA ?= $(abspath $(CURDIR)/../shared/data)
# A crash prints its own line; the backtracer would hold a slow machine for minutes.
export SWIFT_BACKTRACE ?= enable=no

.PHONY: help setup build build-tests demo run test lint attack bench bench-queue bench-sandbox bench-humaneval
.PHONY: chaos fuzz clean

help: ## print this
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: .build/setup.stamp ## install what is missing: bubblewrap, git, python3, libraries

.build/setup.stamp: Scripts/setup.sh
	@Scripts/setup.sh
	@mkdir -p .build && touch $@

# What only the tests need, PostgreSQL's server for one, is installed by them alone.
.build/setup-tests.stamp: Scripts/setup.sh .build/setup.stamp
	@Scripts/setup.sh --for-tests
	@touch $@

build: setup ## build .build/release/stet
	@Scripts/quietly.sh "build of the release" swift build $(RELEASE_FLAGS)

demo: build ## review a seeded change of our own with a local model
	@Scripts/demo.sh $(BINARY)

run: build ## run stet with ARGS="..."
	@$(BINARY) $(ARGS)

build-tests: .build/setup-tests.stamp ## build the tests and the debug programs
	@Scripts/quietly.sh "build of the tests" swift build --build-tests $(BUILD_FLAGS)

test: build-tests ## run every test; FILTER=NAME for some
	@Scripts/test-images.sh .build/debug/stet
	@Scripts/test.sh $(TESTS) "$(FILTER)"

attack: build-tests ## try every attack on the sandbox, as root and as an ordinary user
	@Scripts/attack.sh $(TESTS)

lint: ## check format, scripts, and what must never be committed
	@Scripts/lint.sh

bench: build ## print speed and memory as ratios against named peers
	@Scripts/bench.sh

bench-humaneval: build ## print how often a model's code is right: one shot, best of N, the loop at equal cost; ARGS="--tasks 10"
	@python3 Benchmarks/humaneval.py --stet .build/release/stet $(ARGS)

bench-queue: setup ## print the queue's speed beside awa-pg, procrastinate, Celery and huey; ARGS="--quick"
	@Scripts/quietly.sh "build of QueueBench" \
		swift build $(subst --product stet,--product QueueBench,$(RELEASE_FLAGS))
	@python3 Benchmarks/queues.py --bench .build/release/QueueBench $(ARGS)

bench-sandbox: setup ## print the sandbox's speed beside python3, bubblewrap and smolagents; ARGS="--quick"
	@Scripts/quietly.sh "build of SandboxBench" \
		swift build $(subst --product stet,--product SandboxBench,$(RELEASE_FLAGS))
	@python3 Benchmarks/sandbox.py --bench .build/release/SandboxBench $(ARGS)

chaos: build ## kill, unplug and fill up what can be, and count what was lost; ARGS="--short" for less
	@Scripts/quietly.sh "build of the fake GitHub" \
		swift build $(subst --product stet,--product FakeGitHub,$(RELEASE_FLAGS))
	@python3 Benchmarks/chaos.py --fake .build/release/FakeGitHub $(ARGS)

fuzz: setup ## feed the diff parser and the webhook reader damaged input for ten minutes
	@Fuzz/run.sh $(FUZZ_SECONDS)

clean: ## remove everything that was built
	@rm -rf .build .fuzz Benchmarks/out .venv-bench

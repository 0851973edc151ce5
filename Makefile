# SPDX-License-Identifier: Apache-2.0
# A thin front of meson and the scripts in tools/. `make help` lists what there is.

BUILD := build
RELEASE := $(BUILD)/release
# Answers and test results that stay valid until their inputs change.
export XDG_CACHE_HOME ?= $(CURDIR)/$(BUILD)/cache
MESON_RELEASE := -Dtests=false

.PHONY: all deps check check-vm bench demo demo-cluster demo-down fuzz lint install clean help

all: $(RELEASE)/build.ninja ## build everything, optimised, into build/release
	@ninja -C $(RELEASE)

$(RELEASE)/build.ninja:
	@tools/install-deps build
	@meson setup $(RELEASE) $(MESON_RELEASE) >/dev/null

deps: ## install every Debian package that some target needs
	@tools/install-deps check lint fuzz bench

check: ## build with sanitizers, run all tests, print "N passed, N failed"
	@tools/install-deps check
	@tools/check

check-vm: ## run only the tests with virtual machines, and with machines that are containers
	@tools/install-deps check
	@tools/check install containers vm

bench: ## measure against the peers: make bench [BENCH=name]
	@tools/install-deps bench kubernetes
	@$(MAKE) --no-print-directory all
	@bench/run $(BENCH)

demo: ## two blank virtual machines become running nodes, from nothing
	@tools/install-deps demo
	@$(MAKE) --no-print-directory all
	@tools/demo up

demo-cluster: ## two blank virtual machines become a Kubernetes cluster, from nothing [KUBERNETES=vX.Y.Z]
	@tools/install-deps demo kubernetes
	@$(MAKE) --no-print-directory all
	@tools/demo cluster

demo-down: ## end the demo and remove what it made
	@tools/demo down

fuzz: ## fuzz each parser: make fuzz [FUZZ=name] [SECONDS_EACH=60]
	@tools/install-deps fuzz
	@tools/fuzz

lint: ## formatting, static analysis, spelling, sizes of functions and files
	@tools/install-deps build lint
	@tools/lint

install: all ## install programs, unit file and man pages; DESTDIR is respected
	@meson install -C $(RELEASE) --no-rebuild

clean: ## remove the build folder
	@if [ -x tools/demo ]; then tools/demo down; fi
	rm -rf $(BUILD)

help: ## show this list
	@sed -n 's/^\([a-z-]*\):.*## /\1	/p' $(MAKEFILE_LIST) | expand -t 12

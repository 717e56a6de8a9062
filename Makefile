# The front door.  Meson and Ninja do the building (meson.build), scripts/ holds what each target runs.
#
#   make            build/polyagent, build/polyagent-server and build/polyagent-worker
#   make help       every target

BUILD   ?= build
PREFIX  ?= /usr/local
DESTDIR ?=

# Caches are in it, ours, Cargo's and Go's; who starts us may have set none.
HOME ?= $(shell getent passwd $$(id -u) | cut -d: -f6)
export HOME

# Bounds of the long-running targets.
FUZZ_SECONDS ?= 60
SOAK_RUNS    ?= 10000
SOAK_CYCLES  ?= 10000
LOAD_RUNS    ?= 20000
PROGRAMS     ?= 100000

.DEFAULT_GOAL := all
.PHONY: all setup demo test sanitize fuzz bench soak soak-transpile third-party wasi-testsuite check-style format install uninstall clean help

all: setup                       ## build the programs
	@scripts/configure $(BUILD) -Dprefix=$(PREFIX)
	@ninja -C $(BUILD) polyagent polyagent-server polyagent-worker

setup:                           ## install what is missing to build (as root, from Debian)
	@scripts/setup build

demo: all                        ## build, then run a first module in the sandbox
	@scripts/demo $(BUILD)/polyagent

test:                            ## build, then every test: unit, arrows, fuzz corpus, integration, security
	@scripts/setup test
	@scripts/configure $(BUILD) -Dprefix=$(PREFIX)
	@ninja -C $(BUILD)
	@tests/run $(BUILD)

sanitize: all                    ## the tests with ASan and UBSan in all but the worker, in build-sanitize
	@scripts/setup test
	@scripts/configure build-sanitize -Db_sanitize=address,undefined -Db_lundef=false
	@ninja -C build-sanitize
	@cp $(BUILD)/polyagent-worker build-sanitize/
	@UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 tests/run build-sanitize \
	  tests/integration --ignore=tests/integration/test_install.py

fuzz:                            ## libFuzzer on each target for FUZZ_SECONDS (60)
	@scripts/setup test
	@CC=clang scripts/configure build-fuzz -Dfuzzers=true -Db_sanitize=address,undefined -Db_lundef=false
	@ninja -C build-fuzz
	@scripts/fuzz build-fuzz $(FUZZ_SECONDS)

bench: all                       ## time whole runs and programs in languages, beside what else runs them
	@bench/run $(BUILD)/polyagent
	@ninja -C $(BUILD) bench-latency bench-grpc-load
	@bench/languages $(BUILD)
	@bench/transpile $(BUILD)/polyagent
	@bench/grpc $(BUILD)
	@bench/http $(BUILD)
	@ninja -C $(BUILD) bench-sessions
	@bench/sessions $(BUILD)

soak: all third-party            ## SOAK_RUNS (10000) runs in a row, SOAK_CYCLES (10000) lives of sessions, LOAD_RUNS (20000) of a server, then look for anything left behind; CPython's own tests
	@bench/soak $(BUILD)/polyagent $(SOAK_RUNS)
	@POLYAGENT_LANGUAGES=languages bench/load $(BUILD)/polyagent --runs $(LOAD_RUNS) --inflight 64
	@ninja -C $(BUILD) bench-sessions
	@POLYAGENT_LANGUAGES=languages bench/soak $(BUILD)/bench-sessions --sessions $(SOAK_CYCLES)
	@SOAK=1 tests/run $(BUILD) tests/security/test_cross_run.py tests/security/test_hostile_modules.py -k "race or secret"
	@SCHEMA_EXAMPLES=100 SCHEMA_PHASES=examples,coverage,fuzzing FUZZ_SECONDS=300 tests/run $(BUILD) \
	  tests/integration/test_http_schema.py tests/integration/test_http_fuzz.py
	@tests/languages/run_cpython_tests.py $(BUILD)/polyagent

soak-transpile: all              ## PROGRAMS (100000) random Python programs, compiled and on CPython
	@tests/transpile/random_programs.py --polyagent $(BUILD)/polyagent --count $(PROGRAMS)

third-party: all                 ## programs that others published, among them compilers and interpreters
	@tests/integration/third_party.py --polyagent $(BUILD)/polyagent -v

wasi-testsuite: all              ## the official suite of preview 1, of which SUITE is a checkout
	@test -n "$(SUITE)" || { echo "SUITE=DIR: a checkout of WebAssembly/wasi-testsuite, prod/testsuite-base" >&2; exit 2; }
	@tests/integration/wasi_testsuite.py --polyagent $(BUILD)/polyagent --suite "$(SUITE)"

check-style:                     ## clang-format and clang-tidy in check mode, the arrows between folders
	@scripts/setup style
	@scripts/configure $(BUILD) -Dprefix=$(PREFIX)
	@scripts/check-style $(BUILD)

format:                          ## rewrite the C sources with clang-format
	@scripts/check-style --fix

install: all                     ## into DESTDIR/PREFIX (PREFIX=/usr/local)
	@DESTDIR="$(DESTDIR)" meson install -C $(BUILD) --no-rebuild --quiet
	@echo "installed to $(DESTDIR)$(PREFIX)"

uninstall:                       ## remove what the last `make install` of BUILD put there
	@ninja -C $(BUILD) uninstall
	@for folder in libexec/polyagent share/polyagent share/doc/polyagent; do \
	  find "$(DESTDIR)$(PREFIX)/$$folder" -depth -type d -empty -delete 2>/dev/null || true; done

clean:                           ## remove the build folders (the engine stays in its cache)
	@rm -rf $(BUILD) build-sanitize build-fuzz examples/out

help:                            ## this list
	@echo "make TARGET [VARIABLE=value ...]"; echo
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-14s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

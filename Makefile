# Zhitongche 直通车. One makefile, not recursive: `make help` lists the targets. Debian 12; packages in deploy/packages.txt.
#
# Variables: SANITIZE=1 (address and undefined-behaviour sanitizers, beside the normal build), CC=clang, JOBS=n, WERROR=0,
# PYTEST_ARGS="-k name", FILE= and KILL= for replay, ARGS= for run and up, PACKAGES="build" (sections of deploy/packages.txt that are
# looked after; none: no package is).

MAKEFLAGS += --no-builtin-rules --no-print-directory
.SUFFIXES:
.DELETE_ON_ERROR:
.DEFAULT_GOAL := all
SHELL := /bin/sh

JOBS ?= $(shell nproc)
ifeq ($(MAKELEVEL),0)
MAKEFLAGS += -j$(JOBS)
endif

ifeq ($(origin CC),default)
CC := gcc
endif
SANITIZE ?= 0
WERROR ?= 1
PYTHON := /usr/bin/python3
PACKAGES ?= build run test check
VERSION := $(shell sed -n 's/.*ZTC_VERSION "\(.*\)"/\1/p' common/base/version.h)

# --- Where things go: build/bin for the normal build, build/VARIANT/bin for the others -----------------------------------

compiler := $(notdir $(firstword $(CC)))
VARIANT := $(if $(filter 1,$(SANITIZE)),asan,release)$(if $(filter-out gcc,$(compiler)),-$(compiler))
OUT := build/$(VARIANT)
BIN := $(if $(filter release,$(VARIANT)),build/bin,$(OUT)/bin)

# --- Flags ------------------------------------------------------------------------------------------------------------

warnings := -Wall -Wextra -Wconversion -Wshadow -Wswitch-enum -Wvla -Wmissing-prototypes -Wstrict-prototypes \
    -Wformat=2 -Wimplicit-fallthrough -Wtrampolines -Wbidi-chars=any -Werror=format-security -Werror=implicit \
    -Werror=incompatible-pointer-types -Werror=int-conversion
# The OpenSSF compiler guide's; deploy/probe_flags.sh drops what this compiler or machine does not have.
hardening := -fstrict-flex-arrays=3 -fstack-protector-strong -fstack-clash-protection -fcf-protection=full \
    -mbranch-protection=standard -fno-delete-null-pointer-checks -fno-strict-overflow -fno-strict-aliasing \
    -ftrivial-auto-var-init=zero -fzero-init-padding-bits=all -fPIE
link_hardening := -pie -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack -Wl,-z,nodlopen -Wl,--as-needed \
    -Wl,--no-copy-dt-needed-entries
libraries := libzmq libczmq msgpack hiredis libpq libmicrohttpd jansson libcrypto icu-i18n icu-uc liblzma libcurl
test_libraries := cmocka

ifeq ($(SANITIZE),1)
mode_flags := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all
else
mode_flags := -O2 -g -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3
endif
include_flags := -Icommon -I. -Ibuild/gen
language_flags := -std=c17 -D_GNU_SOURCE -pthread $(include_flags)
error_flags := $(if $(filter 1,$(WERROR)),-Werror)

ALL_CFLAGS = $(language_flags) $(mode_flags) $(PROBED_CFLAGS) $(error_flags) $(LIBRARY_CFLAGS) $(CFLAGS)
ALL_LDFLAGS = $(mode_flags) -pthread $(PROBED_LDFLAGS) $(LDFLAGS)
ALL_LDLIBS = $(LIBRARY_LDLIBS) -lcsv -lm

# --- Sources ----------------------------------------------------------------------------------------------------------

services := intake dispatch notification evaluation reporting
programs := $(services:%=$(BIN)/%) $(if $(wildcard cli/*.c),$(BIN)/ztc)
common_sources := $(sort $(wildcard common/*/*.c))
cli_sources := $(sort $(wildcard cli/*.c))
service_sources := $(foreach service,$(services),$(sort $(wildcard services/$(service)/*.c)))
unit_sources := $(sort $(wildcard tests/unit/test_*.c))
unit_shared_sources := $(filter-out $(unit_sources),$(sort $(wildcard tests/unit/*.c)))
golden_sources := $(sort $(wildcard tests/golden/*.c))
bench_sources := $(sort $(wildcard tests/bench/*.c))
sources := $(common_sources) $(service_sources) $(cli_sources)
headers := $(sort $(wildcard common/*/*.h common/*/*.def services/*/*.h cli/*.h))
formatted := $(sort $(wildcard common/*/*.[ch] services/*/*.[ch] cli/*.[ch] tests/*/*.[ch]))

# A service without sources yet is not built.
programs := $(foreach program,$(programs),$(if $(filter ztc,$(notdir $(program)))$(wildcard services/$(notdir $(program))/*.c),$(program)))

objects_of = $(patsubst %.c,$(OUT)/%.o,$(1))
unit_tests := $(patsubst tests/unit/%.c,$(OUT)/tests/%,$(unit_sources))
bench_programs := $(patsubst tests/bench/%.c,$(OUT)/bench/%,$(bench_sources))
golden_tools := $(patsubst tests/golden/%.c,$(OUT)/tests/golden/%,$(golden_sources))

# Rooms with SQL: common ones that have any, and every service.
sql_rooms := $(sort $(patsubst %/,%,$(dir $(patsubst %/,%,$(wildcard common/*/sql/ common/*/migrations/))))) \
    $(addprefix services/,$(services))
sql_names := $(notdir $(sql_rooms))
sql_files = $(sort $(wildcard $(1)/migrations/*.sql)) $(sort $(wildcard $(1)/sql/*.sql))
gen_headers := $(sql_names:%=build/gen/%_sql.h) build/gen/live_lua.h
gen_sources := $(sql_names:%=build/gen/%_sql.c)

# One library per common room, linked with the rooms below it; `sql` is the services' embedded SQL. The order is the linker's.
rooms := runtime edge bus records live sql events domain base
room_objects = $(call objects_of,$(sort $(wildcard common/$(1)/*.c))) $(patsubst %,$(OUT)/gen/%_sql.o,$(filter \
    $(if $(filter sql,$(1)),$(services),$(1)),$(sql_names)))
libraries_of = $(patsubst %,$(OUT)/lib%.a,$(filter $(1),$(rooms)))
all_libraries := $(call libraries_of,$(rooms))
rooms_below_base := base
rooms_below_domain := base domain
rooms_below_events := base domain events
rooms_below_bus := base domain events bus
rooms_below_records := base domain events records
rooms_below_live := base domain events live
rooms_below_edge := base domain events edge

# --- Tables read before the first rule ---------------------------------------------------------------------------------

# $(call remember,file,text): writes the file when its text is another than before, so that rules can depend on it.
changed = $(subst x$(strip $1),,x$(strip $2))$(subst x$(strip $2),,x$(strip $1))
remember = $(if $(call changed,$(file <$1),$2),$(shell mkdir -p $(dir $1))$(file >$1,$2))

quiet_goals := help clean down status version image compose-secrets compose-test release sbom arm64
ifneq ($(if $(MAKECMDGOALS),$(filter-out $(quiet_goals) packages,$(MAKECMDGOALS)),all),)
$(foreach room,$(sql_rooms),$(call remember,build/gen/$(notdir $(room)).files,files: $(call sql_files,$(room))))
$(foreach room,$(rooms),$(call remember,$(OUT)/$(room).files,files: $(call room_objects,$(room))))
$(call remember,$(OUT)/flags.list,$(CC) $(language_flags) $(mode_flags) $(error_flags) $(CFLAGS) $(LDFLAGS) $(warnings) $(hardening) $(link_hardening))
include $(OUT)/flags.mk
-include $(patsubst %.o,%.d,$(call objects_of,$(sources) $(unit_sources) $(unit_shared_sources) $(golden_sources) $(bench_sources)))
endif

$(OUT)/flags.mk: deploy/probe_flags.sh deploy/packages.txt $(OUT)/flags.list
	@deploy/packages.sh $(PACKAGES)
	@mkdir -p $(@D)
	@deploy/probe_flags.sh '$(CC)' '$(warnings) $(hardening)' '$(link_hardening)' '$(libraries)' '$(test_libraries)' > $@.new
	@mv $@.new $@

$(OUT)/flags.list $(rooms:%=$(OUT)/%.files): ;

# --- Building -----------------------------------------------------------------------------------------------------------

.PHONY: all unit-programs
all: $(programs) $(all_libraries) ## build the five services and ztc into build/bin

unit-programs: $(unit_tests) $(golden_tools)

build/gen/%_sql.h: deploy/embed_sql.awk
	@mkdir -p $(@D)
	@awk -v room=$* -v want=header -f deploy/embed_sql.awk $(filter %.sql,$^) < /dev/null > $@

build/gen/%_sql.c: deploy/embed_sql.awk
	@mkdir -p $(@D)
	@awk -v room=$* -v want=source -f deploy/embed_sql.awk $(filter %.sql,$^) < /dev/null > $@

build/gen/live_lua.h: common/live/queue.lua deploy/embed_text.awk
	@mkdir -p $(@D)
	@awk -v name=live_lua_queue -f deploy/embed_text.awk $< > $@

define sql_room
build/gen/$(notdir $(1)).files: ;
build/gen/$(notdir $(1))_sql.h build/gen/$(notdir $(1))_sql.c: build/gen/$(notdir $(1)).files $(call sql_files,$(1))
endef
$(foreach room,$(sql_rooms),$(eval $(call sql_room,$(room))))

compile = @mkdir -p $(@D) && echo "CC $<" && $(CC) $(ALL_CFLAGS) -MMD -MP -c $< -o $@
link = @mkdir -p $(@D) && echo "LD $@" && $(CC) $(ALL_LDFLAGS) $(filter %.o,$^) $(filter %.a,$^) $(ALL_LDLIBS)

$(OUT)/gen/%.o: build/gen/%.c $(OUT)/flags.mk | $(gen_headers)
	$(compile)

$(OUT)/%.o: %.c $(OUT)/flags.mk | $(gen_headers)
	$(compile)

$(OUT)/tests/%.o: ALL_CFLAGS += $(TEST_CFLAGS) -Itests

define room_library
$(OUT)/lib$(1).a: $(call room_objects,$(1)) $(OUT)/$(1).files
endef
$(foreach room,$(rooms),$(eval $(call room_library,$(room))))
$(all_libraries):
	@rm -f $@ && $(AR) rcs $@ $(filter %.o,$^)

$(OUT)/libunit.a: $(call objects_of,$(unit_shared_sources))
	@rm -f $@ && $(AR) rcs $@ $^

define service_program
$(BIN)/$(1): $(call objects_of,$(sort $(wildcard services/$(1)/*.c))) $(all_libraries)
endef
$(foreach service,$(services),$(eval $(call service_program,$(service))))

$(BIN)/ztc: $(call objects_of,$(cli_sources)) $(all_libraries)

$(addprefix $(BIN)/,$(services) ztc):
	$(link) -o $@

# tests/unit/test_ROOM_*.c is linked with that room and those below it, test_SERVICE_*.c with everything common and that
# service's core objects, test_cli_*.c with ztc's but its main, any other with everything common.
test_rooms = $(or $(strip $(foreach room,$(rooms),$(if $(filter test_$(room)_% test_$(room),$(1)),$(rooms_below_$(room))))),$(rooms))
core_objects = $(foreach service,$(services),$(if $(filter test_$(service)_% test_$(service),$(1)),\
    $(call objects_of,$(sort $(wildcard services/$(service)/core*.c))))) \
    $(if $(filter test_cli_%,$(1)),$(call objects_of,$(filter-out cli/main.c,$(cli_sources))))
define unit_program
$(OUT)/tests/$(1): $(OUT)/tests/unit/$(1).o $(call core_objects,$(1)) $(if $(unit_shared_sources),$(OUT)/libunit.a) $(call libraries_of,$(call test_rooms,$(1)))
endef
$(foreach test,$(notdir $(unit_tests)),$(eval $(call unit_program,$(test))))
$(unit_tests): ALL_LDLIBS += $(TEST_LDLIBS)
$(unit_tests):
	$(link) -o $@

$(golden_tools): $(OUT)/tests/golden/%: $(OUT)/tests/golden/%.o $(call libraries_of,base domain events)
	$(link) -o $@

$(bench_programs): $(OUT)/bench/%: $(OUT)/tests/bench/%.o $(call libraries_of,base domain events records)
	$(link) -o $@

# Tomorrow's release (tests/upgrade), for the test of a rolling upgrade: today's objects with other events and one more migration.
TOMORROW := $(OUT)/tomorrow
tomorrow_migration := $(TOMORROW)/migrations/$(shell printf %04d $$(($(words $(wildcard common/records/migrations/*.sql)) + 1)))_tomorrow.sql
tomorrow_objects := $(TOMORROW)/tests/upgrade/tomorrow.o $(TOMORROW)/records_sql.o
.PHONY: tomorrow
tomorrow: $(programs:$(BIN)/%=$(TOMORROW)/bin/%)

$(tomorrow_migration): tests/upgrade/tomorrow.sql
	@mkdir -p $(@D) && cp $< $@

$(TOMORROW)/records_sql.c: $(tomorrow_migration) build/gen/records_sql.c
	@awk -v room=records -v want=source -f deploy/embed_sql.awk $(wildcard common/records/migrations/*.sql) \
	    $(tomorrow_migration) $(wildcard common/records/sql/*.sql) < /dev/null > $@

$(TOMORROW)/records_sql.o: $(TOMORROW)/records_sql.c $(OUT)/flags.mk | $(gen_headers)
	$(compile)

$(TOMORROW)/tests/upgrade/tomorrow.o: tests/upgrade/tomorrow.c common/events/types.c $(headers) $(OUT)/flags.mk | $(gen_headers)
	$(compile)

define tomorrow_program
$(TOMORROW)/bin/$(1): $(2) $(tomorrow_objects) $(all_libraries)
endef
$(foreach service,$(services),$(eval $(call tomorrow_program,$(service),$(call objects_of,$(sort $(wildcard services/$(service)/*.c))))))
$(eval $(call tomorrow_program,ztc,$(call objects_of,$(cli_sources))))
$(programs:$(BIN)/%=$(TOMORROW)/bin/%): ALL_LDFLAGS += -Wl,--wrap=message_encode
$(programs:$(BIN)/%=$(TOMORROW)/bin/%):
	$(link) -o $@

# --- Running ------------------------------------------------------------------------------------------------------------

stack := $(PYTHON) deploy/stack.py
run_environment := ZTC_BIN=$(abspath $(BIN))

.PHONY: run up down status demo replay
run: all packages ## start everything under .run, play the first case, follow the logs; Ctrl-C stops gracefully
	@$(run_environment) $(stack) run --dir .run $(ARGS)

up: all packages ## start everything under .run and leave it running; writes .run/env
	@$(run_environment) $(stack) up --dir .run $(ARGS)

down: ## stop what `make up` started
	@$(stack) down --dir .run

status: ## show what runs under .run
	@$(stack) status --dir .run

demo: all packages ## a fresh stack: start, play the first case, stop; exit 0 when every step went well
	@$(run_environment) $(stack) demo

replay: all packages ## send a file of cases through the system: FILE=cases.csv.xz [KILL=seed: kill every process on the way]
	@$(run_environment) $(stack) replay --dir .run --file '$(FILE)' $(if $(KILL),--kill '$(KILL)') $(ARGS)

.PHONY: bench bench-programs packages-bench
bench-programs: $(bench_programs)

bench: all bench-programs packages packages-bench $(if $(PEERS),build/peers/installed) ## measure beside the bare store: `name value unit ratio`; PEERS=1: other systems on the same work too
	@$(run_environment) ZTC_BENCH=$(abspath $(OUT)/bench) $(PYTHON) tests/bench/bench.py $(if $(PEERS),--peers) $(ARGS)

packages-bench: packages
	@deploy/packages.sh bench $(if $(PEERS),peers)

# The peers from npm, of the versions and digests in the lock file.
build/peers/installed: tests/bench/peers/package.json tests/bench/peers/package-lock.json | packages
	@mkdir -p $(@D) && cp $^ $(@D)
	@cd $(@D) && npm ci --ignore-scripts --no-audit --no-fund
	@touch $@

# --- Shipping -----------------------------------------------------------------------------------------------------------

IMAGE ?= zhitongche:$(VERSION)
SECRETS ?= secrets
revision := $(shell git rev-parse HEAD 2>/dev/null || echo unknown)
release_name := zhitongche-$(VERSION)

.PHONY: version image compose-secrets compose-test release sbom arm64
version: ## the version of this source, as common/base/version.h has it
	@echo $(VERSION)

image: ## the image of the five services and ztc, by deploy/Dockerfile: IMAGE=zhitongche:VERSION
	@docker build -f deploy/Dockerfile --build-arg VERSION=$(VERSION) --build-arg REVISION=$(revision) -t $(IMAGE) .

# As root inside, to give each file to the user that reads it; with no more than that takes, and no network.
compose-secrets: ## what docker-compose.yml needs before its first day, made under secrets/; what is there stays
	@mkdir -p -m 700 '$(SECRETS)'
	@docker run --rm --network none --user 0:0 --read-only --tmpfs /tmp --cap-drop ALL --cap-add CHOWN --cap-add DAC_OVERRIDE \
	    --cap-add FOWNER --security-opt no-new-privileges -e TLS_NAME -v '$(abspath $(SECRETS)):/secrets' $(IMAGE) \
	    /usr/lib/zhitongche/secrets.sh /secrets

compose-test: ## docker-compose.yml on a container engine of its own, as root: started, played, broken, stopped, undone
	@deploy/packages.sh run test engine
	@$(PYTHON) -m pytest -c tests/pytest.ini -x tests/compose/on_engine.py $(PYTEST_ARGS)

release: ## build/dist/zhitongche-VERSION.tar.xz of what is committed; the same commit gives the same bytes
	@deploy/release.sh $(release_name) $(or $(RELEASE_DIR),build/dist)

sbom: ## build/dist/zhitongche-VERSION.cdx.json: what is in the image (CycloneDX), from its dpkg database
	@mkdir -p build/dist
	@deploy/sbom.sh $(IMAGE) $(VERSION) > build/dist/$(release_name).cdx.json.new
	@mv build/dist/$(release_name).cdx.json.new build/dist/$(release_name).cdx.json && echo build/dist/$(release_name).cdx.json

arm64: ## build for arm64 in a root of its own, as root, and run ztc and the unit tests there under qemu
	@deploy/arm64.sh build/arm64

# --- Tests --------------------------------------------------------------------------------------------------------------

pytest = ZTC_BIN=$(abspath $(BIN)) ZTC_TOMORROW=$(abspath $(TOMORROW)/bin) ZTC_UNIT=$(abspath $(OUT)/tests) $(PYTHON) -m pytest -c tests/pytest.ini

.PHONY: test unit system
test: all unit-programs tomorrow packages ## every test; SANITIZE=1 runs them under sanitizers; PYTEST_ARGS="-k name" picks some
	@$(pytest) tests $(PYTEST_ARGS)

unit: all unit-programs packages ## the tests that need no running services
	@$(pytest) tests/unit tests/check $(PYTEST_ARGS)

system: all tomorrow packages ## the tests that drive running services
	@$(pytest) tests/system $(PYTEST_ARGS)

# --- Checks -------------------------------------------------------------------------------------------------------------

tidy_marks := $(patsubst %.c,build/tidy/%.ok,$(sources))

.PHONY: check check-format check-compilers check-tidy check-cppcheck check-tree check-docs
check: check-format check-compilers check-tidy check-cppcheck check-tree check-docs ## format, both compilers, static analysis, layering, fresh docs
	@echo "check: all passed"

check-format: packages ## clang-format finds nothing to change
	@$(if $(formatted),clang-format --dry-run -Werror $(formatted))

check-compilers: packages ## gcc and clang build everything without a warning
	@$(MAKE) CC=gcc SANITIZE=0 WERROR=1 all unit-programs bench-programs
	@$(MAKE) CC=clang SANITIZE=0 WERROR=1 all unit-programs bench-programs

check-tidy: $(tidy_marks) ## clang-tidy over common, services and cli

build/tidy/%.ok: %.c .clang-tidy $(headers) | $(gen_headers)
	@mkdir -p $(@D) && echo "TIDY $<"
	@clang-tidy --quiet --warnings-as-errors='*' $< -- $(language_flags) $(LIBRARY_CFLAGS) > $@.out 2>&1 || { cat $@.out; exit 1; }
	@touch $@

# Uninitialised variables are left to the two compilers and clang's analyser: cppcheck takes f(buffer, snprintf(buffer, ...))
# for one.
check-cppcheck: packages $(gen_headers) ## cppcheck over common, services and cli
	@mkdir -p build/cppcheck
	@cppcheck --quiet --std=c11 --language=c -j $(JOBS) --enable=warning,performance,portability --inline-suppr \
	    --suppress=missingIncludeSystem --suppress=uninitvar --cppcheck-build-dir=build/cppcheck --error-exitcode=1 -D__linux__ \
	    $(include_flags) $(sources)

check-tree: packages ## layering of includes, no ZeroMQ heartbeats, no clock in SQL
	@$(pytest) -q tests/check

check-docs: all ## docs/generated is what this build prints
	@if [ -x $(BIN)/ztc ]; then rm -rf build/docs && $(BIN)/ztc docs --dir build/docs > /dev/null && \
	    { diff -ru docs/generated build/docs || { echo "docs/generated is stale: make docs" >&2; exit 1; }; }; fi

# libFuzzer's programs, from source in one go: its coverage must see every decoder.
FUZZ_SECONDS ?= 60
fuzz_programs := $(patsubst tests/fuzz/%.c,build/fuzz/%,$(wildcard tests/fuzz/fuzz_*.c))
.PHONY: fuzz
fuzz: $(fuzz_programs) ## feed every decoder hostile bytes; FUZZ_SECONDS=60 for each
	@for program in $(fuzz_programs); do name=$${program##*/fuzz_}; mkdir -p build/fuzz/corpus/$$name; \
	    $$program -max_total_time=$(FUZZ_SECONDS) -timeout=10 -artifact_prefix=build/fuzz/ -print_final_stats=1 \
	    build/fuzz/corpus/$$name tests/fuzz/corpus/$$name || exit 1; done

fuzzed_sources := $(foreach room,base domain events,$(sort $(wildcard common/$(room)/*.c))) common/bus/bundle.c
build/fuzz/%: tests/fuzz/%.c $(fuzzed_sources) $(headers) | $(gen_headers)
	@mkdir -p $(@D) && echo "CC $@"
	@clang $(language_flags) -O1 -g -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all $(LIBRARY_CFLAGS) \
	    $(filter %.c,$^) $(LIBRARY_LDLIBS) -o $@

.PHONY: format docs
format: packages ## clang-format every C file
	@clang-format -i $(formatted)

docs: all ## print states, messages and settings into docs/generated
	@$(BIN)/ztc docs --dir docs/generated

# --- Housekeeping -------------------------------------------------------------------------------------------------------

.PHONY: packages clean help
packages: ## install the Debian packages that are missing (as root)
	@deploy/packages.sh $(PACKAGES)

clean: ## remove what was built
	rm -rf build

help: ## list the targets
	@sed -n 's/^\([a-z0-9-]*\):.*## \(.*\)/\1\t\2/p' Makefile | while IFS='	' read -r target text; do printf '%-16s %s\n' "$$target" "$$text"; done

# lambda-perf-gate: build, test, measure.  `make help` lists the targets.
#
#   make                      the tool, in build/
#   make SAN=address,undefined test     the same under sanitizers, in build/san-address-undefined/
#   make CC=clang V=1         another compiler, every command shown
#
# Nothing is configured beforehand: each compiler flag is probed, each library is asked of pkg-config. `make demo` and
# `make test` install what is missing first (scripts/install-deps.sh); the other targets only say what is missing.

CC      ?= cc
ifeq ($(origin CC),default)
CC      := cc
endif
PREFIX  ?= /usr/local
DESTDIR ?=
VERSION := $(shell cat VERSION)
SAN     ?=
V       ?=
Q       := $(if $(V),,@)

comma := ,
BUILD_VARIANT := $(if $(SAN),/san-$(subst $(comma),-,$(SAN)))
B       ?= build$(BUILD_VARIANT)

PACKAGES := libcurl libcjson yaml-0.1 libevent libcrypto libzip
PKG      := pkg-config
HAVE_PACKAGES := $(shell $(PKG) --exists $(PACKAGES) 2>/dev/null && echo yes)

# ---- compiler flags, each probed once per compiler ----
try = $(shell $(CC) -Werror $(1) -x c -c /dev/null -o /dev/null 2>/dev/null && echo '$(1)')
WARNINGS := -Wall -Wextra -Wpedantic -Wshadow -Wmissing-prototypes -Wstrict-prototypes -Wwrite-strings -Wvla \
            -Wformat=2 -Wconversion -Wsign-conversion -Wimplicit-fallthrough -Wundef -Wpointer-arith \
            -Wcast-qual -Werror=format-security -Werror=implicit -Werror=incompatible-pointer-types \
            -Werror=int-conversion
PROBED   := -Wtrampolines -Wbidi-chars=any -Wduplicated-cond -Wnull-dereference
HARDEN   := -fstack-clash-protection -fstack-protector-strong -fcf-protection=full -mbranch-protection=standard \
            -ftrivial-auto-var-init=zero -fno-delete-null-pointer-checks -fno-strict-overflow -fno-strict-aliasing \
            -fstrict-flex-arrays=3
PROBED_LD := -Wl,-z,nodlopen -Wl,-z,noexecstack -Wl,-z,relro -Wl,-z,now -Wl,--as-needed
try_ld = $(shell printf 'int main(void){return 0;}' | $(CC) -Werror $(1) -x c - -o /dev/null 2>/dev/null && echo '$(1)')

# Not before there is a compiler to probe: `make test` on a new machine installs it first.
FLAGS_FILE := $(B)/flags-$(notdir $(firstword $(CC))).mk
ifneq ($(and $(HAVE_PACKAGES),$(shell command -v $(firstword $(CC)) 2>/dev/null),$(filter-out \
        clean help install-deps print-%,$(or $(MAKECMDGOALS),all))),)
-include $(FLAGS_FILE)
endif

OPTIMIZE ?= -O2 -g
SAN_FLAGS := $(if $(SAN),-fsanitize=$(SAN) -fno-omit-frame-pointer -fno-sanitize-recover=all)
FORTIFY  := $(if $(SAN),,-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=$(or $(FORTIFY_LEVEL),2))
CPPFLAGS += -D_GNU_SOURCE -Isrc -DLPG_VERSION='"$(VERSION)"' -DLPG_RUNTIMES_DIR='"$(CURDIR)/src/sandbox/runtimes"' \
            -DLPG_DATA_DIR='"$(CURDIR)"'
CFLAGS   += -std=c17 $(OPTIMIZE) $(WARNINGS) $(FLAGS_CC) $(FORTIFY) -fPIE $(if $(WERROR),-Werror) $(SAN_FLAGS) \
            $(shell $(PKG) --cflags $(PACKAGES) 2>/dev/null)
LDFLAGS  += -pie $(FLAGS_LD) $(SAN_FLAGS)
LDLIBS   += $(shell $(PKG) --libs $(PACKAGES) 2>/dev/null) -lm
WERROR   ?= $(if $(CI),1)

# ---- what there is ----
SOURCES  := $(filter-out src/cmd/main.c,$(wildcard src/*/*.c))
OBJECTS  := $(SOURCES:%.c=$(B)/%.o)
LIBRARY  := $(B)/liblambda-perf-gate.a
TOOL     := $(B)/lambda-perf-gate
UNIT     := $(patsubst tests/unit/%.c,$(B)/tests/%,$(wildcard tests/unit/test_*.c))
FUZZ     := $(patsubst tests/fuzz/%.c,$(B)/tests/%,$(wildcard tests/fuzz/fuzz_*.c))
HELPERS  := $(patsubst tests/tools/%.c,$(B)/tests/%,$(wildcard tests/tools/*.c))
BENCHES  := $(patsubst bench/%.c,$(B)/bench/%,$(shell grep -l "^int main" bench/*.c 2>/dev/null))
FIXTURES := $(B)/fixtures/bootstrap-c/bootstrap

.PHONY: all demo test test-unit interop lint format format-check bench bench-programs clean install uninstall help install-deps \
        test-programs accept
.DEFAULT_GOAL := all

all: $(TOOL) ## build the tool

ifeq ($(HAVE_PACKAGES),)
$(OBJECTS) $(B)/src/cmd/main.o: needs-packages
.PHONY: needs-packages
needs-packages:
	@echo "missing libraries: $(PACKAGES). Run 'make install-deps' (or see README.md, \"Building\")" >&2; exit 1
endif

$(FLAGS_FILE): Makefile
	$(Q)mkdir -p $(@D)
	$(Q)printf 'FLAGS_CC := %s\nFLAGS_LD := %s\nFORTIFY_LEVEL := %s\n' \
	  '$(strip $(foreach f,$(PROBED) $(HARDEN),$(call try,$(f))))' \
	  '$(strip $(foreach f,$(PROBED_LD),$(call try_ld,$(f))))' \
	  '$(if $(call try,-O2 -D_FORTIFY_SOURCE=3),3,2)' > $@

$(TOOL): $(B)/src/cmd/main.o $(LIBRARY)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)
	$(if $(Q),@echo "  built    $@")

$(LIBRARY): $(OBJECTS)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(B)/%.o: %.c Makefile VERSION $(FLAGS_FILE)
	$(if $(Q),@echo "  compile  $<")
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

# The runtime loops are part of the binary (see src/sandbox/runtime.c).
$(B)/src/sandbox/runtime.o: $(wildcard src/sandbox/runtimes/*)

$(B)/tests/%: $(B)/tests/unit/%.o $(LIBRARY)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS) -lcmocka
$(B)/tests/%: $(B)/tests/tools/%.o $(LIBRARY)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)
# With any compiler a fuzz target replays its corpus; with clang and SAN=fuzzer,... it searches.
$(B)/tests/fuzz_%: $(B)/tests/fuzz/fuzz_%.o $(if $(findstring fuzzer,$(SAN)),,$(B)/tests/fuzz/replay.o) $(LIBRARY)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)
# A bench program NAME may have parts NAME_*.c.
.SECONDEXPANSION:
$(B)/bench/%: $(B)/bench/%.o $$(addprefix $(B)/,$$(addsuffix .o,$$(basename $$(wildcard bench/$$*_*.c)))) $(LIBRARY)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)
$(B)/fixtures/bootstrap-c/bootstrap: $(wildcard fixtures/bootstrap-c/*.c)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -O2 -D_GNU_SOURCE -o $@ $^

# Objects that a pattern rule made on the way are kept, for the next build.
.SECONDARY:

-include $(OBJECTS:.o=.d) $(wildcard $(B)/src/cmd/*.d $(B)/tests/*/*.d $(B)/bench/*.d)

test-programs: $(TOOL) $(UNIT) $(FUZZ) $(HELPERS) $(FIXTURES) $(B)/bench/statistics

test: install-deps ## install what is missing, then run everything that needs Debian packages only
	$(Q)$(MAKE) --no-print-directory test-programs
	$(Q)B=$(B) CC='$(CC)' scripts/run-tests.sh $(T)

test-unit: $(UNIT) ## the C unit tests alone, T=pattern for some of them
	$(Q)B=$(B) scripts/run-tests.sh --unit $(T)

interop: install-deps ## tests with packages from npm, PyPI, Maven Central and Go, installed into build/interop
	$(Q)$(MAKE) --no-print-directory $(TOOL) $(FIXTURES)
	$(Q)B=$(B) scripts/run-interop.sh $(T)

demo: ## install what is missing, build, and watch a regression caught and an improvement pass
	$(Q)scripts/install-deps.sh demo
	$(Q)$(MAKE) --no-print-directory all
	$(Q)B=$(B) scripts/demo.sh

bench-programs: $(BENCHES) $(TOOL) $(FIXTURES)
bench: bench-programs ## the measurements behind docs/performance.md; T=name for one
	$(Q)B=$(B) bench/run.sh $(T)

lint: ## layers, headers, formatting, shell, long functions
	$(Q)B=$(B) CC='$(CC)' scripts/lint.sh

format: ## format all C files
	$(Q)git ls-files '*.c' '*.h' | xargs clang-format -i

accept: $(TOOL) ## rewrite the golden files of the report tests after showing the difference
	$(Q)B=$(B) scripts/accept-goldens.sh

install-deps:
	$(Q)scripts/install-deps.sh

install: $(TOOL) ## install into PREFIX (default /usr/local)
	install -D -m 0755 $(TOOL) $(DESTDIR)$(PREFIX)/bin/lambda-perf-gate

uninstall:
	rm -f $(DESTDIR)$(PREFIX)/bin/lambda-perf-gate

clean: ## remove build/
	rm -rf build

# For scripts: `make -s print-CPPFLAGS`.
print-%:
	@: $(info $($*))

help: ## this text
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

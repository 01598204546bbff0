# SPDX-License-Identifier: AGPL-3.0-or-later
#
# make            build everything            make check     unit, property, scenario tests, corpora, third parties
# make demo       a push and a download      make lab       the same through osmo-stp, osmo-hlr, osmo-msc
# make fuzz       libFuzzer on decoders       make bench     ratios against the limits of this machine
# make lint       layers, headers, format     make cover     line coverage
# make sim        a fleet under a virtual clock, with faults from a seed (docs/reliability.md)
# make chaos      real daemons killed N times make nightly   what takes hours; goes on where it stopped
# make load       a million operations, then a steady rate for MINUTES on COUNT and CARDS (docs/reliability.md)
# make deps       install the Debian packages make install   DESTDIR= PREFIX= SYSCONFDIR=
#
# Switches: SAN=1 (address + undefined sanitizers)  COV=1  V=1 (show commands)  CC=clang  T=pattern (only these tests)
PREFIX     ?= /usr/local
SYSCONFDIR ?= /etc/osmocom
PKGS       := libosmocore libosmogsm libosmovty libosmoctrl talloc openssl sqlite3 libxml-2.0 \
              libevent libevent_openssl libevent_pthreads jansson
PKG_CONFIG ?= pkg-config

MODE       := $(if $(SAN),san,$(if $(COV),cov,rel))
B          ?= build/$(MODE)
CFLAGS     ?= -O2 -g
VERSION    := $(shell cat VERSION)

# Lazy, so that "make deps" and "make help" run on a machine that has no package yet.
PKG_CFLAGS  = $(eval PKG_CFLAGS := $(shell $(PKG_CONFIG) --cflags $(PKGS)))$(PKG_CFLAGS)
# http_parser comes without a file for pkg-config.
PKG_LIBS    = $(eval PKG_LIBS := $(shell $(PKG_CONFIG) --libs $(PKGS)) -lhttp_parser)$(PKG_LIBS)
WARN       := -Wall -Wextra -Wshadow -Wvla -Wstrict-prototypes -Wmissing-prototypes -Wformat=2 -Wimplicit-fallthrough \
              -Wno-unused-parameter -Werror=incompatible-pointer-types -Werror=implicit-function-declaration
override CFLAGS += -std=gnu11 $(WARN) -fstack-protector-strong -pthread -D_GNU_SOURCE -DVERSION='"$(VERSION)"' \
              -MMD -MP -I. $(if $(WERROR),-Werror)
ifdef SAN
override CFLAGS  += -O1 -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
override LDFLAGS += -fsanitize=address,undefined
else ifdef COV
override CFLAGS  += -O0 --coverage
override LDFLAGS += --coverage
else
override CFLAGS  += -D_FORTIFY_SOURCE=2
endif
override LDFLAGS += -pthread
Q := $(if $(V),,@)

# A folder is a library of all its .c files but main.c; a main.c makes it a program as well.
# Libraries in link order, the ones that use others first.
LIBDIRS    := smsr smdp lab/vphone lab/euicc lab/smsc lab/pki lab/seed lab/air tools/smctl tools/otatool \
              scp81 scp03 scp80 common
srcs        = $(sort $(filter-out %/main.c,$(wildcard $(1)/*.c $(if $(filter common,$(1)),$(1)/*/*.c))))
objs        = $(patsubst %.c,$(B)/%.o,$(call srcs,$(1)))
ar_of       = $(B)/lib/$(subst /,-,$(1)).a
have        = $(if $(call srcs,$(1)),$(call ar_of,$(1)))

# Programs: name, folder of the main.c, libraries.
PROGRAMS   := smsr smdp smctl otatool euicc-sim smsc-sim esim-pki vphone
smsr_DIR      := smsr
smsr_LIBS     := smsr scp81 scp03 scp80 common
smdp_DIR      := smdp
smdp_LIBS     := smdp scp03 common
smctl_DIR     := tools/smctl
smctl_LIBS    := tools/smctl common
otatool_DIR   := tools/otatool
otatool_LIBS  := tools/otatool scp81 scp03 scp80 common
euicc-sim_DIR  := lab/euicc_sim
euicc-sim_LIBS := lab/euicc lab/seed lab/air scp81 scp03 scp80 common
smsc-sim_DIR  := lab/smsc_sim
smsc-sim_LIBS := lab/smsc lab/air scp80 common
esim-pki_DIR  := lab/esim_pki
esim-pki_LIBS := lab/pki lab/seed common
vphone_DIR    := lab/vphone
vphone_LIBS   := lab/air common
vphone_PKGS   := libosmo-sigtran libosmo-netif
BINS       := $(foreach p,$(PROGRAMS),$(if $(wildcard $($(p)_DIR)/main.c),$(B)/bin/$(p)))

EMBED      := $(wildcard schemas/*.xsd schemas/*.wsdl schemas/sql/*.sql)
EMBED_OBJS := $(EMBED:%=$(B)/embed/%.o)
ALL_LIBS    = $(foreach d,$(LIBDIRS),$(call have,$(d)))
TEST_SRCS  := $(sort $(wildcard tests/unit/*_test.c tests/prop/*_prop.c tests/scenario/*_test.c tests/fault/*_test.c))
TESTS      := $(patsubst %.c,$(B)/%,$(TEST_SRCS))
FUZZ_SRCS  := $(sort $(wildcard tests/fuzz/*_fuzz.c))
REPLAYS    := $(patsubst %.c,$(B)/%,$(FUZZ_SRCS))
FUZZERS    := $(patsubst tests/fuzz/%.c,build/fuzz/bin/%,$(FUZZ_SRCS))
TEST_LIB   := $(patsubst %.c,$(B)/%.o,$(sort $(wildcard tests/support/*.c)))
BENCH_SRCS := $(sort $(wildcard tests/bench/*_bench.c))
BENCHES    := $(patsubst %.c,$(B)/%,$(BENCH_SRCS))
BENCH_LIB  := $(patsubst %.c,$(B)/%.o,$(filter-out $(BENCH_SRCS),$(sort $(wildcard tests/bench/*.c))))
SIM_LIB    := $(patsubst %.c,$(B)/%.o,$(filter-out %/main.c %_test.c,$(sort $(wildcard tests/sim/*.c))))
SIMS       := $(patsubst %.c,$(B)/%,$(wildcard tests/sim/main.c tests/sim/*_test.c))
LOADS      := $(patsubst %.c,$(B)/%,$(sort $(wildcard tests/load/*.c)))
SCRIPTS    := $(sort $(wildcard tests/third/*_test.py tests/third/*_test.sh))

all: $(BINS) $(if $(filter $(B)/bin/vphone,$(BINS)),$(B)/lib/sctpshim.so)

define lib_rule
$(call ar_of,$(1)): $(call objs,$(1)) $(if $(filter common,$(1)),$(EMBED_OBJS))
	@mkdir -p $$(@D); rm -f $$@
	$$(Q)ar rcs $$@ $$^
endef
$(foreach d,$(LIBDIRS),$(if $(call srcs,$(d)),$(eval $(call lib_rule,$(d)))))

define prog_rule
$(B)/bin/$(1): $(patsubst %.c,$(B)/%.o,$(wildcard $($(1)_DIR)/*.c)) $(foreach d,$($(1)_LIBS),$(call have,$(d)))
	@mkdir -p $$(@D); echo "  LD   $$@"
	$$(Q)$$(CC) $$(LDFLAGS) -o $$@ $$(sort $$(filter %.o,$$^)) $$(filter %.a,$$^) $$(PKG_LIBS) $$(if $$($(1)_PKGS),$$(shell $$(PKG_CONFIG) --libs $$($(1)_PKGS)))
endef
$(foreach p,$(PROGRAMS),$(if $(wildcard $($(p)_DIR)/main.c),$(eval $(call prog_rule,$(p)))))

$(B)/%.o: %.c Makefile VERSION
	@mkdir -p $(@D); echo "  CC   $<"
	$(Q)$(CC) $(CFLAGS) $(PKG_CFLAGS) -c -o $@ $<
# A schema file becomes the symbols _binary_<path>_start and _end (common/app/embed.h).
$(B)/embed/%.o: %
	@mkdir -p $(@D)
	$(Q)ld -r -b binary -z noexecstack -o $@ $<
# Preloaded into osmo-stp and osmo-msc, hence never with sanitizers.
$(B)/lib/sctpshim.so: lab/osmo/sctpshim.c
	@mkdir -p $(@D); echo "  LD   $@"
	$(Q)$(CC) -std=gnu11 -O2 -g $(WARN) -D_GNU_SOURCE -shared -fPIC -o $@ $< -ldl
$(TESTS): $(B)/tests/%: $(B)/tests/%.o $(TEST_LIB) $(ALL_LIBS)
	@echo "  LD   $@"
	$(Q)$(CC) $(LDFLAGS) -o $@ $(filter %.o,$^) $(filter %.a,$^) $(PKG_LIBS) -lcmocka
$(REPLAYS): $(B)/tests/%: $(B)/tests/%.o $(B)/tests/fuzz/replay.o $(ALL_LIBS)
	@echo "  LD   $@"
	$(Q)$(CC) $(LDFLAGS) -o $@ $(filter %.o,$^) $(filter %.a,$^) $(PKG_LIBS)
$(SIMS): $(B)/tests/%: $(B)/tests/%.o $(SIM_LIB) $(ALL_LIBS)
	@echo "  LD   $@"
	$(Q)$(CC) $(LDFLAGS) -o $@ $(filter %.o,$^) $(filter %.a,$^) $(PKG_LIBS) -lcmocka -lm
$(BENCHES) $(LOADS): $(B)/tests/%: $(B)/tests/%.o $(BENCH_LIB) $(ALL_LIBS)
	@echo "  LD   $@"
	$(Q)$(CC) $(LDFLAGS) -o $@ $(filter %.o,$^) $(filter %.a,$^) $(PKG_LIBS)

check:
	@contrib/deps.sh
	$(Q)$(MAKE) --no-print-directory check-built
check-built: all $(TESTS) $(SIMS) $(REPLAYS)
	@B=$(B) tests/run '$(T)' $(TESTS) $(filter %_test,$(SIMS)) $(REPLAYS) $(if $(SAN),,$(SCRIPTS))
	$(if $(SAN),@echo "with SAN=1 the $(words $(SCRIPTS)) scripts of tests/third do not run: make check runs them")
# Days of a fleet under a virtual clock: SEEDS= FLEET= DAYS= SEED= (the first) ONLY= (these faults) SIM_FLAGS=-v (trace)
sim: $(B)/tests/sim/main
	@$< -s $(or $(SEED),1) -n $(or $(SEEDS),$(if $(SEED),1,20)) -f $(or $(FLEET),20) -d $(or $(DAYS),1) \
	 $(if $(ONLY),-o $(ONLY)) $(SIM_FLAGS)
# Real processes, N kills; the same seed gives the same faults.
chaos:
	@contrib/deps.sh
	$(Q)$(MAKE) --no-print-directory all
	@tests/chaos/run --kills $(or $(N),50) $(if $(SEED),--seed $(SEED)) $(B)
nightly:
	@tests/nightly
demo:
	@contrib/deps.sh
	$(Q)$(MAKE) --no-print-directory all
	@lab/demo/run $(B)
lab:
	@contrib/deps.sh
	$(Q)$(MAKE) --no-print-directory all
	@lab/osmo/run $(B)
bench:
	@contrib/deps.sh
	$(Q)$(MAKE) --no-print-directory all $(BENCHES)
	@tests/bench/run $(B) $(BENCH_FLAGS)
# COUNT operations that wait (1000000), then MINUTES (30) of a steady rate on CARDS (10000): docs/reliability.md
load: all $(LOADS)
	@B=$(B) tests/load/overload.py
	@tests/load/million.py $(B)
	@tests/load/soak.py $(B)
# FUZZ_TIME seconds for each decoder, starting from the stored corpus; what it finds new goes to build/fuzz/corpus, an input
# that breaks it to build/fuzz/broken.  fuzz-merge: what adds coverage goes to the stored corpus, which stays small.
FUZZ_CFLAGS := -O1 -g -U_FORTIFY_SOURCE -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined
fuzz:
	$(Q)$(MAKE) --no-print-directory B=build/fuzz CC=clang CFLAGS='$(FUZZ_CFLAGS)' fuzz-built
	@for f in $(FUZZERS); do n=$$(basename $$f); echo "  FUZZ $$n"; mkdir -p build/fuzz/corpus/$$n build/fuzz/broken/$$n; \
	 $$f -max_total_time=$(or $(FUZZ_TIME),60) -rss_limit_mb=2048 -timeout=10 -print_final_stats=$(or $(FUZZ_STATS),0) -verbosity=0 \
	  -artifact_prefix=build/fuzz/broken/$$n/ \
	  build/fuzz/corpus/$$n tests/fuzz/corpus/$$n || exit 1; done
fuzz-merge:
	$(Q)$(MAKE) --no-print-directory B=build/fuzz CC=clang CFLAGS='$(FUZZ_CFLAGS)' fuzz-built
	@tests/fuzz/merge $(FUZZERS)
fuzz-built: $(FUZZERS)
$(FUZZERS): build/fuzz/bin/%: tests/fuzz/%.c $(ALL_LIBS)
	@mkdir -p $(@D); echo "  LD   $@"
	$(Q)$(CC) $(CFLAGS) -fsanitize=fuzzer $(PKG_CFLAGS) -o $@ $< $(filter %.a,$^) $(PKG_LIBS) -pthread
lint:
	@tests/lint.sh
cover:
	$(Q)$(MAKE) --no-print-directory COV=1 check-built
	@gcovr -r . --object-directory build/cov --exclude tests --exclude build --sort-percentage --print-summary
deps:
	@contrib/deps.sh --install
install: all
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(SYSCONFDIR) $(DESTDIR)$(PREFIX)/share/smsr
	install -m 755 $(BINS) $(DESTDIR)$(PREFIX)/bin
	for f in $(wildcard docs/examples/*.cfg); do d=$(DESTDIR)$(SYSCONFDIR)/$${f##*/}; \
	 [ -e "$$d" ] || install -m 644 "$$f" "$$d" || exit 1; done
	install -m 644 $(wildcard schemas/*.xsd schemas/*.wsdl) $(DESTDIR)$(PREFIX)/share/smsr
	install -d $(DESTDIR)$(PREFIX)/share/smdp
	install -m 644 smdp/templates/*.tpl $(DESTDIR)$(PREFIX)/share/smdp
	install -d $(DESTDIR)$(PREFIX)/share/man/man1 $(DESTDIR)$(PREFIX)/share/man/man8 $(DESTDIR)$(PREFIX)/lib/systemd/system
	install -m 644 man/*.1 $(DESTDIR)$(PREFIX)/share/man/man1
	install -m 644 man/*.8 $(DESTDIR)$(PREFIX)/share/man/man8
	for d in smsr smdp; do sed 's,/usr/bin/,$(PREFIX)/bin/,; s,/etc/osmocom,$(SYSCONFDIR),g' contrib/systemd/$$d.service \
	 >$(DESTDIR)$(PREFIX)/lib/systemd/system/$$d.service || exit 1; done
clean:
	rm -rf build
help:
	@sed -n '3,12p' Makefile | cut -c3-
.PHONY: all check check-built sim chaos nightly demo lab bench fuzz fuzz-merge fuzz-built lint cover deps install clean help
.SECONDARY:
.DELETE_ON_ERROR:
-include $(shell find $(B) -name '*.d' 2>/dev/null)

# SPDX-License-Identifier: Apache-2.0
# Everything starts here: `make help` says what there is. A new source file needs no edit.

BUILD ?= release#   release, debug, asan, tsan
VERSION := 0.1.0
PREFIX ?= /usr/local
FUZZ_TIME ?= 10#    seconds for each fuzz target
MODES ?= release asan tsan#  what `make test` runs
B ?= build$(if $(filter-out release,$(BUILD)),/$(BUILD))

# What connectors are built with, and the servers that their tests start.
DEBS_connectors := libhiredis-dev libsqlite3-dev libpq-dev libcurl4-openssl-dev librdkafka-dev libmosquitto-dev libnats-dev
DEBS_servers := openssl redis-server mosquitto nats-server netcat-openbsd python3 python3-zmq sqlite3 postgresql curl default-jre-headless maven
# What Debian 12 calls what is needed: to build and test; to lint, fuzz and build with clang besides; to make a bare machine.
DEBS := gcc libc6-dev pkg-config procps libczmq-dev libzmq3-dev libfyaml-dev libxxhash-dev libmsgpack-dev libmicrohttpd-dev libcmocka-dev \
        zlib1g-dev libzstd-dev zstd libncurses-dev libpcre2-dev $(DEBS_connectors)
DEBS_lint := clang libclang-rt-14-dev clang-format clang-tidy cppcheck
DEBS_storm := default-jre-headless maven
# What looks at the page; and what checks formats and the screen of `top`, where it is there.
DEBS_page := chromium python3
DEBS_checks := python3-jsonschema python3-zmq python3-msgpack python3-xxhash prometheus ruby tmux
DEBS_fresh := debootstrap
DEBS_docs := cmark-gfm
DEBS_deb := build-essential debhelper dpkg-dev lintian

# pkg-config's names of the libraries, and of what a component needs besides: NEEDS_name. Without it that component is not built.
PACKAGES := libczmq libzmq libfyaml libxxhash msgpack libmicrohttpd
PACKAGES_worker := libzmq libxxhash msgpack
NEEDS_zmq := libzmq libczmq
NEEDS_drpc := libzmq
NEEDS_redis := hiredis
NEEDS_sqlite := sqlite3
NEEDS_postgres := libpq
NEEDS_http := libmicrohttpd libcurl
NEEDS_kafka := rdkafka
NEEDS_mqtt := libmosquitto
NEEDS_nats := libnats
NEEDS_lookup := sqlite3 hiredis
CONNECTED := $(sort $(foreach v,$(filter NEEDS_%,$(.VARIABLES)),$($(v))))
# What the kit uses where it is there; without it, what reads by it says so, and so does `make`.
PACKAGES_kit := zlib libzstd libpcre2-8
LACKS_zlib := gzip is neither read nor written
LACKS_libzstd := files that zstd has compressed are not read
LACKS_libpcre2-8 := expressions have no regular expressions
KIT_HAS := $(foreach p,$(PACKAGES_kit),$(shell pkg-config --exists $(p) 2>/dev/null && echo $(p)))
KIT_LACKS := $(filter-out $(KIT_HAS),$(PACKAGES_kit))
KIT_LIBS := $(if $(KIT_HAS),$(shell pkg-config --libs $(KIT_HAS)))
KIT_FLAGS := $(foreach p,$(KIT_HAS),-DSQI_WITH_$(shell echo $(p) | tr a-z- A-Z_))
# What `squall top` draws with, where it is there; without it, it prints a table.
TOP_HAS := $(shell pkg-config --exists ncursesw 2>/dev/null && echo ncursesw)
TOP_FLAGS := $(if $(TOP_HAS),-DSQI_WITH_NCURSESW $(shell pkg-config --cflags ncursesw))
TOP_LIBS := $(if $(TOP_HAS),$(shell pkg-config --libs ncursesw))

WARNINGS := -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition -Wvla \
            -Wpointer-arith -Wcast-qual -Wwrite-strings -Wundef -Wformat=2 -Werror
CFLAGS_release := -O2 -g -DNDEBUG
CFLAGS_debug := -O0 -g3
CFLAGS_asan := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
CFLAGS_tsan := -O1 -g -fsanitize=thread -fno-omit-frame-pointer
CFLAGS_fuzz := -O1 -g -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
CFLAGS ?= $(CFLAGS_$(BUILD))
# The programs are optimised as a whole; the tests link the same objects as they stand, which is quicker.
LTO := $(if $(findstring clang,$(CC)),,$(if $(filter release,$(BUILD)),-flto=auto))
FLAGS := -std=gnu11 $(WARNINGS) -fvisibility=hidden -D_GNU_SOURCE -DSQI_VERSION=\"$(VERSION)\" -Iruntime -MMD -MP $(CFLAGS) $(if $(LTO),$(LTO) -ffat-lto-objects)
libs = $(shell pkg-config --libs $(1)) -ldl -lpthread -lm
LIBS = $(call libs,$(PACKAGES))
NO_LTO := $(if $(LTO),-fno-lto)
LINK = $(CC) $(CFLAGS) -rdynamic -Wl,--as-needed $(LDFLAGS) -o $@

# A component is a file, or a folder of its name.
UNITS := $(wildcard spouts/*/*.c bolts/*/*.c)
C := $(wildcard runtime/*/*.c cli/*.c clients/*.c spouts/*.c bolts/*.c groupings/*.c topologies/*/*.c tests/*/*.c) $(UNITS)
objects = $(patsubst %.c,$(B)/%.o,$(filter $(1),$(C)))
KIT := $(call objects,$(addprefix runtime/,$(addsuffix /%,kit formats expr windows joins)))
# Both of the runtime and of the kit, which has its own copy.
BOTH := $(addprefix $(B)/runtime/base/,date.o duration.o nearest.o value.o)
CLIENTS := $(call objects,clients/%)
server = $(firstword $(subst _, ,$(notdir $(basename $(1)))))
RUNTIME := $(filter-out $(KIT) %/main.o,$(call objects,runtime/%))
# Three programs: the command with the supervisor, what that spawns, and a task for Apache Storm. Each has what it needs of the runtime, and the linker tells when it needs more.
SQUALL := $(call objects,cli/%) $(filter-out $(B)/runtime/worker/% $(B)/runtime/shell/%,$(RUNTIME))
TASK := task state ledger channel plan component control tuple base
WORKER := $(call objects,$(addprefix runtime/,$(addsuffix /%,worker $(TASK))))
SHELL_TASK := $(call objects,$(addprefix runtime/,$(addsuffix /%,shell $(TASK))))
UNIT := $(basename $(call objects,tests/unit/%))
SHARED := $(call objects,tests/shared/%)
MODELS := $(basename $(call objects,tests/models/%))
FUZZ := $(basename $(call objects,tests/fuzz/%))
BENCH := $(addprefix $(B)/tests/bench/,floor asker sender)
BENCH_DATA := $(addprefix $(B)/tests/bench/,run report rows kjv.txt $(notdir $(wildcard tests/bench/*.yaml)))
FAULTS := $(basename $(call objects,tests/faults/%))
PARTS := $(UNITS:%.c=$(B)/%.o)
FOLDERS := $(patsubst %/,%.so,$(sort $(dir $(PARTS))))
PLUGINS := $(filter-out $(BENCH:=.o) $(PARTS),$(call objects,spouts/% bolts/% groupings/% topologies/% tests/components/% tests/bench/%))
missing = $(if $(NEEDS_$(notdir $(basename $(1)))),$(shell pkg-config --exists $(NEEDS_$(notdir $(basename $(1)))) 2>/dev/null || echo $(1)))
LACKING := $(foreach o,$(PLUGINS),$(call missing,$(o)))
# A component that includes squall-kit.h, a part of it, or squall-window.h, and one that is a folder, links libsquall-kit.so, which it finds one folder above its own, or two.
KITTED := $(patsubst %.c,$(B)/%.so,$(shell grep -l '^# *include *<squall-[a-z]*\.h>' $(PLUGINS:$(B)/%.o=%.c))) $(FOLDERS)
# For `squall doctor`, and for who asks for one that is not there: component, libraries, whether it was built.
comma := ,
space := $(subst ,, )
needs = $(subst $(space),$(comma),$(NEEDS_$(notdir $(basename $(1)))))
CONNECTORS := $(foreach o,$(filter $(B)/spouts/% $(B)/bolts/%,$(PLUGINS)),$(if $(call needs,$(o)),'$(o:$(B)/%.o=%)|$(call needs,$(o))|$(if $(filter $(o),$(LACKING)),no,yes)'))
COMPONENTS := $(patsubst %.o,%.so,$(filter-out $(LACKING),$(PLUGINS))) $(FOLDERS)
SOURCES := $(C) $(wildcard runtime/*.h runtime/*/*.h cli/*.h clients/*.h spouts/*.h bolts/*.h $(addsuffix *.h,$(sort $(dir $(UNITS)))) topologies/*/*.h tests/*/*.h)

ifeq ($(MAKELEVEL),0)
MAKEFLAGS += -j$(shell nproc)
endif
MAKEFLAGS += --no-print-directory
Q := $(if $(V),,@)#  V=1 shows the commands

all: $(B)/squall $(B)/squall-worker $(B)/squall-shell $(B)/libsquall.a $(B)/libsquall-kit.so $(COMPONENTS) $(BENCH) $(BENCH_DATA) ## build the programs and the components (BUILD=release|debug|asan|tsan, CC=gcc|clang, V=1)
	@printf '%s\n' $(CONNECTORS) | tr '|' ' ' | cmp -s - $(B)/connectors || printf '%s\n' $(CONNECTORS) | tr '|' ' ' >$(B)/connectors
	@$(foreach o,$(LACKING),echo "$(o:$(B)/%.o=%) is not built: $(NEEDS_$(notdir $(basename $(o)))) is missing";)
	@$(foreach p,$(KIT_LACKS),echo "$(p) is missing: $(LACKS_$(p))";)

unit: $(UNIT) $(FAULTS) $(MODELS)

$(B)/squall: $(SQUALL)
	@echo "  LINK $@"
	$(Q)$(LINK) $(LTO) $^ $(LIBS) $(TOP_LIBS)
$(B)/squall-worker: $(WORKER)
	@echo "  LINK $@"
	$(Q)$(LINK) $(LTO) $^ $(call libs,$(PACKAGES_worker))
$(B)/squall-shell: $(SHELL_TASK) $(B)/libsquall-kit.so
	@echo "  LINK $@"
	$(Q)$(LINK) $(LTO) $(SHELL_TASK) -L$(B) -lsquall-kit '-Wl,-rpath,$$ORIGIN' $(call libs,$(PACKAGES_worker))
# Each object by a name of its own, for several folders have one of the same, and objcopy unpacks an archive by names.
$(B)/libsquall.a: $(filter-out $(B)/runtime/shell/%,$(RUNTIME))
	@echo "  AR   $@"
	$(Q)rm -rf $@ $@.d && mkdir $@.d
	$(Q)$(foreach o,$^,objcopy --wildcard -R '.gnu.*lto_*' $(o) $@.d/$(subst /,-,$(o:$(B)/runtime/%=%)) &&) true
	$(Q)$(AR) rcs $@ $@.d/*.o && rm -r $@.d
$(B)/libsquall-kit.so: $(KIT) $(BOTH)
	@echo "  LINK $@"
	$(Q)$(CC) $(CFLAGS) $(NO_LTO) -shared -Wl,-soname,$(@F) $(LDFLAGS) -o $@ $^ -Wl,--as-needed $(KIT_LIBS) $(call libs,msgpack)
$(UNIT) $(MODELS): %: %.o $(SHARED) $(RUNTIME) $(KIT)
	@echo "  LINK $@"
	$(Q)$(LINK) $(NO_LTO) $^ $(LIBS) $(KIT_LIBS) -lcmocka
$(FUZZ): %: %.o $(RUNTIME) $(KIT)
	@echo "  LINK $@"
	$(Q)$(LINK) -fsanitize=fuzzer $^ $(LIBS) $(KIT_LIBS)
$(BENCH) $(FAULTS): %: %.o
	@echo "  LINK $@"
	$(Q)$(LINK) $(NO_LTO) $^ $(LIBS)
$(filter-out $(FOLDERS),$(COMPONENTS)): %.so: %.o
$(foreach f,$(FOLDERS),$(eval $f: $(filter $(f:.so=)/%,$(PARTS))))
$(COMPONENTS):
	@echo "  LINK $@"
	$(Q)$(CC) $(CFLAGS) $(NO_LTO) -shared $(LDFLAGS) -o $@ $(filter %.o,$^) $(LINK_KIT) $(if $(NEEDS_$(basename $(@F))),$(shell pkg-config --libs $(NEEDS_$(basename $(@F))))) -Wl,--as-needed -lm
# What the components of a server share, clients/SERVER.c and clients/SERVER_*.c, is linked into each of them.
$(foreach c,$(CLIENTS),$(eval $(filter %/$(call server,$(c)).so,$(COMPONENTS)): $(c)))
$(filter %/lookup.so,$(COMPONENTS)): $(B)/clients/redis.o
$(filter %/return.so,$(COMPONENTS)): $(B)/clients/drpc_request.o
# A test, or a fuzz target, of the same name is linked with it.
$(foreach c,$(CLIENTS),$(eval $(filter %/$(notdir $(basename $(c))),$(UNIT) $(FUZZ)): $(c)))
# And FOLDER_PART with the part of a component.
$(foreach p,$(PARTS),$(eval $(filter %/$(notdir $(p:/$(notdir $(p))=))_$(notdir $(basename $(p))),$(UNIT) $(FUZZ)): $(p)))
$(KITTED): LINK_KIT = -L$(B) -lsquall-kit '-Wl,-rpath,$$ORIGIN/..:$$ORIGIN/../..'
$(KITTED): $(B)/libsquall-kit.so
$(B)/tests/bench/kjv.txt: topologies/wordcount/kjv.txt
	@mkdir -p $(@D) && cp $< $@
$(filter-out %.txt,$(BENCH_DATA)): $(B)/%: %
	@mkdir -p $(@D) && cp $< $@
$(B)/%.o: %.c $(B)/flags
	@mkdir -p $(@D)
	@echo "  CC   $<"
	$(Q)$(CC) $(FLAGS) $(PIC) $(if $(NEEDS_$(call server,$*)),$(shell pkg-config --cflags $(NEEDS_$(call server,$*)))) -c -o $@ $<
PIC := -fPIE
$(B)/cli/new.o: $(wildcard cli/templates/* cli/templates/*/*)
$(B)/runtime/daemon/web.o: docs/openapi.json
$(B)/runtime/daemon/browse.o: runtime/daemon/page.html
$(B)/cli/top_screen.o: PIC += $(TOP_FLAGS)
$(PLUGINS) $(PARTS) $(CLIENTS) $(KIT) $(BOTH): PIC := -fPIC
$(KIT): PIC += $(KIT_FLAGS)

# Holds the compiler and its flags, so that a change of either builds everything anew; and says what is missing before cc does.
$(B)/flags: FORCE
	@command -v $(firstword $(CC)) >/dev/null && pkg-config --exists $(PACKAGES) || \
		{ echo "squall: the compiler or a library is missing (run \`make $(if $(findstring clang,$(CC)),deps-lint,deps)\`)" >&2; exit 1; }
	@mkdir -p $(@D)
	@echo '$(CC) $(FLAGS) $(KIT_FLAGS) $(TOP_FLAGS) $(LDFLAGS)' | cmp -s - $@ || echo '$(CC) $(FLAGS) $(KIT_FLAGS) $(TOP_FLAGS) $(LDFLAGS)' >$@

deps: ## install the Debian packages that are missing (as root or by sudo); nothing when all are there
	@.ci/deps $(DEBS)
deps-lint: ## the same for lint, fuzz, the build with clang, and checks that are skipped else
	@.ci/deps $(DEBS) $(DEBS_lint) $(DEBS_checks)

deps-docs: ## the same for docs
	@.ci/deps $(DEBS) $(DEBS_docs)
docs: all ## the documents as HTML, the manual pages and the schema, below build/docs
	@docs/build $(B)/squall $(B)/docs

demo: deps ## install, build, and count the words of the King James Bible
	@$(MAKE) all
	@$(B)/squall run topologies/wordcount/demo.yaml
test: deps ## install, build, unit tests, integration tests, sanitizer runs; ends with `N passed, N failed`
	@tests/run $(MODES)

test-connectors: deps ## the same for the connectors, each against a real server, which it installs and starts
	@.ci/deps $(DEBS_servers)
	@SUITES=connectors tests/run $(or $(CONNECTOR_MODES),release)

test-storm: deps ## a topology on an Apache Storm of Maven's jars, which it installs and starts
	@.ci/deps $(DEBS_storm)
	@SUITES=storm tests/run release

test-page: deps ## the page that the supervisor serves, in headless Chromium, which it installs (PICTURES=DIR keeps what it saw)
	@.ci/deps $(DEBS_page)
	@SUITES=page tests/run release

faults: all $(FAULTS) $(MODELS) ## kill, stop, starve and overload topologies, and count what is lost (SEEDS=20, SEED=N, ONLY=scenario); 10,000 cases of the models
	@tests/faults/run
	@[ -n "$(ONLY)" ] || SQUALL_MODELLED=10000 tests/integration/models.sh

layers: ## check that the arrows between the folders point one way
	@tests/layers
format: ## let clang-format write the sources
	@clang-format -i $(SOURCES)
lint: layers ## clang-format, clang-tidy and cppcheck find nothing
	@for tool in clang-format clang-tidy cppcheck; do command -v $$tool >/dev/null || \
		{ echo "squall: $$tool is missing (run \`make deps-lint\`)" >&2; exit 1; }; done
	@clang-format --dry-run -Werror $(SOURCES)
	@cppcheck --quiet --std=c11 --enable=warning,performance,portability --inline-suppr --suppressions-list=.cppcheck \
		--error-exitcode=1 -j $(shell nproc) -D__GNUC__ -D_GNU_SOURCE -Iruntime $(C)
	@echo $(C) | xargs -n 1 -P $(shell nproc) sh -c 'clang-tidy --quiet "$$0" -- -std=gnu11 -D_GNU_SOURCE -DSQI_VERSION=\"$(VERSION)\" $(KIT_FLAGS) $(TOP_FLAGS) -Iruntime $(foreach p,$(CONNECTED),$(shell pkg-config --cflags $(p) 2>/dev/null)) 2>/dev/null'

fuzzers: $(FUZZ)
fuzz: ## run each fuzz target for FUZZ_TIME seconds over its corpus (clang)
	@$(MAKE) BUILD=fuzz B=build/fuzz CC=clang fuzzers
	@for target in $(notdir $(FUZZ)); do tests/fuzz/run $$target $(FUZZ_TIME) || exit 1; done

bench: all ## measure against hand-written C on bare libzmq: `squall bench $(ARGS)`
	@$(B)/squall bench $(ARGS)
performance: all ## measure, and write the report into docs/performance.md
	@tests/bench/page $(ARGS)

# What a test of a component in C links, as Debian calls it.
DEBS_sdk := $(filter lib%-dev,$(filter-out libc6-dev libcmocka-dev libncurses-dev libzstd-dev libpcre2-dev $(DEBS_connectors),$(DEBS)))
deb: ## the Debian packages squall and libsquall-dev, below build/deb, as lintian likes them
	@.ci/deps $(DEBS) $(DEBS_deb)
	@.ci/deb $(VERSION) "$(DEBS)" "$(DEBS_sdk)"

test-deb: ## install, use and purge those packages in a bare Debian 12 below build/fresh (root)
	@.ci/deps $(DEBS_fresh)
	@.ci/fresh .ci/deb-check

fresh: ## what a newcomer sees: a bare Debian 12 below build/fresh, this commit cloned into it, make demo, make test (root)
	@.ci/deps $(DEBS_fresh)
	@.ci/fresh

LIB := $(DESTDIR)$(PREFIX)/lib/squall
BUILTIN := $(filter $(B)/spouts/% $(B)/bolts/% $(B)/groupings/%,$(COMPONENTS))
MAN := $(DESTDIR)$(PREFIX)/share/man/man1
SHARE := $(DESTDIR)$(PREFIX)/share
COMPLETIONS := bash-completion/completions/squall zsh/site-functions/_squall fish/vendor_completions.d/squall.fish
EXAMPLES := $(filter-out %.md,$(wildcard topologies/*/*)) $(filter $(B)/topologies/%,$(COMPONENTS))
install: all ## put it below DESTDIR and PREFIX (/usr/local)
	install -D -m 755 $(B)/squall $(DESTDIR)$(PREFIX)/bin/squall
	install -d $(DESTDIR)$(PREFIX)/include
	install -m 644 $(wildcard runtime/squall*.h) $(DESTDIR)$(PREFIX)/include
	install -d $(LIB)/spouts $(LIB)/bolts $(LIB)/groupings $(DESTDIR)$(PREFIX)/lib/pkgconfig
	install -m 644 $(filter $(B)/spouts/%,$(BUILTIN)) $(LIB)/spouts
	install -m 644 $(filter $(B)/bolts/%,$(BUILTIN)) $(LIB)/bolts
	install -m 644 $(filter $(B)/groupings/%,$(BUILTIN)) $(LIB)/groupings
	install -m 644 $(B)/connectors $(LIB)
	install -m 755 $(B)/squall-worker $(B)/squall-shell $(LIB)
	install -d $(LIB)/bench
	install -m 755 $(BENCH) $(B)/tests/bench/run $(B)/tests/bench/report $(LIB)/bench
	install -m 644 $(filter-out %/run %/report,$(BENCH_DATA)) $(filter $(B)/tests/bench/%,$(COMPONENTS)) $(LIB)/bench
	install -m 644 $(B)/libsquall.a $(B)/libsquall-kit.so $(LIB)
	for pc in squall squall-kit squall-test; do sed 's|@PREFIX@|$(PREFIX)|; s|@VERSION@|$(VERSION)|; s|@PACKAGES@|$(PACKAGES)|' \
		docs/$$pc.pc.in >$(DESTDIR)$(PREFIX)/lib/pkgconfig/$$pc.pc; done
	for file in $(EXAMPLES); do install -D -m 644 $$file $(LIB)/$${file#$(B)/} || exit 1; done
# There a component lies beside its topology, and only its owner may write into the folder.
	sed -i 's|$${SQUALL_BUILD:-../../build}/topologies/[a-z-]*/|./|; s|$${OUT:-counts.tsv}|$${OUT:--}|; s|$${OUT:-\.}|$${OUT:-/tmp}|' \
		$(LIB)/topologies/*/*.yaml
	chmod 755 $(LIB)/topologies/*/feed
	for file in README.md CHANGELOG.md docs/*.md docs/*.svg docs/*.png docs/squall.service docs/openapi.json docs/squall.rules.yml docs/squall.grafana.json; do \
		install -D -m 644 $$file $(SHARE)/doc/squall/$$file || exit 1; done
	for file in $(COMPLETIONS); do install -d $(SHARE)/$${file%/*} && $(B)/squall completion $${file%%[-/]*} >$(SHARE)/$$file || exit 1; done
	install -d $(MAN)
	$(B)/squall man >$(MAN)/squall.1
	for verb in $$($(B)/squall help | awk '/^  [a-z]/ { print $$1 }'); do \
		$(B)/squall man $$verb | sed 's|\([ `]\)topologies/|\1$(PREFIX)/lib/squall/topologies/|' >$(MAN)/squall-$$verb.1; done
uninstall: ## take away what install put there
	rm -rf $(LIB) $(DESTDIR)$(PREFIX)/bin/squall $(DESTDIR)$(PREFIX)/include/squall*.h $(DESTDIR)$(PREFIX)/lib/pkgconfig/squall*.pc
	rm -f $(MAN)/squall.1 $(MAN)/squall-*.1 $(addprefix $(SHARE)/,$(COMPLETIONS))
	rm -rf $(SHARE)/doc/squall

clean: ## remove build/
	rm -rf build
help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1|\2/p' Makefile | while IFS='|' read -r t text; do printf '  make %-10s %s\n' "$$t" "$$text"; done

.PHONY: all unit deps deps-lint deps-docs docs demo test test-connectors test-storm faults layers format lint fuzzers fuzz bench performance deb test-deb fresh install uninstall clean help FORCE
.SECONDARY:
-include $(patsubst %.c,$(B)/%.d,$(C))

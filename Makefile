# SPDX-License-Identifier: Apache-2.0
# Everything starts here: `make help` lists what there is. A new source file needs no edit.

BUILD ?= release
PREFIX ?= /usr/local
B := build$(if $(filter-out release,$(BUILD)),/$(BUILD))

PACKAGES := libczmq libzmq libfyaml libxxhash msgpack
WARNINGS := -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition -Wvla \
            -Wpointer-arith -Wcast-qual -Wwrite-strings -Wundef -Wformat=2 -Wno-unknown-warning-option
CFLAGS_release := -O2 -g -DNDEBUG
CFLAGS_debug := -O0 -g3
CFLAGS_asan := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
CFLAGS_tsan := -O1 -g -fsanitize=thread -fno-omit-frame-pointer
CFLAGS ?= $(CFLAGS_$(BUILD))
ALL_CFLAGS := -std=gnu11 $(WARNINGS) -Werror -fvisibility=hidden -fPIC -D_GNU_SOURCE -Iruntime -MMD -MP $(CFLAGS)
LIBS := $(shell pkg-config --libs $(PACKAGES) 2>/dev/null) -ldl -lpthread -lm

RUNTIME := $(patsubst %.c,$(B)/%.o,$(wildcard runtime/*/*.c))
CLI := $(patsubst %.c,$(B)/%.o,$(wildcard cli/*.c))
COMPONENTS := $(patsubst %.c,$(B)/%.so,$(wildcard spouts/*.c bolts/*.c topologies/*/*.c))
UNIT := $(patsubst %.c,$(B)/%,$(wildcard tests/unit/*.c))

all: $(B)/squall $(COMPONENTS)
unit: $(UNIT)

$(B)/squall: $(CLI) $(RUNTIME)
	$(CC) $(CFLAGS) -rdynamic -Wl,--as-needed -o $@ $^ $(LIBS)
$(B)/tests/unit/%: $(B)/tests/unit/%.o $(RUNTIME)
	$(CC) $(CFLAGS) -rdynamic -Wl,--as-needed -o $@ $^ $(LIBS) -lcmocka
$(B)/%.so: $(B)/%.o
	$(CC) $(CFLAGS) -shared -o $@ $<
$(B)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -c -o $@ $<

clean:
	rm -rf build

.PHONY: all unit clean
.SECONDARY:
-include $(shell find $(B) -name '*.d' 2>/dev/null)

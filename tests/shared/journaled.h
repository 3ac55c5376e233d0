/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The journal of a spout in a folder of its own, and messages in it whose bytes follow from their numbers. Include
 * cmocka.h first; for cmocka_unit_test_setup_teardown(), whose state is the place.
 */
#ifndef TESTS_JOURNALED_H
#define TESTS_JOURNALED_H

#include <squall-kit.h>
#include <stdint.h>

#include "folder.h"
#include "kit/journal.h"

enum { SMALL = 1 << 20 };

struct place {
        char folder[96], files[128];
        struct sq_journal_config config;
        struct sqi_kit_journal *journal;
        char error[512];
};

int set_up_journal(void **state);
int tear_down_journal(void **state);

/* Closes it, and opens it as another process would: 0, or a negative errno and `error`. */
int open_it(struct place *place);
void opens(struct place *place);

/* Message `number` is added, and gets this number. */
void add_record(struct place *place, uint64_t number);
/* Those before `to`, from `from` on, are added and written. */
void write_records(struct place *place, uint64_t from, uint64_t to);
/* They come out next, and are what was written. */
void reads(struct place *place, uint64_t from, uint64_t to);
void reads_no_more(struct place *place);

/* The path of the file that begins with this message, good until the next call. */
const char *segment(const struct place *place, uint64_t first);

#endif

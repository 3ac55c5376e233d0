/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Dead letters: what a spout gave up after its last retry, with the cause.
 *
 *  1. sqi_dead_letter_add() when the ledger says so. Any moment will do: it only notes the position and the cause.
 *  2. sqi_dead_letters_write() between two callbacks, and before a position is told that passes over them. It asks
 *     the spout to replay the position into the letter instead of the channels, appends a JSON line to
 *     topology.dead.letter.path, flushed to the disk, and tells the supervisor.
 *
 * A line: {"time","topology","task","position","cause","tuples":[{"stream","fields":{...}}]}. Many tasks may append to
 * one file: sq_append() keeps the lines whole.
 */
#ifndef SQI_DEAD_LETTER_H
#define SQI_DEAD_LETTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "squall.h"
#include "tuple/wire.h"

enum { SQI_DEAD_LETTER_CAUSE = SQI_CAUSE_MAX + 160 };

struct sqi_dead_letter {
        uint64_t position;
        char cause[SQI_DEAD_LETTER_CAUSE];
};

struct sqi_dead_letters {
        struct sqi_dead_letter *items;
        size_t n, size;
        char *tuples; /* the JSON of those being replayed; NULL: none are */
        size_t length;
        bool cut;     /* not all of them are there: the letter goes without */
        bool starved; /* for want of memory: the letter does not go */
};

/* Why the tree that the ledger told of last has failed: by whom, and what that said. */
void sqi_failure_cause(const struct sq_task *task, char ret[SQI_DEAD_LETTER_CAUSE]);
void sqi_dead_letter_add(struct sq_task *task, uint64_t position);
void sqi_dead_letters_write(struct sq_task *task);
/* Appends a record that became no tuple: {"record":...} stands for its tuples. Returns 0 or a negative errno. */
int sqi_dead_letter_record(struct sq_task *task, struct sq_value record, const char *cause);
/* Exactly once: a tuple that the bolt has failed, which nobody replays, is given up. False: it can have no letter, and
 * is lost. */
bool sqi_dead_letter_tuple(struct sq_task *task, const struct sq_tuple *tuple);
/* True: the tuple was emitted for a letter, and has been taken. */
bool sqi_dead_letter_take(struct sq_task *task, unsigned stream, size_t n, const struct sq_value *values);
void sqi_dead_letters_free(struct sqi_dead_letters *letters);

#endif

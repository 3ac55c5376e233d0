/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file of dead letters, topology.dead.letter.path, to which many tasks append.
 *
 * At once: a line that sqi_letter_box_put() has taken is on the disk.
 *
 * Under exactly-once by epochs, so that what is read again after a death has its letter once:
 *
 *  1. sqi_letter_box_put()         holds the line back
 *  2. sqi_letter_box_stage()       where an epoch ends: the lines are a value of the task then, and so in its snapshot
 *  3. sqi_letter_box_publish()     when it is sealed: appends them, and forgets the value
 *
 * Who publishes again looks which of the lines stand there; each carries the time. What a commit itself refuses is put
 * at once: a tuple that a sink has handed over is not handed over again.
 */
#ifndef SQI_LETTER_BOX_H
#define SQI_LETTER_BOX_H

#include <stdbool.h>
#include <stddef.h>

#include "squall.h"

/* All zero: empty. */
struct sqi_letter_box {
        char *held;
        size_t n, room;
        bool tried;  /* to publish them: they may be there */
        bool direct; /* a commit is under way */
};

/* The name of the value. No name of a component has a NUL. */
static const struct sq_str sqi_letters_name = {"\0letters", 8};

/* `line` ends with a line end. All return 0 or a negative errno. */
int sqi_letter_box_put(struct sq_task *task, const char *line, size_t n);
int sqi_letter_box_stage(struct sq_task *task);
/* `again`: it was perhaps done before. */
int sqi_letter_box_publish(struct sq_task *task, bool again);
/* Of a part of a task that is no more. */
int sqi_letter_box_inherit(struct sq_task *task, struct sq_str lines);
void sqi_letter_box_clear(struct sqi_letter_box *box);

#endif

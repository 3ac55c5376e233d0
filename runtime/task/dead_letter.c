/* SPDX-License-Identifier: Apache-2.0 */
#include "task/dead_letter.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "task/task.h"

void
sqi_failure_cause(const struct sq_task *task, char ret[SQI_DEAD_LETTER_CAUSE])
{
        char name[128];

        if (task->spout.cause_task < task->plan->ntasks)
                snprintf(ret, SQI_DEAD_LETTER_CAUSE, "%s: %s",
                         sqi_task_name(task->plan, task->spout.cause_task, name, sizeof(name)),
                         task->cause[0] ? task->cause : "failed it");
        else
                snprintf(ret, SQI_DEAD_LETTER_CAUSE, "%s", task->cause);
}

void
sqi_dead_letter_add(struct sq_task *task, uint64_t position)
{
        struct sqi_dead_letters *letters = &task->spout.letters;

        if (letters->n == letters->size) {
                size_t size = letters->size ? letters->size * 2 : 16;
                struct sqi_dead_letter *items = realloc(letters->items, size * sizeof(*items));
                if (!items) {
                        sqi_task_fail(task, -ENOMEM, "out of memory for a dead letter");
                        return;
                }
                letters->items = items;
                letters->size = size;
        }
        struct sqi_dead_letter *letter = &letters->items[letters->n++];
        letter->position = position;
        sqi_failure_cause(task, letter->cause);
}

/* ---- the tuples of a letter -------------------------------------------------------------------------- */

static char *
reserve(struct sqi_dead_letters *letters, size_t size)
{
        char *tuples = realloc(letters->tuples, letters->length + size + 1);

        if (!tuples) {
                letters->cut = letters->starved = true;
                return NULL;
        }
        letters->tuples = tuples;
        return tuples + letters->length;
}

static void
add_text(struct sqi_dead_letters *letters, const char *text)
{
        size_t size = strlen(text);
        char *at = reserve(letters, size);

        if (!at)
                return;
        memcpy(at, text, size + 1);
        letters->length += size;
}

static void
add_value(struct sqi_dead_letters *letters, struct sq_value value)
{
        size_t size = sq_json(value, NULL, 0);
        char *at = reserve(letters, size);

        if (at)
                letters->length += sq_json(value, at, size + 1);
}

bool
sqi_dead_letter_take(struct sq_task *task, unsigned stream, size_t n, const struct sq_value *values)
{
        struct sqi_dead_letters *letters = &task->spout.letters;
        const struct sqi_plan_stream *about;

        if (!letters->tuples || stream >= task->component->nstreams)
                return false;
        about = &task->component->streams[stream];
        add_text(letters, letters->length ? ",{\"stream\":" : "{\"stream\":");
        add_value(letters, sq_text(about->id));
        add_text(letters, ",\"fields\":{");
        for (size_t i = 0; i < n && i < about->nfields && values[i].form != SQ_SPLICE; i++) {
                add_text(letters, i ? "," : "");
                add_value(letters, sq_text(about->fields[i].name));
                add_text(letters, ":");
                add_value(letters, values[i]);
        }
        add_text(letters, "}}");
        return true;
}

/* While the collector is closed, what the spout emits comes to sqi_dead_letter_take(). */
static void
replay_into(struct sq_task *task, uint64_t position)
{
        struct sqi_dead_letters *letters = &task->spout.letters;
        bool open = task->collector.open, replaying = task->spout.replaying;

        letters->length = 0;
        letters->cut = letters->starved = false;
        add_text(letters, "");
        task->collector.open = false;
        task->spout.replaying = true;
        if (letters->tuples && task->instance.code->spout->replay(task, position) < 0)
                letters->cut = true;
        task->spout.replaying = replaying;
        task->collector.open = open;
}

/* ---- the line ---------------------------------------------------------------------------------------- */

/* The letter about letters->tuples, which end with it. */
static int
write_line(struct sq_task *task, const struct sqi_dead_letter *letter)
{
        struct sq_time now = sq_wall(task);
        time_t seconds = (time_t)now.sec;
        struct tm utc;
        char name[128], time[32], cause[6 * SQI_DEAD_LETTER_CAUSE + 3], *line = NULL;
        int size, r = -ENOMEM;

        gmtime_r(&seconds, &utc);
        strftime(time, sizeof(time), "%Y-%m-%dT%H:%M:%S", &utc);
        sq_json(sq_text(letter->cause), cause, sizeof(cause));
        size = asprintf(
                &line,
                "{\"time\":\"%s.%03uZ\",\"topology\":\"%s\",\"task\":\"%s\",\"position\":%llu,\"cause\":%s,\"tuples\":[%s]}\n",
                time, (unsigned)(now.nsec / 1000000), task->plan->name,
                sqi_task_name(task->plan, task->id, name, sizeof(name)), (unsigned long long)letter->position, cause,
                task->spout.letters.tuples && !task->spout.letters.cut ? task->spout.letters.tuples : "");
        if (size >= 0) {
                r = sqi_letter_box_put(task, line, (size_t)size);
                free(line);
        }
        free(task->spout.letters.tuples);
        task->spout.letters.tuples = NULL;
        return r;
}

void
sqi_dead_letters_write(struct sq_task *task)
{
        struct sqi_dead_letters *letters = &task->spout.letters;

        if (letters->n == 0)
                return;
        for (size_t i = 0; i < letters->n; i++) {
                struct sqi_dead_letter *letter = &letters->items[i];
                int r = 0;
                bool letter_box = task->plan->config.dead_letter != NULL;

                if (letter_box) {
                        replay_into(task, letter->position);
                        r = letters->starved ? -ENOMEM : write_line(task, letter);
                }
                if (r == -ENOMEM) { /* the next incarnation gives it up, and has memory for its letter */
                        sqi_task_fail(task, r, "out of memory for a dead letter");
                        return;
                }
                /* together: who dies before is given up over again, and would count twice as given up, but once as
                 * dead-lettered */
                sqi_count(&task->metrics->given_up, 1);
                sqi_count(&task->metrics->dead_lettered, letter_box && r == 0);
                if (r < 0)
                        sq_log(task, SQ_ERROR, "cannot write the dead letter of position %llu (%s) to %s: %s",
                               (unsigned long long)letter->position, letter->cause, task->plan->config.dead_letter,
                               strerror(-r));
                sqi_task_report(task, &(struct sqi_message){.type = SQI_MSG_DEAD_LETTER,
                                                            .task = task->id,
                                                            .number = letter->position,
                                                            .text = {letter->cause, strlen(letter->cause)}});
        }
        letters->n = 0;
        sqi_task_report_metrics(task);
}

int
sqi_dead_letter_record(struct sq_task *task, struct sq_value record, const char *cause)
{
        struct sqi_dead_letters *letters = &task->spout.letters;
        struct sqi_dead_letter letter = {.position = task->instance.next_position ? task->instance.next_position - 1
                                                                                  : 0};

        snprintf(letter.cause, sizeof(letter.cause), "%s", cause);
        letters->length = 0;
        letters->cut = letters->starved = false;
        add_text(letters, "{\"record\":");
        add_value(letters, record);
        add_text(letters, "}");
        return letters->starved ? -ENOMEM : write_line(task, &letter);
}

static void
add_fields(struct sqi_dead_letters *letters, const struct sq_tuple *tuple)
{
        letters->length = 0;
        letters->cut = letters->starved = false;
        add_text(letters, "{\"fields\":{");
        for (unsigned i = 0; i < sq_tuple_size(tuple); i++) {
                add_text(letters, i ? "," : "");
                add_value(letters, sq_text(sq_tuple_name(tuple, i)));
                add_text(letters, ":");
                add_value(letters, sq_tuple_get(tuple, i));
        }
        add_text(letters, "}}");
}

bool
sqi_dead_letter_tuple(struct sq_task *task, const struct sq_tuple *tuple)
{
        struct sqi_dead_letters *letters = &task->spout.letters;
        struct sqi_dead_letter letter = {0};

        if (!task->plan->config.dead_letter)
                return false;
        snprintf(letter.cause, sizeof(letter.cause), "%s", task->cause[0] ? task->cause : "its bolt failed it");
        add_fields(letters, tuple);
        if (letters->starved || write_line(task, &letter) < 0)
                return false;
        sqi_count(&task->metrics->given_up, 1);
        sqi_count(&task->metrics->dead_lettered, 1);
        sqi_task_log_seldom(task, "gave a tuple up", letter.cause);
        return true;
}

void
sqi_dead_letters_free(struct sqi_dead_letters *letters)
{
        free(letters->items);
        free(letters->tuples);
        memset(letters, 0, sizeof(*letters));
}

int
sq_left_out(struct sq_task *task, bool letter, struct sq_value record, const char *cause)
{
        sqi_count(&task->metrics->left_out, 1);
        sqi_task_log_seldom(task, "left out a record", cause);
        return letter && task->plan->config.dead_letter ? sqi_dead_letter_record(task, record, cause) : 0;
}

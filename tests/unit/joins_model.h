/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A model of joins that keeps every row for ever and looks at all of them whenever a row comes or the time has come
 * further. It has no order: what it says are lines, to be sorted. For tests: include cmocka.h first.
 */
#ifndef TESTS_JOINS_MODEL_H
#define TESTS_JOINS_MODEL_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "squall.h"

enum { STEPS = 40, SIDES = 3, LINES = 40000, LINE = 96, KEYS = 3 };

/* ---- Lines, whatever their order --------------------------------------------------------------------- */

struct lines {
        size_t n;
        char texts[LINES][LINE];
};

static void SQ_PRINTF(2, 3) add_line(struct lines *lines, const char *format, ...)
{
        va_list arguments;

        assert_true(lines->n < LINES);
        va_start(arguments, format);
        (void)vsnprintf(lines->texts[lines->n++], LINE, format, arguments);
        va_end(arguments);
}

static int
compare_lines(const void *a, const void *b)
{
        return strcmp(a, b);
}

/* ---- The model --------------------------------------------------------------------------------------- */

enum kind { WINDOWS, SESSIONS, INTERVAL, TABLE, KINDS };
enum type { INNER, LEFT, FULL };

struct rules {
        enum kind kind;
        enum type type;
        unsigned sides;
        int64_t size, slide, gap, low, high, lateness, wait;
};

struct model_row {
        int64_t time;
        unsigned side, key, id;
        bool late, matched, gone, empty;
};

struct model {
        struct rules rules;
        int64_t now; /* the watermark less the lateness */
        size_t n;
        struct model_row rows[STEPS];
        struct lines out;
};

/* "stream key a,b,c": the ids of what goes out together, - for nulls. */
static void
say(struct model *model, const char *stream, unsigned key, const int *ids, int64_t end)
{
        char text[LINE];
        size_t used = 0;

        for (unsigned s = 0; s < model->rules.sides; s++)
                used += (size_t)snprintf(text + used, sizeof(text) - used, ids[s] < 0 ? " -" : " %d", ids[s]);
        if (model->rules.kind == INTERVAL || model->rules.kind == TABLE)
                add_line(&model->out, "%s %u%s", stream, key, text);
        else
                add_line(&model->out, "%s %u%s until %lld", stream, key, text, (long long)end);
}

static void
say_alone(struct model *model, const char *stream, const struct model_row *row, int64_t end)
{
        int ids[SIDES] = {-1, -1, -1};

        ids[row->side] = (int)row->id;
        say(model, stream, row->key, ids, end);
}

static bool
is_in(const struct model *model, const struct model_row *row, unsigned key, __int128 start, __int128 end)
{
        return !row->late && !row->gone && row->key == key && row->time >= start && row->time < end &&
               row->side < model->rules.sides;
}

/* All combinations of one row a side, of those in the window. */
static void
combine(struct model *model, unsigned key, __int128 start, __int128 end, unsigned side, int *ids)
{
        bool any = false;

        if (side == model->rules.sides) {
                say(model, "joined", key, ids, (int64_t)end);
                return;
        }
        for (size_t i = 0; i < model->n; i++)
                if (model->rows[i].side == side && is_in(model, &model->rows[i], key, start, end)) {
                        any = true;
                        ids[side] = (int)model->rows[i].id;
                        combine(model, key, start, end, side + 1, ids);
                }
        if (any)
                return;
        ids[side] = -1;
        combine(model, key, start, end, side + 1, ids);
}

static void
end_window(struct model *model, unsigned key, __int128 start, __int128 end)
{
        size_t counts[SIDES] = {0};
        unsigned full = 0;
        int ids[SIDES];

        for (size_t i = 0; i < model->n; i++)
                if (is_in(model, &model->rows[i], key, start, end))
                        counts[model->rows[i].side]++;
        for (unsigned s = 0; s < model->rules.sides; s++)
                full += counts[s] > 0;
        if (full == model->rules.sides || (model->rules.type == LEFT && counts[0]) ||
            (model->rules.type == FULL && full)) {
                combine(model, key, start, end, 0, ids);
                return;
        }
        for (size_t i = 0; i < model->n; i++)
                if (is_in(model, &model->rows[i], key, start, end))
                        say_alone(model, "unmatched", &model->rows[i], (int64_t)end);
}

/* The end of the last window of a time. */
static __int128
last_end(const struct rules *rules, int64_t time)
{
        __int128 rest = (__int128)time % rules->slide;

        return time - (rest < 0 ? rest + rules->slide : rest) + rules->size;
}

/* Each window that ends after `before` and up to `now`, once. */
static void
end_windows(struct model *model, __int128 before, __int128 now)
{
        const struct rules *rules = &model->rules;

        for (unsigned key = 0; key < KEYS; key++)
                for (size_t i = 0; i < model->n; i++) {
                        const struct model_row *row = &model->rows[i];

                        if (row->late || row->key != key)
                                continue;
                        for (__int128 end = last_end(rules, row->time); end > row->time; end -= rules->slide) {
                                bool first = end > before && end <= now;

                                for (size_t j = 0; first && j < i; j++)
                                        first = !is_in(model, &model->rows[j], key, end - rules->size, end);
                                if (first)
                                        end_window(model, key, end - rules->size, end);
                        }
                }
}

/* From a row on, everything that a chain of rows no more than the gap apart leads to. */
static void
session_of(const struct model *model, const struct model_row *of, __int128 *start, __int128 *end)
{
        bool more = true;

        *start = of->time;
        *end = (__int128)of->time + model->rules.gap;
        while (more) {
                more = false;
                for (size_t i = 0; i < model->n; i++) {
                        const struct model_row *row = &model->rows[i];
                        __int128 until = (__int128)row->time + model->rules.gap;

                        if (row == of || row->late || row->gone || row->key != of->key || row->time > *end ||
                            until < *start || (row->time >= *start && until <= *end))
                                continue;
                        *start = row->time < *start ? row->time : *start;
                        *end = until > *end ? until : *end;
                        more = true;
                }
        }
}

static void
end_sessions(struct model *model, __int128 now)
{
        __int128 start, end;

        for (size_t i = 0; i < model->n; i++) {
                if (model->rows[i].late || model->rows[i].gone)
                        continue;
                session_of(model, &model->rows[i], &start, &end);
                if (end > now)
                        continue;
                end_window(model, model->rows[i].key, start, end);
                for (size_t j = 0; j < model->n; j++)
                        if (is_in(model, &model->rows[j], model->rows[i].key, start, end))
                                model->rows[j].gone = true;
        }
}

/* The second's time less the first's, whichever of the two is which. */
static bool
is_near(const struct rules *rules, const struct model_row *a, const struct model_row *b)
{
        __int128 apart = a->side == 0 ? (__int128)b->time - a->time : (__int128)a->time - b->time;

        return a->side != b->side && a->key == b->key && !a->late && !b->late && apart >= rules->low &&
               apart <= rules->high;
}

static void
meet(struct model *model, struct model_row *row)
{
        for (size_t i = 0; i + 1 < model->n; i++) {
                struct model_row *other = &model->rows[i];
                int ids[SIDES];

                if (!is_near(&model->rules, row, other))
                        continue;
                ids[row->side] = (int)row->id;
                ids[other->side] = (int)other->id;
                row->matched = other->matched = true;
                say(model, "joined", row->key, ids, 0);
        }
}

/* Rows that nothing that is not late can be near to any more. */
static void
end_intervals(struct model *model, __int128 now)
{
        for (size_t i = 0; i < model->n; i++) {
                struct model_row *row = &model->rows[i];
                bool nulls = model->rules.type == FULL || (model->rules.type == LEFT && row->side == 0);
                __int128 last = (__int128)row->time + (row->side == 0 ? model->rules.high : -model->rules.low);

                if (row->late || row->gone || last >= now)
                        continue;
                row->gone = true;
                if (!row->matched)
                        say_alone(model, nulls ? "joined" : "unmatched", row, 0);
        }
}

/* ---- Tables: the second side ------------------------------------------------------------------------- */

/* The row that the table has of a key; NULL: none. */
static const struct model_row *
entry_of(const struct model *model, unsigned key)
{
        for (size_t i = 0; i < model->n; i++)
                if (model->rows[i].side == 1 && model->rows[i].key == key && !model->rows[i].gone)
                        return &model->rows[i];
        return NULL;
}

static void
meet_entry(struct model *model, struct model_row *row, const struct model_row *entry)
{
        const int ids[SIDES] = {(int)row->id, (int)entry->id, -1};

        row->gone = true;
        say(model, "joined", row->key, ids, 0);
}

static void
end_waiting(struct model *model, __int128 now)
{
        for (size_t i = 0; i < model->n; i++) {
                struct model_row *row = &model->rows[i];

                if (row->side != 0 || row->gone ||
                    (model->rules.wait > 0 && (__int128)row->time + model->rules.wait > now))
                        continue;
                row->gone = true;
                say_alone(model, model->rules.type == LEFT ? "joined" : "unmatched", row, 0);
        }
}

static void
change_table(struct model *model, struct model_row *row)
{
        struct model_row *entry = (struct model_row *)(uintptr_t)entry_of(model, row->key);

        if (entry != row && row->time < entry->time) {
                row->gone = true;
                return;
        }
        if (entry != row)
                entry->gone = true;
        row->gone = row->empty;
        for (size_t i = 0; i < model->n && !row->gone; i++)
                if (model->rows[i].side == 0 && model->rows[i].key == row->key && !model->rows[i].gone)
                        meet_entry(model, &model->rows[i], row);
}

static void
look_up(struct model *model, struct model_row *row)
{
        const struct model_row *entry = entry_of(model, row->key);

        if (entry)
                meet_entry(model, row, entry);
        else
                end_waiting(model, model->now == INT64_MIN ? (__int128)INT64_MIN * 2 : model->now);
}

/* ---- All --------------------------------------------------------------------------------------------- */

static void
model_time(struct model *model, __int128 now, bool end)
{
        __int128 before = model->now;

        if (end)
                now = (__int128)INT64_MAX * 2;
        if (model->rules.kind == WINDOWS)
                end_windows(model, before, now);
        else if (model->rules.kind == SESSIONS)
                end_sessions(model, now);
        else if (model->rules.kind == TABLE)
                end_waiting(model, now);
        else
                end_intervals(model, now);
        model->now = end ? INT64_MAX : (int64_t)now;
}

static bool
is_too_late(const struct model *model, const struct model_row *row)
{
        const struct rules *rules = &model->rules;

        if (model->now == INT64_MIN || rules->kind == TABLE)
                return false;
        if (rules->kind == WINDOWS)
                return last_end(rules, row->time) <= model->now;
        if (rules->kind == INTERVAL)
                return row->time < model->now;
        if ((__int128)row->time + rules->gap > model->now)
                return false;
        for (size_t i = 0; i + 1 < model->n; i++) {
                const struct model_row *other = &model->rows[i];
                __int128 apart = (__int128)row->time - other->time;

                if (!other->late && !other->gone && other->key == row->key && apart <= rules->gap &&
                    -apart <= rules->gap)
                        return false;
        }
        return true;
}

static void
model_add(struct model *model, struct model_row added)
{
        struct model_row *row = &model->rows[model->n++];
        int ids[SIDES] = {-1, -1, -1};

        *row = added;
        row->late = is_too_late(model, row);
        if (model->rules.kind == TABLE) {
                (row->side == 1 ? change_table : look_up)(model, row);
        } else if (row->late) {
                ids[row->side] = (int)row->id;
                say(model, "late", row->key, ids, 0);
        } else if (model->rules.kind == INTERVAL) {
                meet(model, row);
                end_intervals(model, model->now == INT64_MIN ? (__int128)INT64_MIN * 2 : model->now);
        }
}

#endif

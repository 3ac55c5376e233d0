/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of `squall top`: rows made from what the supervisor answers, with what they did in the last minute, sorted
 * and filtered. How they are drawn is the matter of others.
 */
#ifndef CLI_TOP_ROWS_H
#define CLI_TOP_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "squall.h"

/* One list: a column, its head, its width, how it is written, and how wide a terminal has to be for it. */
enum cli_form {
        CLI_FORM_COUNT,
        CLI_FORM_RATE,
        CLI_FORM_SHARE,
        CLI_FORM_TIME,
        CLI_FORM_SPAN,
        CLI_FORM_BYTES,
        CLI_FORM_TEXT
};
#define CLI_TOP_COLUMNS(X) \
        X(STATE, "state", 9, TEXT, 0) \
        X(NTASKS, "tasks", 5, COUNT, 0) \
        X(RATE, "tuples/s", 8, RATE, 0) \
        X(BUSY, "busy", 5, SHARE, 0) \
        X(BLOCKED, "block", 5, SHARE, 0) \
        X(P50, "p50", 7, TIME, 96) \
        X(P99, "p99", 7, TIME, 0) \
        X(PENDING, "pending", 7, COUNT, 104) \
        X(FAILED, "failed", 6, COUNT, 0) \
        X(RESTARTS, "rest.", 5, COUNT, 0) \
        X(CPU, "cpu", 5, SHARE, 110) \
        X(RSS, "rss", 7, BYTES, 118) \
        X(BEHIND, "behind", 10, SPAN, 130) \
        X(IDLE, "idle", 5, COUNT, 136)

enum cli_top_column {
#define X(name, ...) CLI_TOP_##name,
        CLI_TOP_COLUMNS(X)
#undef X
                CLI_TOP_NCOLUMNS
};
struct cli_top_head {
        const char *head;
        int width;
        enum cli_form form;
        int from; /* columns of a terminal */
};
extern const struct cli_top_head cli_top_heads[CLI_TOP_NCOLUMNS];

enum cli_top_level { CLI_TOP_TOPOLOGIES, CLI_TOP_COMPONENTS, CLI_TOP_TASKS, CLI_TOP_LOG };
/* Is there such a column at that level? */
bool cli_top_has(enum cli_top_level level, enum cli_top_column column);

enum { CLI_TOP_NAME = 128, CLI_TOP_SPARKS = 60 };
struct cli_top_row {
        char name[CLI_TOP_NAME], state[16];
        double values[CLI_TOP_NCOLUMNS]; /* BEHIND: how far event time is, 0 where it is not known */
        bool limits;                     /* it is the bottleneck */
        const struct cli_top_memory *memory;
};

/* What one name did at the last looks: see top_rows.c. */
struct cli_top_memory {
        char name[CLI_TOP_NAME];
        double rates[CLI_TOP_SPARKS]; /* the n-th look at n modulo their number */
        uint64_t looks, at_ns;
        double cpu_s, cpu; /* as last told; of a core, since the look before */
        struct cli_top_memory *next;
};

struct cli_top_rows {
        struct cli_top_row *rows;
        size_t n, room;
        struct cli_top_memory *memories;
};

/* Anew from a list (LIST) or a topology (STATUS); of tasks, those of `component`. `now_ns`: monotonic. */
void cli_top_take(struct cli_top_rows *rows, enum cli_top_level level, struct sq_value answer, const char *component,
                  uint64_t now_ns);
/* By a column, the largest first; column CLI_TOP_NCOLUMNS: as they came. Those whose name has no `filter` go. */
void cli_top_arrange(struct cli_top_rows *rows, enum cli_top_column column, bool reverse, const char *filter);
void cli_top_free(struct cli_top_rows *rows);

/* Into the buffer, which is returned. */
enum { CLI_TOP_CELL = 32 };
const char *cli_top_cell(const struct cli_top_row *row, enum cli_top_column column, char buffer[CLI_TOP_CELL]);
/* The last `width` looks from 0 to 8, 8 the largest of them; -1 where there was none. */
void cli_top_sparks(const struct cli_top_memory *memory, int width, int *ret_heights);

#endif

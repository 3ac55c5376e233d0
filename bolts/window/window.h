/* SPDX-License-Identifier: Apache-2.0 */
/* What the units of the bolt `window` share: window.c, the bolt, stands on its settings and on the panes of a key. */
#ifndef WINDOW_H
#define WINDOW_H

#include <squall-kit.h>

enum kind { COUNT, SUM, AVG, MIN, MAX, QUANTILE, DISTINCT, KINDS };

struct aggregate {
        enum kind kind;
        int column; /* among the input fields; negative: it has none */
        double quantile;
};

struct window {
        const char *size, *slide;
        struct sq_list by;
        struct sq_pairs compute;

        struct aggregate *aggregates;
        size_t n;
        bool timed;
        int64_t length, step, pane; /* ns or tuples */
        int64_t wall;               /* sq_now() + wall: ns since 1970 */
        int64_t end;                /* of the window under way, ns since 1970 */
        uint64_t layout;
};

/* The state of a key. */
struct key {
        int64_t seen;    /* tuples */
        int64_t end;     /* windows of time: of its next one, ns since 1970 */
        uint64_t layout; /* hash of the settings that its panes are made by; 0: the key is new */
};

/* ---- settings.c -------------------------------------------------------------------------------------- */

void window_declare(struct sq_declaration *decl);
/* Takes the settings apart, in which window_declare() found no fault. 0 or -ENOMEM; free(self->aggregates) ends it. */
int window_read_settings(struct window *self);
/* Of all settings that decide what the panes of a key look like; above 0. */
uint64_t window_layout(const struct window *self);

/* ---- panes.c ----------------------------------------------------------------------------------------- */

/* A part of a window, which no window's beginning or end cuts, and a cell for each aggregate; the key's. */
struct pane;

/* The newest of the key, made if it has another number: it begins at number * self->pane. */
struct pane *window_pane_of(struct sq_task *task, const struct key *key, int64_t number);
/* Folds a value into the cell of aggregate `i`; nil is left out. False: no memory. */
bool window_fold_in(struct sq_task *task, const struct key *key, struct pane *pane, size_t i, struct sq_value value);
/* Aggregate `i` over all panes of the key. False: no memory. */
bool window_compute(struct sq_task *task, const struct key *key, size_t i, struct sq_value *ret);
/* Drops the panes that end at `until` or before. False: that was all the key had. */
bool window_expire(struct sq_task *task, const struct key *key, int64_t until);

#endif

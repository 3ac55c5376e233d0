/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How `squall tap` shows tuples: a JSON object a line, or the rows of a table.
 *
 *     struct cli_tap_show show = {.table = true};
 *     cli_tap_show_begin(&show, viewer)                another viewer: the columns are those of its stream
 *     cli_tap_show_tuple(&show, viewer, &tuple)
 *     cli_tap_show_flush(&show)                        what was shown is on stdout, and nothing is kept
 *
 * Data is never handed to a terminal as it is: control characters are escaped as in JSON.
 */
#ifndef CLI_TAP_SHOW_H
#define CLI_TAP_SHOW_H

#include "table.h"
#include "viewer/viewer.h"

struct cli_tap_show {
        bool table, meta; /* meta: JSON says which task and which stream it was */
        struct cli_table rows;
        int widths[SQ_FIELDS_MAX + 1];
        bool headed, waiting; /* it has a head, which is not printed yet */
};

/* CLI_DONE; or CLI_USAGE, and that is said: a table is of one stream. */
int cli_tap_show_begin(struct cli_tap_show *show, const struct sqi_viewer *viewer);
void cli_tap_show_tuple(struct cli_tap_show *show, const struct sqi_viewer *viewer, const struct sqi_viewed *tuple);
void cli_tap_show_flush(struct cli_tap_show *show);

#endif

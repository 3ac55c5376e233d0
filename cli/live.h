/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A line at the foot of the terminal that stays while others print above it.
 *
 * The workers write to the terminal by themselves, so a line that is erased and drawn anew would get mixed with what
 * they write. Instead the terminal is told to scroll all its rows but the last (DECSTBM), and the last one is drawn in
 * one write, the cursor being put back. Without a terminal nothing of this happens.
 */
#ifndef CLI_LIVE_H
#define CLI_LIVE_H

#include <stdbool.h>

struct cli_live {
        int fd;
        bool wanted; /* it is a terminal of more than some rows */
        int rows;    /* of the terminal when the line was drawn; 0: it is not there */
};

/* Nothing is drawn yet. */
struct cli_live cli_live(int fd);
/* Draws the text, cut to the width of the terminal, in place of what stood there. */
void cli_live_show(struct cli_live *live, const char *text);
/* Takes the line away and gives the row back. */
void cli_live_end(struct cli_live *live);

#endif

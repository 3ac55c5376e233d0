/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What `squall top` draws, by ncurses, where the build has it (SQI_WITH_NCURSESW).
 *
 *  1. cli_screen_begin(); false: there is no such screen here.
 *  2. cli_screen_draw() whenever something has changed, cli_screen_key() for what was typed; both know the terminal's
 *     size, whatever becomes of it.
 *  3. cli_screen_end(): the terminal is as it was.
 */
#ifndef CLI_TOP_SCREEN_H
#define CLI_TOP_SCREEN_H

#include "top_rows.h"

enum { CLI_VIEW_TEXT = 512 };

struct cli_top_view {
        enum cli_top_level level;
        char title[CLI_VIEW_TEXT], limit[CLI_VIEW_TEXT], lag[CLI_VIEW_TEXT], death[CLI_VIEW_TEXT];
        bool keeps_up; /* `limit` is good news */
        const struct cli_top_rows *rows;
        size_t selected, first; /* rows; `first` is kept by the drawing */
        enum cli_top_column sorted;
        bool reverse, paused, typing; /* typing: the filter */
        char filter[64];
        const char *log; /* CLI_TOP_LOG: its lines */
};

/* What was typed, beside characters. */
enum cli_key {
        CLI_KEY_NONE = -1,
        CLI_KEY_UP = 256,
        CLI_KEY_DOWN,
        CLI_KEY_PAGE_UP,
        CLI_KEY_PAGE_DOWN,
        CLI_KEY_ENTER,
        CLI_KEY_BACK, /* Escape, backspace or left */
        CLI_KEY_RUBOUT,
        CLI_KEY_RESIZE,
};

bool cli_screen_begin(void);
void cli_screen_end(void);
void cli_screen_draw(struct cli_top_view *view);
int cli_screen_key(int milliseconds);

#endif

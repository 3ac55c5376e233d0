/* SPDX-License-Identifier: Apache-2.0 */
#include "live.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { ROWS_MIN = 5, LINE_MAX_BYTES = 512 };

/* What a terminal of the VT100's family does: ECMA-48, and DEC's own for the cursor (7, 8) and the rows that scroll
 * (r). */
#define SAVE_CURSOR "\0337"
#define RESTORE_CURSOR "\0338"
#define ERASE_LINE "\033[K"

static bool
size_of(int fd, struct winsize *ret)
{
        return ioctl(fd, TIOCGWINSZ, ret) == 0 && ret->ws_row >= ROWS_MIN && ret->ws_col > 0;
}

struct cli_live
cli_live(int fd)
{
        const char *term = getenv("TERM");
        bool dumb = !term || strcmp(term, "dumb") == 0;

        return (struct cli_live){.fd = fd, .wanted = !dumb && isatty(fd) == 1};
}

static void
put(const struct cli_live *live, const char *text)
{
        ssize_t n = write(live->fd, text, strlen(text));

        (void)n; /* a terminal that is gone shows nothing */
}

/* The cursor may stand in the last row: the line feed makes room there before the row is taken. */
static void
take_row(struct cli_live *live, int rows)
{
        char text[64];

        snprintf(text, sizeof(text), "\n" SAVE_CURSOR "\033[1;%dr" RESTORE_CURSOR "\033[A", rows - 1);
        put(live, text);
        live->rows = rows;
}

void
cli_live_show(struct cli_live *live, const char *text)
{
        char drawn[LINE_MAX_BYTES];
        struct winsize size;

        if (!live->wanted || !size_of(live->fd, &size))
                return;
        if (live->rows != size.ws_row)
                take_row(live, size.ws_row);
        snprintf(drawn, sizeof(drawn), SAVE_CURSOR "\033[%d;1H%.*s" ERASE_LINE RESTORE_CURSOR, live->rows,
                 size.ws_col - 1, text);
        put(live, drawn);
}

void
cli_live_end(struct cli_live *live)
{
        char text[64];

        if (live->rows == 0)
                return;
        snprintf(text, sizeof(text), SAVE_CURSOR "\033[r\033[%d;1H" ERASE_LINE RESTORE_CURSOR, live->rows);
        put(live, text);
        live->rows = 0;
}

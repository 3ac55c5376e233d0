/* SPDX-License-Identifier: Apache-2.0 */
#include "death.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "talk.h"

enum { FRAMES = 40, FRAMES_BRIEF = 2, LOG_LINES = 20, LOG_LINES_BRIEF = 3 };

const char *
cli_ago_text(struct sq_value event, char buffer[CLI_AGO_SIZE])
{
        double ago = (double)time(NULL) - (double)cli_get_uint(event, "id") / 1e6;
        char text[32];

        snprintf(buffer, CLI_AGO_SIZE, "%s ago", cli_duration_text(ago, text, sizeof(text)));
        return buffer;
}

/* The last `most` of a list of texts, one a line. */
static void
show_texts(const char *head, struct sq_value texts, size_t most)
{
        struct sq_items items = sq_items(texts), all = items;
        struct sq_value text;
        size_t n = 0;

        while (sq_next_item(&all, &text))
                n++;
        size_t skip = n > most ? n - most : 0;
        while (sq_next_item(&items, &text))
                if (skip > 0)
                        skip--;
                else
                        printf("  %-9s %.*s\n", head, (int)text.len, (const char *)text.as.ptr);
}

/* Is a frame of a backtrace the runtime's? It is "NUMBER  FILE  FUNCTION+OFFSET ...". */
static bool
is_of_runtime(struct sq_str frame)
{
        static const char name[] = "squall-worker ";
        size_t at = 0;

        while (at < frame.len && strchr(" 0123456789", frame.ptr[at]))
                at++;
        return frame.len - at >= sizeof(name) - 1 && memcmp(frame.ptr + at, name, sizeof(name) - 1) == 0;
}

/* The innermost frames. Those of the component tell the most: what has called it is the same each time. */
static void
show_backtrace(struct sq_value frames, bool whole)
{
        struct sq_items items = sq_items(frames);
        struct sq_value text;
        size_t shown = 0, left = 0;

        while (sq_next_item(&items, &text)) {
                struct sq_str frame = {(const char *)text.as.ptr, text.len};

                if (left > 0 || shown >= FRAMES || (!whole && shown >= FRAMES_BRIEF && is_of_runtime(frame))) {
                        left++;
                        continue;
                }
                printf("  %-9s %.*s\n", "at", (int)frame.len, frame.ptr);
                shown++;
        }
        if (left > 0)
                printf("  %-9s and %zu more%s\n", "at", left, whole ? "" : " (squall logs TOPOLOGY --deaths)");
}

static void
show_what_was_done(struct sq_value death)
{
        double delay = cli_get_real(death, "restart_in_s");
        uint64_t deaths = cli_get_uint(death, "deaths");

        if (delay < 0)
                printf("  %-9s given up", "then");
        else if (delay == 0)
                printf("  %-9s restarted at once", "then");
        else
                printf("  %-9s restarted after %.1f s", "then", delay);
        printf("; %llu death%s of it so far\n", (unsigned long long)deaths, deaths == 1 ? "" : "s");
}

void
cli_death_show(struct sq_value death, bool whole)
{
        struct sq_str task = cli_get_str(death, "task"), cause = cli_get_str(death, "cause");
        char ago[CLI_AGO_SIZE];

        printf("%.*s died %s, as incarnation %llu: %.*s\n", (int)task.len, task.ptr, cli_ago_text(death, ago),
               (unsigned long long)cli_get_uint(death, "incarnation"), (int)cause.len, cause.ptr);
        show_what_was_done(death);
        show_texts("tuple", cli_get(death, "tuple"), 1);
        show_backtrace(cli_get(death, "backtrace"), whole);
        show_texts("log", cli_get(death, "log"), whole ? LOG_LINES : LOG_LINES_BRIEF);
}

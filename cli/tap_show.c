/* SPDX-License-Identifier: Apache-2.0 */
#include "tap_show.h"

#include <stdlib.h>
#include <string.h>

#include "tuple/writer.h"
#include "verb.h"

/* Of cells; so wide is a column from the start, that it need not move soon. */
enum { CELL_MAX = 40, TEXT_MIN = 12, NUMBER_MIN = 6, NAME_SIZE = 128 };

/* ---- A table ----------------------------------------------------------------------------------------- */

static const struct sqi_plan_stream *
only_stream(const struct sqi_viewer *viewer)
{
        const struct sqi_plan_component *component = sqi_viewer_component(viewer);
        const struct sqi_plan_stream *only = NULL;

        for (uint32_t s = 0; s < component->nstreams; s++)
                if (sqi_viewer_has(viewer, s)) {
                        if (only)
                                return NULL;
                        only = &component->streams[s];
                }
        return only;
}

int
cli_tap_show_begin(struct cli_tap_show *show, const struct sqi_viewer *viewer)
{
        const struct sqi_plan_stream *stream = show->table ? only_stream(viewer) : NULL;
        const char *id = sqi_viewer_component(viewer)->id;

        if (!show->table)
                return CLI_DONE;
        if (!stream)
                return cli_error(CLI_USAGE, "%s has several streams, and a table is of one (%s:STREAM, or --json)", id,
                                 id);
        if (show->headed && show->rows.columns == stream->nfields + 1)
                return CLI_DONE;
        cli_tap_show_flush(show);
        cli_table_clear(&show->rows);
        memset(show->widths, 0, sizeof(show->widths));
        show->rows = (struct cli_table){
                .columns = stream->nfields + 1, .left = stream->nfields + 1, .widths = show->widths};
        cli_table_cell(&show->rows, "task");
        for (uint32_t f = 0; f < stream->nfields; f++) {
                cli_table_cell(&show->rows, "%s", stream->fields[f].name);
                show->widths[f + 1] = stream->fields[f].type == SQ_STR ? TEXT_MIN : NUMBER_MIN;
        }
        show->headed = show->waiting = true;
        return CLI_DONE;
}

/* Text as JSON has it, without the quotes. */
static void
put_cell(struct cli_table *table, struct sq_value value, bool last)
{
        size_t size = sq_json(value, NULL, 0) + 1, most = last ? SIZE_MAX : CELL_MAX;
        char *text = malloc(size);

        if (!text) {
                cli_table_cell(table, "?");
                return;
        }
        size_t len = sq_json(value, text, size);
        bool quoted = text[0] == '"';
        const char *from = text + quoted;

        len -= 2u * quoted;
        if (len > most) {
                for (len = most - 3; len > 0 && ((unsigned char)from[len] & 0xc0) == 0x80; len--)
                        ;
                cli_table_cell(table, "%.*s...", (int)len, from);
        } else {
                cli_table_cell(table, "%.*s", (int)len, from);
        }
        free(text);
}

static void
put_row(struct cli_tap_show *show, const char *task, const struct sqi_viewed *tuple)
{
        cli_table_cell(&show->rows, "%s", task);
        for (uint32_t f = 0; f < tuple->stream->nfields; f++)
                put_cell(&show->rows, sqi_viewed_field(tuple, f), f + 1 == tuple->stream->nfields);
}

/* ---- JSON -------------------------------------------------------------------------------------------- */

static void
put_json(const struct cli_tap_show *show, const char *task, const struct sqi_viewed *tuple)
{
        struct sqi_writer writer = sqi_writer(SQI_JSON);
        void *bytes;
        size_t size;

        if (show->meta) {
                sqi_write_map(&writer, NULL);
                sqi_write_text(&writer, "task", task);
                sqi_write_text(&writer, "stream", tuple->stream->id);
        }
        sqi_viewed_write(tuple, show->meta ? "tuple" : NULL, &writer);
        if (show->meta)
                sqi_write_end(&writer);
        if (sqi_writer_take(&writer, &bytes, &size) < 0)
                return;
        puts(bytes);
        free(bytes);
}

void
cli_tap_show_tuple(struct cli_tap_show *show, const struct sqi_viewer *viewer, const struct sqi_viewed *tuple)
{
        char task[NAME_SIZE];

        sqi_task_name(sqi_viewer_plan(viewer), tuple->task, task, sizeof(task));
        if (show->table)
                put_row(show, task, tuple);
        else
                put_json(show, task, tuple);
}

void
cli_tap_show_flush(struct cli_tap_show *show)
{
        /* the head waits for the first row, to be as wide */
        if (show->rows.ncells > show->rows.columns || (show->rows.ncells > 0 && !show->waiting)) {
                cli_table_print(&show->rows, stdout);
                show->waiting = false;
        }
        fflush(stdout);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "tap_list.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "table.h"
#include "talk.h"
#include "tuple/writer.h"

enum { NAME_SIZE = 192 };

static const char *
name_of(struct sq_value edge, char name[NAME_SIZE])
{
        struct sq_str from = cli_get_str(edge, "from"), stream = cli_get_str(edge, "stream");

        snprintf(name, NAME_SIZE, "%.*s:%.*s", (int)from.len, from.ptr, (int)stream.len, stream.ptr);
        return name;
}

/* Is it the first of the edges that have its name? */
static bool
is_first(struct sq_value edges, struct sq_value edge, const char *name)
{
        struct sq_items items = sq_items(edges);
        struct sq_value other;
        char its[NAME_SIZE];

        while (sq_next_item(&items, &other) && strcmp(name_of(other, its), name) != 0)
                ;
        return other.as.ptr == edge.as.ptr;
}

/* To whom it goes, in the order of the edges: as an array, or, without a writer, as words in `line`. */
static void
put_readers(struct sq_value edges, const char *name, struct sqi_writer *writer, char *line, size_t size)
{
        struct sq_items items = sq_items(edges);
        struct sq_value edge;
        char its[NAME_SIZE];
        size_t len = 0;

        line[0] = '\0';
        while (sq_next_item(&items, &edge)) {
                struct sq_str to = cli_get_str(edge, "to");

                if (strcmp(name_of(edge, its), name) != 0)
                        continue;
                if (writer)
                        sqi_write_str(writer, NULL, to);
                else if (len < size)
                        len += (size_t)snprintf(line + len, size - len, "%s%.*s", len ? ", " : "", (int)to.len, to.ptr);
        }
}

static void
show_json(struct sq_value edges)
{
        struct sqi_writer writer = sqi_writer(SQI_JSON);
        struct sq_items items = sq_items(edges);
        struct sq_value edge;
        char name[NAME_SIZE], none[1];
        void *bytes;
        size_t size;

        sqi_write_array(&writer, NULL);
        while (sq_next_item(&items, &edge)) {
                if (!is_first(edges, edge, name_of(edge, name)))
                        continue;
                sqi_write_map(&writer, NULL);
                sqi_write_text(&writer, "tap", name);
                sqi_write_array(&writer, "readers");
                put_readers(edges, name, &writer, none, sizeof(none));
                sqi_write_end(&writer);
                sqi_write_end(&writer);
        }
        sqi_write_end(&writer);
        if (sqi_writer_take(&writer, &bytes, &size) < 0)
                return;
        puts(bytes);
        free(bytes);
}

static void
show_table(struct sq_value edges)
{
        struct cli_table table = {.columns = 2, .left = 2};
        struct sq_items items = sq_items(edges);
        struct sq_value edge;
        char name[NAME_SIZE], line[4096];

        cli_table_heads(&table, (const char *const[]){"component:stream", "readers"});
        while (sq_next_item(&items, &edge)) {
                if (!is_first(edges, edge, name_of(edge, name)))
                        continue;
                put_readers(edges, name, NULL, line, sizeof(line));
                cli_table_cell(&table, "%s", name);
                cli_table_cell(&table, "%s", line);
        }
        cli_table_print(&table, stdout);
}

static void
show(const struct cli_args *args, struct sq_value answer)
{
        struct sq_value edges = cli_get(answer, "edges");

        if (cli_flag(args, "json"))
                show_json(edges);
        else
                show_table(edges);
}

int
cli_tap_list(const struct cli_args *args)
{
        struct sqi_request request = {
                .command = SQI_COMMAND_STATUS, .seconds = -1, .name = cli_str(cli_operand(args, 0))};

        return cli_ask_once(args, &request, show);
}

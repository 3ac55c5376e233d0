/* SPDX-License-Identifier: Apache-2.0 */
/* The verb `savepoint`: makes one, or shows what is in one. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "number.h"
#include "update_plan.h"
#include "save.h"
#include "control/snapshot_format.h"
#include "table.h"
#include "tuple/writer.h"

static int
make(const struct cli_args *args)
{
        const char *name = cli_operand(args, 0);
        char path[PATH_MAX] = "";
        struct cli_talk talk;
        int status = cli_talk_open(args, NULL, &talk);

        if (status == CLI_DONE)
                status = cli_save(cli_flag(args, "lose-state"), &talk, name, cli_operand(args, 1), false, path);
        if (status == CLI_DONE && cli_flag(args, "json"))
                cli_print_saved(name, path);
        else if (status == CLI_DONE)
                printf("%s\n", path);
        cli_talk_close(&talk);
        return status;
}

/* ---- Show -------------------------------------------------------------------------------------------- */

/* Of one task. */
struct row {
        bool has_keys, has_position;
        uint64_t keys, bytes, position;
};

static struct row
look_at(const struct sqi_savepoint *savepoint, const struct sqi_plan_component *component, uint32_t index)
{
        const struct sqi_position *position = sqi_manifest_position(&savepoint->manifest, component->id, index);
        char name[SQI_MANIFEST_FILE], path[PATH_MAX + SQI_MANIFEST_FILE + 1];
        struct file_head about;
        struct row row = {.has_position = position != NULL, .position = position ? position->number : 0};

        snprintf(name, sizeof(name), "%s.%u", component->id, index);
        snprintf(path, sizeof(path), "%s/%s", savepoint->path, name);
        const struct sqi_manifest_file *file = sqi_manifest_find(&savepoint->manifest, name);
        if (file && sqi_snapshot_look(AT_FDCWD, path, &about) == 0) {
                row.has_keys = true;
                row.keys = about.nkeys;
                row.bytes = file->size;
        }
        return row;
}

static void
time_text(int64_t seconds, char *text, size_t size)
{
        time_t time = (time_t)seconds;
        struct tm utc;

        gmtime_r(&time, &utc);
        strftime(text, size, "%Y-%m-%dT%H:%M:%SZ", &utc);
}

static void
print_json(const struct sqi_savepoint *savepoint)
{
        struct sqi_writer writer = sqi_writer(SQI_JSON);
        char made[32];

        time_text(savepoint->made, made, sizeof(made));
        sqi_write_map(&writer, NULL);
        sqi_write_text(&writer, "topology", savepoint->manifest.topology);
        sqi_write_text(&writer, "path", savepoint->path);
        sqi_write_text(&writer, "made", made);
        sqi_write_uint(&writer, "epoch", savepoint->manifest.epoch);
        sqi_write_uint(&writer, "missing", savepoint->manifest.missing);
        sqi_write_array(&writer, "tasks");
        for (uint32_t t = 0; t < savepoint->plan->ntasks; t++) {
                const struct sqi_plan_task *task = &savepoint->plan->tasks[t];
                const struct sqi_plan_component *component = &savepoint->plan->components[task->component];
                struct row row = look_at(savepoint, component, task->index);

                sqi_write_map(&writer, NULL);
                sqi_write_text(&writer, "component", component->id);
                sqi_write_uint(&writer, "index", task->index);
                if (row.has_keys) {
                        sqi_write_uint(&writer, "keys", row.keys);
                        sqi_write_uint(&writer, "bytes", row.bytes);
                }
                if (row.has_position)
                        sqi_write_uint(&writer, "position", row.position);
                sqi_write_end(&writer);
        }
        sqi_write_end(&writer);
        sqi_write_end(&writer);
        printf("%.*s\n", (int)writer.size, (const char *)writer.bytes);
        sqi_writer_drop(&writer);
}

static void
print_table(const struct sqi_savepoint *savepoint)
{
        static const char *const heads[] = {"task", "keys", "bytes", "position"};
        struct cli_table table = {.columns = 4, .left = 1};
        char made[32], number[CLI_NUMBER_SIZE];

        time_text(savepoint->made, made, sizeof(made));
        printf("savepoint of %s, made %s\n", savepoint->manifest.topology, made);
        cli_table_heads(&table, heads);
        for (uint32_t t = 0; t < savepoint->plan->ntasks; t++) {
                const struct sqi_plan_task *task = &savepoint->plan->tasks[t];
                const struct sqi_plan_component *component = &savepoint->plan->components[task->component];
                struct row row = look_at(savepoint, component, task->index);

                cli_table_cell(&table, "%s/%u", component->id, task->index);
                cli_table_cell(&table, "%s", row.has_keys ? cli_count_text(row.keys, number) : "-");
                cli_table_cell(&table, "%s", row.has_keys ? cli_count_text(row.bytes, number) : "-");
                cli_table_cell(&table, "%s", row.has_position ? cli_count_text(row.position, number) : "-");
        }
        cli_table_print(&table, stdout);
        if (savepoint->manifest.missing > 0)
                printf("%s tuples or keys of state were lost before it was made: what begins from it ends as failed\n",
                       cli_count_text(savepoint->manifest.missing, number));
}

static int
show(const struct cli_args *args)
{
        struct sqi_savepoint savepoint;
        char error[PATH_MAX + 512];

        if (sqi_savepoint_open(cli_operand(args, 1), NULL, &savepoint, error, sizeof(error)) < 0)
                return cli_error(CLI_FAILED, "%s", error);
        if (cli_flag(args, "json"))
                print_json(&savepoint);
        else
                print_table(&savepoint);
        sqi_savepoint_close(&savepoint);
        return CLI_DONE;
}

static int
run(const struct cli_args *args)
{
        bool shows = strcmp(cli_operand(args, 0), "show") == 0;

        if (shows && !cli_operand(args, 1))
                return cli_error(CLI_USAGE, "savepoint show of what? (squall savepoint show PATH)");
        return shows ? show(args) : make(args);
}

SQI_VERB(savepoint) = {
        .about = "Keep a consistent copy of a topology's state and positions, or show one.",
        .details =
                "`squall savepoint NAME [PATH]` drains the topology, keeps all keyed state and the positions of all spouts in the new folder PATH (default: "
                "below `savepoints` in the supervisor's state directory), and goes on with the same workers; it prints the folder's path. The folder is whole or "
                "not there. `squall submit --from PATH` and `squall run --from PATH` begin from it, with another parallelism of the bolts too; the spouts must "
                "have as many tasks as they had.\n"
                "`squall savepoint show PATH` compares all of it with its checksums and prints what is in it; `show` is no name of a topology here.\n"
                "A bolt that keeps state elsewhere than in sq_keyed(), or says that it is volatile, cannot be kept, and is refused; --lose-state does it without that state.",
        .operands = {{"NAME", .complete = CLI_COMPLETE_TOPOLOGY},
                     {"PATH", .complete = CLI_COMPLETE_DIRECTORY, .optional = true}},
        .options = {CLI_OPTION_LOSE_STATE, CLI_OPTION_JSON, CLI_OPTION_SOCKET},
        .example = "squall savepoint wordcount",
        .run = run,
};

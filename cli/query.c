/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The verb `query`. A task that runs is asked a page at a time, by the supervisor. Into a snapshot this process looks
 * itself, with the component's own code (rig/look.h): the topology does not notice.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/sealed.h"
#include "json.h"
#include "rig/look.h"
#include "save.h"
#include "task/show.h"
#include "update_plan.h"

enum { TRIES = 5, PAGE = 1000 };

struct query {
        const struct cli_args *args;
        struct cli_talk *talk;
        const char *name;
        const struct sqi_plan_component *component;
        struct sq_str key[SQI_SHOW_TEXTS];
        size_t nkey;
        uint64_t limit; /* of rows */
        uint64_t rows;
        bool more; /* than the limit */
};

/* ---- Printing ---------------------------------------------------------------------------------------- */

static void
print_row(struct query *query, struct sq_value row, uint32_t task)
{
        struct sqi_writer json = sqi_writer(SQI_JSON);

        sqi_write_map(&json, NULL);
        sqi_write_value(&json, "key", cli_get(row, "key"));
        sqi_write_value(&json, "state", cli_get(row, "state"));
        sqi_write_uint(&json, "task", task);
        sqi_write_end(&json);
        cli_json_print(&json);
        sqi_writer_drop(&json);
        query->rows++;
}

static void
print_rows(struct query *query, struct sq_value rows, uint32_t task)
{
        struct sq_items items = sq_items(rows);
        struct sq_value row;

        while (query->rows < query->limit && sq_next_item(&items, &row))
                print_row(query, row, task);
}

/* How many rows a page may have: one more than are printed tells whether there are more. */
static uint64_t
page_of(const struct query *query)
{
        uint64_t left = query->limit - query->rows;

        return left < PAGE ? left : PAGE;
}

/* ---- Live -------------------------------------------------------------------------------------------- */

static int
ask(struct query *query, uint32_t task, uint64_t from, struct sq_str key)
{
        int status = CLI_DONE;

        for (unsigned tries = 0; tries < TRIES && status == CLI_DONE; tries++) {
                struct sqi_request request = {
                        .command = SQI_COMMAND_QUERY, .seconds = -1, .name = cli_str(query->name)};

                request.component = cli_str(query->component->id);
                request.index = task;
                request.after = (double)from;
                request.limit = (double)page_of(query);
                request.key = key;
                status = cli_ask(query->talk, &request);
                if (status == CLI_DONE && query->talk->reply.status != SQI_STATUS_PENDING)
                        return status;
        }
        return status != CLI_DONE
                       ? status
                       : cli_error(CLI_FAILED,
                                   "%s/%u does not answer: it is started, or stands in a callback (squall status "
                                   "%s says how it is)",
                                   query->component->id, task, query->name);
}

static int
lacks_state(const struct query *query)
{
        return cli_error(CLI_USAGE,
                         "the component '%s' of '%s' keeps no keyed state (ask one that counts, ranks or joins)",
                         query->component->id, query->name);
}

static int
ask_task(struct query *query, uint32_t task, struct sq_str key)
{
        uint64_t from = 0;

        do {
                int status = ask(query, task, from, key);

                if (status != CLI_DONE)
                        return status;
                if (!cli_get_flag(query->talk->value, "keyed"))
                        return lacks_state(query);
                print_rows(query, cli_get(query->talk->value, "rows"), task);
                from = cli_get_uint(query->talk->value, "next");
        } while (from != 0 && query->rows < query->limit);
        query->more |= from != 0;
        return CLI_DONE;
}

/* Malloc'd; no bytes: all keys. */
static struct sq_str
pack_key(const struct query *query)
{
        struct sqi_writer writer = sqi_writer(SQI_MSGPACK);
        void *bytes = NULL;
        size_t size = 0;

        if (query->nkey == 0)
                return (struct sq_str){NULL, 0};
        sqi_write_array(&writer, NULL);
        for (size_t i = 0; i < query->nkey; i++)
                sqi_write_str(&writer, NULL, query->key[i]);
        sqi_write_end(&writer);
        (void)sqi_writer_take(&writer, &bytes, &size);
        return (struct sq_str){bytes, size};
}

static int
ask_all(struct query *query)
{
        struct sq_str key = pack_key(query);
        int status = CLI_DONE;

        for (uint32_t task = 0; task < query->component->ntasks && status == CLI_DONE; task++) {
                if (query->rows == query->limit)
                        query->more = true; /* perhaps */
                else
                        status = ask_task(query, task, key);
        }
        free((void *)(uintptr_t)key.ptr);
        return status;
}

/* How many keys each task of each component has. */
static int
list_components(struct query *query, const struct sqi_plan *plan)
{
        struct sqi_writer json = sqi_writer(SQI_JSON);
        int status = CLI_DONE;

        query->limit = 0; /* no rows */
        for (uint32_t t = 0; t < plan->ntasks && status == CLI_DONE; t++) {
                uint32_t index = plan->tasks[t].index;

                query->component = &plan->components[plan->tasks[t].component];
                status = ask(query, index, 0, (struct sq_str){NULL, 0});
                if (status != CLI_DONE || !cli_get_flag(query->talk->value, "keyed"))
                        continue;
                sqi_write_map(&json, NULL);
                sqi_write_text(&json, "component", query->component->id);
                sqi_write_uint(&json, "task", index);
                sqi_write_uint(&json, "keys", cli_get_uint(query->talk->value, "keys"));
                sqi_write_end(&json);
                cli_json_print(&json);
        }
        sqi_writer_drop(&json);
        return status;
}

/* ---- In a snapshot ----------------------------------------------------------------------------------- */

static void
show_keys(struct query *query, struct sq_task *task, uint32_t index)
{
        struct sqi_writer writer = sqi_writer(SQI_MSGPACK);
        struct sq_value rows;
        size_t from = 0;

        do {
                sqi_write_array(&writer, NULL);
                if (query->nkey)
                        (void)sqi_show_keys(task, query->key, query->nkey, &writer);
                else
                        from = sqi_show_page(task, from, (size_t)page_of(query), SQI_PACKED_MAX, &writer);
                sqi_write_end(&writer);
                if (!writer.failed && sq_unpack((struct sq_str){(const char *)writer.bytes, writer.size}, &rows))
                        print_rows(query, rows, index);
                sqi_writer_drop(&writer);
        } while (from != 0 && query->rows < query->limit);
        query->more |= from != 0;
}

static int
look_into(struct query *query, const struct sqi_plan *plan, const struct sqi_snapshot_held *held)
{
        int r = 0;

        for (uint32_t i = 0; i < query->component->ntasks && r == 0; i++) {
                struct sqi_look *look;
                char error[1024];

                if (query->rows == query->limit) {
                        query->more = true;
                        break;
                }
                r = sqi_look_open(plan, query->component->first_task + i, held, &look, error, sizeof(error));
                if (r == -ENOTSUP)
                        return lacks_state(query);
                if (r < 0)
                        return cli_error(CLI_FAILED, "%s", error);
                show_keys(query, &look->task, i);
                sqi_look_close(&look);
        }
        return CLI_DONE;
}

/* Where the newest epoch is. */
static int
ask_newest(struct query *query, char ret[PATH_MAX])
{
        struct sqi_request request = {
                .command = SQI_COMMAND_QUERY, .seconds = -1, .name = cli_str(query->name), .until = cli_str("last")};

        request.component = cli_str(query->component->id);
        int status = cli_ask(query->talk, &request);
        if (status != CLI_DONE)
                return status;
        struct sq_str path = cli_get_str(query->talk->value, "path");
        snprintf(ret, PATH_MAX, "%.*s", (int)path.len, path.ptr);
        return CLI_DONE;
}

static int
cannot_open(const char *folder, int error)
{
        return cli_error(CLI_FAILED, "cannot read the snapshot %s: %s", folder,
                         error == -EBADMSG  ? "it is damaged"
                         : error == -ENOENT ? "it was removed meanwhile"
                                            : strerror(-error));
}

/* An epoch is removed soon: one that is gone before it is open was not the newest any more. */
static int
look_into_newest(struct query *query, const struct sqi_plan *plan)
{
        struct sqi_snapshot_held held = {0};
        char folder[PATH_MAX];
        int r = -ENOENT, status = CLI_DONE;

        for (int tries = 0; r == -ENOENT && tries < TRIES && status == CLI_DONE; tries++) {
                status = ask_newest(query, folder);
                if (status == CLI_DONE)
                        r = sqi_snapshot_hold(folder, query->component->id, &held);
        }
        if (status != CLI_DONE)
                return status;
        if (r < 0)
                return cannot_open(folder, r);
        status = look_into(query, plan, &held);
        sqi_snapshot_let_go(&held);
        return status;
}

/* Of a topology that makes no epochs by itself one is made, as a savepoint that does not stay. */
static int
look_into_savepoint(struct query *query, const struct sqi_plan *plan)
{
        struct sqi_request request = {.command = SQI_COMMAND_PING, .seconds = -1};
        struct sqi_snapshot_held held = {0};
        char folder[PATH_MAX], saved[PATH_MAX];
        int status = cli_ask(query->talk, &request);

        if (status != CLI_DONE)
                return status;
        struct sq_str state = cli_get_str(query->talk->value, "state_dir");
        if (state.len == 0)
                return cli_error(CLI_USAGE,
                                 "'%s' runs in the foreground, and makes no epochs: --all wants `topology.delivery: "
                                 "exactly-once`, or a supervisor",
                                 query->name);
        if (snprintf(folder, sizeof(folder), "%.*s/savepoints/" SQI_QUERY_PREFIX "%d", (int)state.len, state.ptr,
                     (int)getpid()) >= PATH_MAX)
                return cli_error(CLI_FAILED, "the path of the state directory is too long");
        status = cli_save(true, query->talk, query->name, folder, false, saved);
        int r = status == CLI_DONE ? sqi_snapshot_hold(saved, query->component->id, &held) : 0;
        if (status == CLI_DONE)
                status = r < 0 ? cannot_open(saved, r) : look_into(query, plan, &held);
        (void)sqi_folder_remove(AT_FDCWD, folder);
        sqi_snapshot_let_go(&held);
        return status;
}

/* ---- The verb ---------------------------------------------------------------------------------------- */

static int
find_component(struct query *query, const struct sqi_plan *plan, const char *id)
{
        query->component = sqi_plan_find(plan, id);
        return query->component
                       ? CLI_DONE
                       : cli_error(CLI_USAGE, "the topology '%s' has no component '%s' (squall status %s shows them)",
                                   query->name, id, query->name);
}

static int
answer(struct query *query, const struct sqi_plan *plan)
{
        bool all = cli_flag(query->args, "all"), in_snapshot = all || cli_text(query->args, "epoch");
        const char *component = cli_operand(query->args, 1);
        int status;

        if (!component)
                return in_snapshot ? cli_error(CLI_USAGE, "--epoch and --all want a COMPONENT")
                                   : list_components(query, plan);
        status = find_component(query, plan, component);
        if (status == CLI_DONE && in_snapshot && !cli_is_near(query->talk, "query --epoch or --all"))
                status = CLI_USAGE;
        if (status == CLI_DONE)
                status = all && !sqi_plan_is_exact(plan) ? look_into_savepoint(query, plan)
                         : in_snapshot                   ? look_into_newest(query, plan)
                                                         : ask_all(query);
        if (status != CLI_DONE)
                return status;
        if (query->nkey && query->rows == 0)
                return cli_error(CLI_FAILED, "'%s' has no such key (of a key of several fields give each, in order)",
                                 query->component->id);
        if (query->more)
                fprintf(stderr, "squall: there are more keys (--limit N)\n");
        return CLI_DONE;
}

static int
run(const struct cli_args *args)
{
        const char *name = cli_operand(args, 0);
        struct sq_str source = {NULL, 0};
        struct sqi_plan *plan = NULL;
        struct cli_talk talk;
        struct query query = {.args = args, .talk = &talk, .name = name};

        query.limit = cli_flag(args, "all") && !cli_given(args, "limit") ? UINT64_MAX
                                                                         : (uint64_t)cli_number(args, "limit");
        for (size_t i = 2; i < cli_noperands(args); i++) {
                if (query.nkey == SQI_SHOW_TEXTS)
                        return cli_error(CLI_USAGE, "a key of more than %d fields", SQI_SHOW_TEXTS);
                query.key[query.nkey++] = cli_str(cli_operand(args, i));
        }
        int status = cli_talk_open(args, name, &talk);
        if (status == CLI_DONE)
                status = cli_running_plan(&talk, name, &plan, &source);
        if (status == CLI_DONE)
                status = answer(&query, plan);
        free((void *)(uintptr_t)source.ptr);
        sqi_plan_free(&plan);
        cli_talk_close(&talk);
        return status;
}

SQI_VERB(query) = {
        .about = "Show the keyed state of a component: of one key, or of many.",
        .details =
                "The task that has the key answers while it runs, between two batches: one JSON object a line, `{\"key\": ..., \"state\": ..., \"task\": N}`. KEY is "
                "the key's field; of a key of several fields each is given, in order. A field is looked for as text, and as the number, true, false or null "
                "that it reads as. Without KEY come all keys, in the order in which the task first had them, at most --limit; without COMPONENT, "
                "how many keys each task of each component has.\n"
                "With --all every key comes, in all tasks as of one instant: of the newest epoch; of a topology that is not exactly-once, of one that is "
                "made for it by a savepoint, which does not stay.\n"
                "With --epoch last the newest snapshot answers instead: all keys as of one epoch, also of a topology that does not run now; on "
                "the supervisor's own machine.\n"
                "A topology that `squall run` has in the foreground answers, too, by its name.\n"
                "`count`, `top` and `window` show their state as fields; a component of your own does so with `.show` (squall.h), else its state is shown as "
                "bytes. A key that is not there ends it with 1, a component without keyed state with 2.",
        .operands = {{"NAME", .complete = CLI_COMPLETE_TOPOLOGY},
                     {"COMPONENT", .optional = true},
                     {"KEY", .optional = true, .repeated = true}},
        .options = {{"limit", 'n', CLI_NUMBER, "N", .fallback = "100", .min = 1, .help = "keys at most"},
                    {"all", 'a', CLI_FLAG, .help = "every key, as of one instant"},
                    {"epoch", 0, CLI_TEXT, "WHICH", .complete = CLI_COMPLETE_CHOICES, .choices = "last",
                     .help = "look into the newest snapshot: last"},
                    CLI_OPTION_JSON,
                    CLI_OPTION_SOCKET},
        .example = "squall query wordcount count the",
        .run = run,
};

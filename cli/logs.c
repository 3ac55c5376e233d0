/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The verb `logs`. The supervisor only says where the log is: reading it costs it nothing. Followed by inotify; when
 * the file has been rotated away the rest of the old one comes first.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "death.h"
#include "json.h"
#include "daemon/log_file.h"
#include "output.h"
#include "talk.h"
#include "base/nearest.h"
#include "component/settings.h"
#include "plan/plan.h"

struct logs {
        char path[PATH_MAX], topology[SQI_ID_MAX + 1];
        const char *what; /* COMPONENT or COMPONENT/TASK; NULL: all */
        enum sq_level level;
        bool json;
        bool killed; /* nothing more comes, and its components are not known any more */
};

static bool
is_about(const struct logs *logs, struct sq_str task)
{
        size_t len = logs->what ? strlen(logs->what) : 0;

        if (!logs->what)
                return true;
        /* of a packed worker the name is that of all its tasks, separated by commas */
        for (const char *at = task.ptr, *end = task.ptr + task.len; at < end;) {
                const char *comma = memchr(at, ',', (size_t)(end - at)), *stop = comma ? comma : end;

                if ((size_t)(stop - at) >= len && memcmp(at, logs->what, len) == 0 &&
                    (at + len == stop || at[len] == '/'))
                        return true;
                at = stop + 1;
        }
        return false;
}

static void
put_str(struct sqi_writer *json, const char *key, struct sq_str text)
{
        char copy[4096];

        snprintf(copy, sizeof(copy), "%.*s", (int)text.len, text.ptr);
        sqi_write_text(json, key, copy);
}

/* null: it is the supervisor who speaks, or a worker of several tasks. */
static void
put_component(struct sqi_writer *json, struct sq_str task)
{
        const char *slash = memchr(task.ptr, '/', task.len);

        if (slash && !memchr(task.ptr, ',', task.len))
                put_str(json, "component", (struct sq_str){task.ptr, (size_t)(slash - task.ptr)});
        else
                sqi_write_text(json, "component", NULL);
}

static void
show_line(const struct logs *logs, const char *line, size_t len)
{
        struct sqi_log_entry parts;
        struct sqi_writer json = sqi_writer(SQI_JSON);

        if (!sqi_log_file_parse(line, len, &parts) || parts.level > logs->level || !is_about(logs, parts.task))
                return;
        if (!logs->json) {
                printf("%.*s\n", (int)len, line);
                return;
        }
        sqi_write_map(&json, NULL);
        put_str(&json, "time", parts.time);
        sqi_write_text(&json, "level", sqi_level_name(parts.level));
        sqi_write_text(&json, "topology", logs->topology);
        put_component(&json, parts.task);
        put_str(&json, "task", parts.task);
        sqi_write_uint(&json, "incarnation", parts.incarnation);
        put_str(&json, "text", parts.text);
        sqi_write_end(&json);
        cli_json_print(&json);
}

/* Every whole line that there is. */
static void
show_rest(const struct logs *logs, FILE *file)
{
        static char *line;
        static size_t size;
        ssize_t n;

        clearerr(file);
        while ((n = getline(&line, &size, file)) > 0) {
                if (line[n - 1] != '\n') {
                        (void)fseek(file, -n, SEEK_CUR);
                        break;
                }
                show_line(logs, line, (size_t)n - 1);
        }
}

/* The log that was rotated away `n` times; 0: the present one. NULL: there is none. */
static FILE *
open_old(const struct logs *logs, int n)
{
        char path[PATH_MAX + 16];

        snprintf(path, sizeof(path), n > 0 ? "%s.%d" : "%s", logs->path, n);
        return fopen(path, "re");
}

static bool
is_old(const struct logs *logs, FILE *file, int n)
{
        char path[PATH_MAX + 16];
        struct stat open, there;

        snprintf(path, sizeof(path), n > 0 ? "%s.%d" : "%s", logs->path, n);
        return fstat(fileno(file), &open) == 0 && stat(path, &there) == 0 && open.st_ino == there.st_ino &&
               open.st_dev == there.st_dev;
}

static FILE *
open_first(const struct logs *logs)
{
        FILE *file = NULL;

        for (int n = SQI_LOG_FILE_KEPT; !file && n >= 0; n--)
                file = open_old(logs, n);
        return file;
}

/* The one that was begun after `file`; the logs may move on between any two looks. NULL: the log is gone. */
static FILE *
open_next(const struct logs *logs, FILE *file)
{
        for (int n = 1; n <= SQI_LOG_FILE_KEPT; n++) {
                FILE *next = is_old(logs, file, n) ? open_old(logs, n - 1) : NULL;

                if (!next)
                        continue;
                if (is_old(logs, file, n))
                        return next;
                fclose(next);
                n = 0;
        }
        return open_old(logs, 0); /* ours was moved away by somebody else, or is too old */
}

/* In the middle of a rotation there may be no log for a moment; without its folder there is no topology. */
static bool
is_gone(const struct logs *logs)
{
        char folder[PATH_MAX];

        snprintf(folder, sizeof(folder), "%s", logs->path);
        *strrchr(folder, '/') = '\0';
        return access(folder, F_OK) < 0;
}

/* All that follows, up to the present log, which `*file` is then. False: the log is gone. */
static bool
show_to_present(const struct logs *logs, FILE **file)
{
        for (;;) {
                bool present = is_old(logs, *file, 0); /* looked at first: what is no longer written to is whole */
                FILE *next;

                show_rest(logs, *file);
                if (present)
                        return true;
                next = open_next(logs, *file);
                if (!next)
                        return !is_gone(logs);
                fclose(*file);
                *file = next;
        }
}

/* Until the log is gone, which is when the topology is killed. */
static void
follow(const struct logs *logs, FILE **file)
{
        char folder[PATH_MAX], events[4096];
        int notify = inotify_init1(IN_CLOEXEC);

        snprintf(folder, sizeof(folder), "%s", logs->path);
        *strrchr(folder, '/') = '\0';
        if (notify < 0 ||
            inotify_add_watch(notify, folder,
                              IN_MODIFY | IN_CREATE | IN_MOVED_TO | IN_DELETE | IN_DELETE_SELF | IN_MOVE_SELF) < 0)
                return;
        while (show_to_present(logs, file) && fflush(stdout) == 0)
                if (!cli_output_wait(notify) || (read(notify, events, sizeof(events)) < 0 && errno != EINTR))
                        break;
        close(notify);
}

static void
show(const struct cli_args *args, const struct logs *logs, FILE **file)
{
        if (show_to_present(logs, file) && cli_flag(args, "follow") && !logs->killed)
                follow(logs, file);
        fclose(*file);
}

/* Its number is what stands behind the slash: one of so many. */
static int
check_task(const struct logs *logs, const char *component, uint64_t ntasks)
{
        const char *number = strchr(logs->what, '/');
        int64_t task;

        if (!number || (sqi_parse_int(number + 1, &task) == 0 && task >= 0 && (uint64_t)task < ntasks))
                return CLI_DONE;
        return cli_error(CLI_USAGE, "'%s' has no task '%s' (it has %llu, which count from 0)", component, logs->what,
                         (unsigned long long)ntasks);
}

/* The component that is asked for has to exist, and its task. */
static int
check_component(const struct logs *logs, struct sq_value components, struct sq_value tasks)
{
        struct sq_items items = sq_items(components), counts = sq_items(tasks);
        char name[SQI_WORD_MAX + 1], hint[SQI_HINT_SIZE];
        struct sqi_nearest nearest;
        struct sq_value item, count;

        if (!logs->what || strcmp(logs->what, "supervisor") == 0)
                return CLI_DONE;
        snprintf(name, sizeof(name), "%.*s", (int)strcspn(logs->what, "/"), logs->what);
        nearest = sqi_nearest(name);
        while (sq_next_item(&items, &item) && sq_next_item(&counts, &count)) {
                char id[SQI_WORD_MAX + 1];

                snprintf(id, sizeof(id), "%.*s", (int)item.len, (const char *)item.as.ptr);
                if (strcmp(id, name) == 0)
                        return check_task(logs, id, count.as.u);
                sqi_nearest_offer(&nearest, id);
        }
        return cli_error(CLI_USAGE, "the topology '%s' has no component '%s'%s", logs->topology, name,
                         sqi_nearest_hint(&nearest, hint));
}

static int
ask(const struct cli_args *args, struct logs *logs)
{
        struct sqi_request request = {
                .command = SQI_COMMAND_LOGS, .seconds = -1, .name = cli_str(cli_operand(args, 0))};
        struct cli_talk talk;
        int status = cli_talk_open(args, NULL, &talk);

        if (status == CLI_DONE && !cli_is_near(&talk, "logs"))
                status = CLI_USAGE;
        if (status == CLI_DONE)
                status = cli_ask(&talk, &request);
        if (status == CLI_DONE) {
                struct sq_str path = cli_get_str(talk.value, "path");

                snprintf(logs->path, sizeof(logs->path), "%.*s", (int)path.len, path.ptr);
                logs->killed = cli_get_flag(talk.value, "killed");
                if (!logs->killed)
                        status = check_component(logs, cli_get(talk.value, "components"), cli_get(talk.value, "tasks"));
        }
        cli_talk_close(&talk);
        return status;
}

/* One that is killed between the answer and our look has its log elsewhere from then on: then we ask again. */
static int
find(const struct cli_args *args, struct logs *logs, FILE **ret)
{
        int status = CLI_DONE;

        for (int tries = 0; tries < 2; tries++) {
                status = ask(args, logs);
                if (status != CLI_DONE)
                        return status;
                *ret = open_first(logs);
                if (*ret || logs->killed || !is_gone(logs))
                        break;
        }
        if (!*ret)
                return cli_error(CLI_FAILED, "cannot read %s: %s", logs->path, strerror(errno));
        return status;
}

static void
show_answer(const struct cli_args *args, struct sq_value answer)
{
        (void)args;
        cli_print_value(answer);
}

/* --set-level: for one component, or all. */
static int
set_level(const struct cli_args *args, const char *what)
{
        struct sqi_request request = {.command = SQI_COMMAND_LEVEL, .seconds = cli_seconds(args, "for")};

        if (what && strchr(what, '/'))
                return cli_error(CLI_USAGE, "a level is set for a component, not for one of its tasks (%.*s)",
                                 (int)strcspn(what, "/"), what);
        request.name = cli_str(cli_operand(args, 0));
        request.level = cli_str(cli_text(args, "set-level"));
        if (what)
                request.component = cli_str(what);
        return cli_ask_once(args, &request, cli_flag(args, "json") && !cli_flag(args, "follow") ? show_answer : NULL);
}

static void
show_deaths_of(const struct cli_args *args, struct sq_value answer)
{
        struct sq_items items = sq_items(answer);
        struct sq_value death;
        bool any = false;

        for (; sq_next_item(&items, &death); any = true)
                if (cli_flag(args, "json"))
                        cli_print_value(death);
                else
                        cli_death_show(death, true);
        if (!any && !cli_flag(args, "json"))
                printf("no worker of %s has died since the supervisor started\n", cli_operand(args, 0));
}

/* --deaths: each with all that is known of it. */
static int
show_deaths(const struct cli_args *args)
{
        struct sqi_request request = {.command = SQI_COMMAND_EVENTS,
                                      .seconds = -1,
                                      .name = cli_str(cli_operand(args, 0)),
                                      .until = cli_str("died")};

        return cli_ask_once(args, &request, show_deaths_of);
}

static int
run(const struct cli_args *args)
{
        struct logs logs = {.what = cli_operand(args, 1), .level = SQ_DEBUG, .json = cli_flag(args, "json")};
        const char *level = cli_text(args, "level");
        FILE *file = NULL;
        size_t len;
        int status;

        if (level)
                logs.level = (enum sq_level)sqi_level_of(level, &len);
        snprintf(logs.topology, sizeof(logs.topology), "%s", cli_operand(args, 0));
        if (cli_given(args, "for") && !cli_text(args, "set-level"))
                return cli_error(CLI_USAGE, "--for goes with --set-level");
        if (cli_flag(args, "deaths"))
                return show_deaths(args);
        if (cli_text(args, "set-level")) {
                status = set_level(args, logs.what);
                if (status != CLI_DONE || !cli_flag(args, "follow"))
                        return status;
        }
        status = find(args, &logs, &file);
        if (status == CLI_DONE)
                show(args, &logs, &file);
        return status;
}

SQI_VERB(logs) = {
        .about = "Show what the workers of a topology, and its supervisor, have logged.",
        .details =
                "Lines are `TIME LEVEL TASK#INCARNATION TEXT`; what the supervisor says about the topology has the task `supervisor`. What workers print on "
                "stdout and stderr is logged at level info. The last 32 to 40 MiB are kept; of each of the 16 topologies that were killed "
                "last, 8 to 16 MiB.\n"
                "Components log at info. Another level holds for a time, through restarts of workers and of the supervisor; `squall status` shows it. --set-level info ends it.",
        .operands = {{"NAME", .complete = CLI_COMPLETE_TOPOLOGY}, {"COMPONENT[/TASK]", .optional = true}},
        .options =
                {{"follow", 'f', CLI_FLAG, .help = "go on as lines come, until the topology is killed"},
                 {"level", 'l', CLI_TEXT, "LEVEL", .complete = CLI_COMPLETE_CHOICES,
                  .choices = "error|warning|info|debug", .help = "this level and worse"},
                 {"deaths", 0, CLI_FLAG,
                  .help = "show the deaths of its workers: the cause, the tuple, where, the last lines, what was done"},
                 {"set-level", 0, CLI_TEXT, "LEVEL", .complete = CLI_COMPLETE_CHOICES,
                  .choices = "error|warning|info|debug",
                  .help = "let the component, or all, log at this level from now on; nothing is shown then but with -f"},
                 {"for", 0, CLI_DURATION, "TIME", .fallback = "10m", .min = 1,
                  .help = "with --set-level: after it they log at info again"},
                 CLI_OPTION_JSON,
                 CLI_OPTION_SOCKET},
        .example = "squall logs wordcount count/1 -f",
        .run = run,
};

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The verb `drpc`: asks the tasks of a `drpc` spout, which the supervisor only says where to find. Answers are printed
 * in the order of the questions, whichever comes first.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/nearest.h"
#include "base/random.h"
#include "command/drpc.h"
#include "json.h"
#include "plan/functions.h"
#include "squall-kit.h"
#include "supervisor/rundir.h"
#include "update_plan.h"

enum { WINDOW = 256, AGAIN_MS = 50, MS = 1000000, RUNDIR_KEPT = SQI_RUNDIR_SIZE };

/* A question, from when it is read to when its answer is printed. */
struct question {
        char *args;
        size_t len;
        uint64_t begun_ns, again_ns; /* again_ns: when it is asked again, for nobody was there; 0: it is on its way */
        unsigned status;             /* 0: not answered yet */
        char *text;
        size_t text_len;
};

struct drpc {
        const struct cli_args *args;
        struct cli_talk talk;
        const char *name, *function;
        struct sqi_plan *plan;
        const struct sqi_plan_component *spout;
        char rundir[RUNDIR_KEPT];
        struct sqi_drpc *drpc;
        uint64_t timeout_ns;
        uint64_t first, next; /* questions first .. next - 1 are in `ring`, by their number */
        struct question ring[WINDOW];
        uint32_t turn; /* which task is asked next */
        bool all_read, failed;
};

static volatile sig_atomic_t stopped;

static void
on_signal(int number)
{
        stopped = number;
}

static struct question *
question_of(struct drpc *drpc, uint64_t number)
{
        return &drpc->ring[number % WINDOW];
}

/* ---- Where the function is --------------------------------------------------------------------------- */

/* The plan and the run directory, as they are now. */
static int
look(struct drpc *drpc)
{
        struct sq_str source = {NULL, 0}, rundir;
        struct sqi_plan *plan = NULL;
        int status = cli_running_plan(&drpc->talk, drpc->name, &plan, &source);

        free((void *)(uintptr_t)source.ptr);
        if (status != CLI_DONE)
                return status;
        rundir = cli_get_str(drpc->talk.value, "rundir");
        sqi_plan_free(&drpc->plan);
        drpc->plan = plan;
        snprintf(drpc->rundir, sizeof(drpc->rundir), "%.*s", (int)rundir.len, rundir.ptr);
        drpc->spout = drpc->function ? sqi_plan_find_function(plan, drpc->function) : NULL;
        return rundir.len ? CLI_DONE
                          : cli_error(CLI_FAILED, "the topology '%s' does not run now (squall list)", drpc->name);
}

static int
lacks_function(const struct drpc *drpc)
{
        struct sqi_nearest nearest = sqi_nearest(drpc->function);
        char hint[SQI_HINT_SIZE], list[512];

        for (uint32_t c = 0; c < drpc->plan->ncomponents; c++)
                if (sqi_plan_function(&drpc->plan->components[c]))
                        sqi_nearest_offer(&nearest, sqi_plan_function(&drpc->plan->components[c]));
        return cli_error(CLI_USAGE, "the topology '%s' has no function '%s'%s (it has: %s)", drpc->name, drpc->function,
                         sqi_nearest_hint(&nearest, hint), sqi_plan_list_functions(drpc->plan, list, sizeof(list)));
}

static void
write_function(const struct drpc *drpc, const struct sqi_plan_component *spout, struct sqi_writer *json)
{
        sqi_write_map(json, NULL);
        sqi_write_text(json, "function", sqi_plan_function(spout));
        sqi_write_text(json, "component", spout->id);
        sqi_write_array(json, "endpoints");
        for (uint32_t i = 0; i < spout->ntasks; i++) {
                char endpoint[RUNDIR_KEPT + 32];

                snprintf(endpoint, sizeof(endpoint), SQ_DRPC_REQUESTS, drpc->rundir, spout->first_task + i);
                sqi_write_text(json, NULL, endpoint);
        }
        sqi_write_end(json);
        sqi_write_end(json);
}

static int
list_functions(const struct drpc *drpc)
{
        bool as_json = cli_flag(drpc->args, "json");
        struct sqi_writer json = sqi_writer(SQI_JSON);
        unsigned n = 0;

        sqi_write_map(&json, NULL);
        sqi_write_text(&json, "topology", drpc->name);
        sqi_write_array(&json, "functions");
        for (uint32_t c = 0; c < drpc->plan->ncomponents; c++) {
                const struct sqi_plan_component *spout = &drpc->plan->components[c];

                if (!sqi_plan_function(spout))
                        continue;
                n++;
                write_function(drpc, spout, &json);
                if (!as_json)
                        printf("%s\n", sqi_plan_function(spout));
        }
        sqi_write_end(&json);
        sqi_write_end(&json);
        if (as_json)
                cli_json_print(&json);
        else if (n == 0)
                fprintf(stderr, "squall: '%s' has no functions: it has no `drpc` spout\n", drpc->name);
        sqi_writer_drop(&json);
        return CLI_DONE;
}

/* ---- Asking ------------------------------------------------------------------------------------------ */

static void
keep_answer(struct question *question, unsigned status, struct sq_str text)
{
        question->status = status;
        question->text = malloc(text.len + 1);
        question->text_len = question->text ? text.len : 0;
        if (question->text && text.len)
                memcpy(question->text, text.ptr, text.len);
}

static uint64_t
left_ns(const struct drpc *drpc, const struct question *question)
{
        uint64_t used = sqi_clock_ns() - question->begun_ns;

        return used < drpc->timeout_ns ? drpc->timeout_ns - used : 0;
}

static void
answered(void *context, uint64_t ticket, unsigned status, struct sq_str text)
{
        struct drpc *drpc = context;
        struct question *question = question_of(drpc, ticket);

        if (status == SQI_DRPC_UNAVAILABLE && left_ns(drpc, question) > AGAIN_MS * MS)
                question->again_ns = sqi_clock_ns() + AGAIN_MS * MS;
        else
                keep_answer(question, status, text);
}

/* One task after the other, as long as one is there. False: none is. */
static bool
ask_some_task(struct drpc *drpc, uint64_t number)
{
        struct question *question = question_of(drpc, number);
        struct sqi_drpc_question ask = {.rundir = drpc->rundir, .ticket = number};

        ask.function = cli_str(drpc->function);
        ask.args = (struct sq_str){question->args, question->len};
        ask.timeout_ms = left_ns(drpc, question) / MS + 1;
        for (uint32_t i = 0; i < drpc->spout->ntasks; i++) {
                ask.task = drpc->spout->first_task + drpc->turn++ % drpc->spout->ntasks;
                if (sqi_drpc_ask(drpc->drpc, &ask) == 0)
                        return true;
        }
        return false;
}

static void
ask(struct drpc *drpc, uint64_t number)
{
        static const char text[] = "no task of the `drpc` spout is there: it is started, or the topology has ended";
        struct question *question = question_of(drpc, number);

        question->again_ns = 0;
        if (ask_some_task(drpc, number))
                return;
        if (left_ns(drpc, question) > AGAIN_MS * MS)
                question->again_ns = sqi_clock_ns() + AGAIN_MS * MS;
        else
                keep_answer(question, SQI_DRPC_UNAVAILABLE, (struct sq_str){text, sizeof(text) - 1});
}

/* Those that found nobody are asked again, of whoever is there by then. When the next one is due. */
static int
ask_again(struct drpc *drpc, uint64_t *ret_next_ns)
{
        uint64_t now_ns = sqi_clock_ns();
        bool looked = false;

        *ret_next_ns = UINT64_MAX;
        for (uint64_t n = drpc->first; n < drpc->next; n++) {
                struct question *question = question_of(drpc, n);

                if (question->again_ns == 0)
                        continue;
                if (question->again_ns <= now_ns) {
                        int status = looked ? CLI_DONE : look(drpc);

                        if (status != CLI_DONE)
                                return status;
                        if (!drpc->spout)
                                return lacks_function(drpc);
                        looked = true;
                        ask(drpc, n);
                }
                if (question->again_ns && question->again_ns < *ret_next_ns)
                        *ret_next_ns = question->again_ns;
        }
        return CLI_DONE;
}

/* ---- Printing ---------------------------------------------------------------------------------------- */

static void
write_json(const struct drpc *drpc, const struct question *question)
{
        struct sqi_writer json = sqi_writer(SQI_JSON);

        sqi_write_map(&json, NULL);
        sqi_write_text(&json, "function", drpc->function);
        sqi_write_str(&json, "args", (struct sq_str){question->args, question->len});
        sqi_write_uint(&json, "status", question->status);
        sqi_write_str(&json, question->status == SQI_DRPC_OK ? "result" : "error",
                      (struct sq_str){question->text ? question->text : "", question->text_len});
        sqi_write_uint(&json, "us", (sqi_clock_ns() - question->begun_ns) / 1000);
        sqi_write_end(&json);
        cli_json_print(&json);
        sqi_writer_drop(&json);
}

/* It may be any bytes. */
static void
print_text(const struct question *question)
{
        if (question->text_len > 0)
                fwrite(question->text, 1, question->text_len, stdout);
        putchar('\n');
}

static void
print_answer(struct drpc *drpc, const struct question *question)
{
        bool ok = question->status == SQI_DRPC_OK;

        drpc->failed |= !ok;
        if (cli_flag(drpc->args, "json"))
                write_json(drpc, question);
        else if (ok)
                print_text(question);
        if (!ok)
                (void)cli_error(CLI_FAILED, "%s: %.*s (status %u)", drpc->function, (int)question->text_len,
                                question->text ? question->text : "", question->status);
}

static void
forget(struct question *question)
{
        free(question->args);
        free(question->text);
        *question = (struct question){0};
}

static void
print_answers(struct drpc *drpc)
{
        while (drpc->first < drpc->next && question_of(drpc, drpc->first)->status) {
                print_answer(drpc, question_of(drpc, drpc->first));
                forget(question_of(drpc, drpc->first++));
        }
        fflush(stdout);
}

/* ---- The questions ----------------------------------------------------------------------------------- */

static void
begin(struct drpc *drpc, char *args, size_t len)
{
        *question_of(drpc, drpc->next) = (struct question){.args = args, .len = len, .begun_ns = sqi_clock_ns()};
        ask(drpc, drpc->next++);
}

/* While there is room for more: a line. It waits for one only when nothing else is to be waited for. */
static int
read_some(struct drpc *drpc)
{
        while (!drpc->all_read && drpc->next - drpc->first < WINDOW) {
                char *line = NULL;
                size_t size = 0;
                ssize_t n = getline(&line, &size, stdin);

                if (n < 0) {
                        free(line);
                        drpc->all_read = true;
                        return ferror(stdin) ? cli_error(CLI_FAILED, "cannot read stdin: %s", strerror(errno))
                                             : CLI_DONE;
                }
                begin(drpc, line, (size_t)n - (n > 0 && line[n - 1] == '\n'));
                if (isatty(STDIN_FILENO))
                        break;
        }
        return CLI_DONE;
}

static int
wait_for_answers(struct drpc *drpc, uint64_t again_ns)
{
        struct pollfd fd = {.fd = sqi_drpc_fd(drpc->drpc), .events = POLLIN};
        uint64_t now_ns = sqi_clock_ns();
        int ms = again_ns == UINT64_MAX ? -1 : again_ns <= now_ns ? 0 : (int)((again_ns - now_ns) / MS) + 1;

        if (question_of(drpc, drpc->first)->status == 0)
                (void)poll(&fd, 1, ms);
        sqi_drpc_serve(drpc->drpc);
        print_answers(drpc);
        return ferror(stdout) ? cli_error(CLI_FAILED, "cannot write to stdout: %s", strerror(errno)) : CLI_DONE;
}

static int
ask_all(struct drpc *drpc)
{
        const char *args = cli_operand(drpc->args, 2);
        uint64_t again_ns;
        int status = CLI_DONE;

        drpc->all_read = !cli_flag(drpc->args, "lines");
        if (drpc->all_read) {
                char *copy = strdup(args ? args : "");

                if (!copy)
                        return cli_error(CLI_FAILED, "out of memory");
                begin(drpc, copy, strlen(copy));
        }
        while (status == CLI_DONE && !stopped) {
                status = read_some(drpc);
                sqi_drpc_serve(drpc->drpc);
                if (status != CLI_DONE || drpc->first == drpc->next)
                        break;
                status = ask_again(drpc, &again_ns);
                if (status == CLI_DONE)
                        status = wait_for_answers(drpc, again_ns);
        }
        while (drpc->first < drpc->next)
                forget(question_of(drpc, drpc->first++));
        return status != CLI_DONE ? status : drpc->failed ? CLI_FAILED : CLI_DONE;
}

static int
work(struct drpc *drpc)
{
        struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};
        int status = look(drpc), r;

        if (status != CLI_DONE || !drpc->function)
                return status != CLI_DONE ? status : list_functions(drpc);
        if (!drpc->spout)
                return lacks_function(drpc);
        sqi_random_bytes(&drpc->turn, sizeof(drpc->turn));
        r = sqi_drpc_open(answered, drpc, &drpc->drpc);
        if (r < 0)
                return cli_error(CLI_FAILED, "cannot ask: %s", strerror(-r));
        (void)sigaction(SIGINT, &action, NULL);
        (void)sigaction(SIGTERM, &action, NULL);
        status = ask_all(drpc);
        sqi_drpc_close(&drpc->drpc);
        return status == CLI_DONE && stopped ? 128 + stopped : status;
}

static int
run(const struct cli_args *args)
{
        struct drpc *drpc = calloc(1, sizeof(*drpc));
        int status;

        if (!drpc)
                return cli_error(CLI_FAILED, "out of memory");
        drpc->args = args;
        drpc->name = cli_operand(args, 0);
        drpc->function = cli_operand(args, 1);
        drpc->timeout_ns = (uint64_t)(cli_seconds(args, "timeout") * 1e9);
        status = cli_talk_open(args, drpc->name, &drpc->talk);
        if (status == CLI_DONE && !cli_is_near(&drpc->talk, "drpc"))
                status = CLI_USAGE;
        if (status == CLI_DONE)
                status = cli_operand(args, 2) && cli_flag(args, "lines")
                                 ? cli_error(CLI_USAGE, "ARGS or --lines, not both")
                                 : work(drpc);
        sqi_plan_free(&drpc->plan);
        cli_talk_close(&drpc->talk);
        free(drpc);
        return status;
}

SQI_VERB(drpc) = {
        .about = "Ask a running topology, and print its answer.",
        .details =
                "The request goes to a `drpc` spout of the topology, which has FUNCTION as its setting; the answer comes from a `return` bolt. ARGS is one text, "
                "what it means is the topology's own affair. Without FUNCTION the functions of the topology are listed, with --json also where programs find them.\n"
                "With --lines each line of stdin is a request, up to 256 of them at a time, and the answers come in the order of the lines.\n"
                "A request that fails, takes too long, or is in a worker that dies ends it with 1 and the reason. One that nothing was begun with, because the topology is "
                "being started, updated or rebalanced, is asked again until its time is over. Ctrl-C cancels what is not answered.\n"
                "With --json each answer is an object, `{\"function\",\"args\",\"status\",\"result\",\"us\"}`, with `error` instead of `result` where there is none; "
                "the status is HTTP's.",
        .operands = {{"NAME", .complete = CLI_COMPLETE_TOPOLOGY},
                     {"FUNCTION", .optional = true},
                     {"ARGS", .optional = true}},
        .options = {{"timeout", 't', CLI_DURATION, "SECS", .fallback = "30", .min = 0,
                     .help = "how long to wait for an answer; the spout's own time-out holds, too"},
                    {"lines", 'l', CLI_FLAG, .help = "a request for each line of stdin"},
                    CLI_OPTION_JSON,
                    CLI_OPTION_SOCKET},
        .example = "squall drpc basic-drpc exclamation hello",
        .run = run,
};

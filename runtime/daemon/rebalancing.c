/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/rebalancing.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "daemon/rest.h"
#include "lifecycle/lifecycle.h"
#include "supervisor/process.h"
#include "topology/yaml.h"

enum { BAD = 400, CONFLICT = 409, FAILED = 500, UNAVAILABLE = 503, TIMEOUT = 504 };
/* What comes before and after the hand-over, which has a limit of its own; and what is left to tell of it. */
enum { AROUND_SECS = 45, TELL_SECS = 15, SAID_SIZE = 2048, CHANGES = 256 };
enum { EXIT_DONE = 0, EXIT_REFUSED = 2 }; /* of the command */

struct sqi_rebalancing {
        struct sqi_rebalancing *next;
        uint64_t ticket, due;
        double secs; /* it may take */
        char topology[SQI_ID_MAX + 1];
        struct sqi_process process;
        char said[SAID_SIZE]; /* the beginning of it */
        size_t nsaid;
};

/* ---- What is asked for ------------------------------------------------------------------------------- */

/* The arguments of the command, NULL behind the last one. */
struct command {
        struct sqi_arena *arena;
        char *argv[CHANGES + 6];
        size_t n;
};

/* False: no memory. */
static bool
add_argument(struct command *command, char *text)
{
        command->argv[command->n++] = text;
        return text != NULL;
}

static const struct sqi_yaml *
member(const struct sqi_yaml *map, const char *key)
{
        const struct sqi_yaml_item *item = map && map->kind == SQI_YAML_MAPPING ? sqi_yaml_get(map, key) : NULL;

        return item ? item->value : NULL;
}

/* What the numbers and names are worth, the command says. */
static bool
read_executors(const struct sqi_yaml *executors, struct command *command, struct sqi_http_reply *reply)
{
        if (!executors || executors->kind != SQI_YAML_MAPPING || executors->n == 0 || executors->n > CHANGES) {
                sqi_http_reply_error(reply, BAD,
                                     "what is to change? (the body is "
                                     "{\"rebalanceOptions\": {\"executors\": {ID: N}}}, of up to %d components)",
                                     CHANGES);
                return false;
        }
        for (const struct sqi_yaml_item *item = executors->first; item; item = item->next) {
                if (item->value->kind != SQI_YAML_SCALAR) {
                        sqi_http_reply_error(reply, BAD, "executors: '%.64s' is not given a number", item->key);
                        return false;
                }
                if (!add_argument(command,
                                  sqi_arena_print(command->arena, "--component=%s=%s", item->key, item->value->text)))
                        return false;
        }
        return true;
}

/* How many workers there are follows from the topology's file; tools that always tell it may tell it as it is. */
static bool
check_workers(const struct sqi_hosted *hosted, const struct sqi_yaml *workers, struct sqi_http_reply *reply)
{
        const struct sqi_plan *plan = sqi_hosted_plan(hosted);
        char now[16];

        snprintf(now, sizeof(now), "%u", plan ? plan->nworkers : 0);
        if (!workers || workers->kind == SQI_YAML_NULL ||
            (workers->kind == SQI_YAML_SCALAR && strcmp(workers->text, now) == 0))
                return true;
        sqi_http_reply_error(reply, CONFLICT,
                             "numWorkers: the topology '%s' has %s workers, and a rebalance cannot change that "
                             "(topology.workers in its file, and squall update)",
                             hosted->record.name, now);
        return false;
}

static bool
read_options(const struct sqi_hosted *hosted, const struct sqi_yaml *body, struct command *command,
             struct sqi_http_reply *reply)
{
        const struct sqi_yaml *options = member(body, "rebalanceOptions");

        return check_workers(hosted, member(options, "numWorkers"), reply) &&
               read_executors(member(options, "executors"), command, reply);
}

/* JSON is YAML, whose reader there is: bounded in depth and size. */
static bool
read_body(const struct sqi_hosted *hosted, struct sq_str body, struct command *command, struct sqi_http_reply *reply)
{
        struct sqi_diagnostics diagnostics = {0};
        struct sqi_yaml *tree = NULL;
        bool good = sqi_yaml_parse_plain(command->arena, body.len ? body.ptr : "", body.len, &diagnostics, &tree) ==
                            0 &&
                    diagnostics.errors == 0;

        if (!good)
                sqi_http_reply_error(reply, BAD, "the body is not JSON: %s",
                                     diagnostics.n > 0 ? diagnostics.items[0].text : "it cannot be read");
        sqi_diagnostics_release(&diagnostics);
        return good && read_options(hosted, tree, command, reply);
}

/* False: it cannot be asked for, and that is said, unless there is no memory. */
static bool
make_command(const struct sqi_hosted *hosted, struct sq_str body, struct command *command, struct sqi_http_reply *reply)
{
        return add_argument(command, sqi_arena_text(command->arena, "squall")) &&
               add_argument(command, sqi_arena_text(command->arena, "rebalance")) &&
               add_argument(command, sqi_arena_text(command->arena, hosted->record.name)) &&
               add_argument(command, sqi_arena_text(command->arena, "--json")) && /* it says nothing but errors then */
               add_argument(command, sqi_arena_print(command->arena, "--socket=%s", hosted->daemon->options.socket)) &&
               read_body(hosted, body, command, reply);
}

/* ---- The child --------------------------------------------------------------------------------------- */

static bool
is_free(const struct sqi_hosted *hosted, struct sqi_http_reply *reply)
{
        unsigned n = 0;

        for (const struct sqi_rebalancing *it = hosted->daemon->rebalancings; it; it = it->next, n++)
                if (strcmp(it->topology, hosted->record.name) == 0) {
                        sqi_http_reply_error(reply, CONFLICT, "a rebalance of '%s' is under way", it->topology);
                        return false;
                }
        if (n < SQI_REBALANCINGS)
                return true;
        sqi_http_reply_error(reply, UNAVAILABLE, "%u rebalances are under way", n);
        return false;
}

static void
start(struct sqi_hosted *hosted, const struct sqi_http_request *request, const struct command *command,
      struct sqi_http_reply *reply)
{
        struct sqi_rebalancing *it = calloc(1, sizeof(*it));
        const struct sqi_plan *plan = sqi_hosted_plan(hosted);
        int r;

        if (!it)
                return;
        it->ticket = request->ticket;
        it->secs = AROUND_SECS + (plan ? sqi_handover_limit(plan) : 0);
        it->due = sqi_clock_ns() + (uint64_t)(it->secs * SQI_SECOND);
        memcpy(it->topology, hosted->record.name, sizeof(it->topology));
        r = sqi_process_spawn_heard("/proc/self/exe", command->argv, &it->process);
        if (r < 0) {
                sqi_http_reply_error(reply, FAILED, "cannot run squall rebalance: %s", strerror(-r));
                free(it);
                return;
        }
        it->next = hosted->daemon->rebalancings;
        hosted->daemon->rebalancings = it;
        reply->later = true;
        reply->ms = (unsigned)((it->secs + TELL_SECS) * 1000);
}

void
sqi_rebalancing_begin(struct sqi_hosted *hosted, const struct sqi_http_request *request, struct sqi_http_reply *reply)
{
        struct command command = {0};

        if (hosted->daemon->stopping) {
                sqi_http_reply_error(reply, UNAVAILABLE, "the supervisor is ending");
                return;
        }
        command.arena = sqi_arena_new();
        if (command.arena && is_free(hosted, reply) && make_command(hosted, request->body, &command, reply))
                start(hosted, request, &command, reply);
        sqi_arena_free(&command.arena);
}

/* ---- The answer -------------------------------------------------------------------------------------- */

static void
listen_to(struct sqi_rebalancing *it)
{
        char bytes[SAID_SIZE];
        ssize_t n;

        while ((n = read(it->process.log, bytes, sizeof(bytes))) > 0) {
                size_t room = sizeof(it->said) - 1 - it->nsaid, take = (size_t)n < room ? (size_t)n : room;

                memcpy(it->said + it->nsaid, bytes, take);
                it->nsaid += take;
        }
}

/* As the command says it, without what every error of it begins with. */
static const char *
words(struct sqi_rebalancing *it)
{
        static const char begin[] = "squall: ";

        while (it->nsaid > 0 && it->said[it->nsaid - 1] == '\n')
                it->nsaid--;
        it->said[it->nsaid] = '\0';
        return strncmp(it->said, begin, sizeof(begin) - 1) == 0 ? it->said + sizeof(begin) - 1 : it->said;
}

static void
reply_done(const struct sqi_rebalancing *it, struct sqi_http_reply *reply)
{
        struct sqi_writer writer = sqi_writer(SQI_JSON);
        void *bytes;
        size_t size;

        sqi_rest_done("rebalance", it->topology, &writer);
        if (sqi_writer_take(&writer, &bytes, &size) == 0)
                sqi_http_reply_bytes(reply, "application/json", bytes, size);
}

static void
reply_end(struct sqi_rebalancing *it, bool signalled, int number, struct sqi_http_reply *reply)
{
        if (signalled)
                sqi_http_reply_error(
                        reply, FAILED,
                        "squall rebalance was killed by signal %d (squall status %s shows what came of it)", number,
                        it->topology);
        else if (number == EXIT_DONE)
                reply_done(it, reply);
        else
                sqi_http_reply_error(reply, number == EXIT_REFUSED ? CONFLICT : FAILED, "%s", words(it));
}

/* Whoever killed it does not wait for its end: that is seen by and by. */
static void
take_off(struct sqi_rebalancing **link)
{
        struct sqi_rebalancing *it = *link;

        *link = it->next;
        sqi_process_close(&it->process);
        free(it);
}

/* True: it is there no more. */
static bool
look(struct sqi_daemon *daemon, struct sqi_rebalancing **link, uint64_t now_ns)
{
        struct sqi_rebalancing *it = *link;
        struct sqi_http_reply reply = {0};
        bool signalled;
        int number;

        if (sqi_process_reap(&it->process, &signalled, &number) > 0) {
                listen_to(it);
                reply_end(it, signalled, number, &reply);
                sqi_http_answer(daemon->http, it->ticket, &reply); /* nobody's, if it had been told already */
                take_off(link);
                return true;
        }
        listen_to(it);
        if (now_ns < it->due)
                return false;
        it->due = SQI_NEVER;
        sqi_process_kill(&it->process);
        sqi_http_reply_error(&reply, TIMEOUT, "it takes longer than %g s (squall status %s shows what comes of it)",
                             it->secs, it->topology);
        sqi_http_answer(daemon->http, it->ticket, &reply);
        return false;
}

void
sqi_rebalancing_serve(struct sqi_daemon *daemon, uint64_t now_ns)
{
        struct sqi_rebalancing **link = &daemon->rebalancings;

        while (*link)
                if (!look(daemon, link, now_ns))
                        link = &(*link)->next;
}

uint64_t
sqi_rebalancing_due(const struct sqi_daemon *daemon)
{
        uint64_t due = SQI_NEVER;

        for (const struct sqi_rebalancing *it = daemon->rebalancings; it; it = it->next)
                due = sqi_earlier(due, it->due);
        return due;
}

void
sqi_rebalancing_fds(const struct sqi_daemon *daemon, int ret_fds[SQI_REBALANCINGS])
{
        const struct sqi_rebalancing *it = daemon->rebalancings;

        for (int i = 0; i < SQI_REBALANCINGS; i++) {
                ret_fds[i] = it ? it->process.pidfd : -1;
                it = it ? it->next : NULL;
        }
}

void
sqi_rebalancing_drop(struct sqi_daemon *daemon)
{
        while (daemon->rebalancings) {
                struct sqi_http_reply reply = {0};

                sqi_process_kill(&daemon->rebalancings->process);
                sqi_http_reply_error(&reply, UNAVAILABLE, "the supervisor ends");
                sqi_http_answer(daemon->http, daemon->rebalancings->ticket, &reply);
                take_off(&daemon->rebalancings);
        }
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "update_plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "component/catalog.h"
#include "plan/routing.h"
#include "plan/stay.h"

/* Keyed state, or something that it emits at the end or by the clock, which it must have gathered before. */
static bool
gathers(const struct sqi_component *loaded, const struct sqi_plan_component *component)
{
        bool emits = false;

        for (uint32_t s = 0; s < component->nstreams; s++)
                emits = emits || component->streams[s].nfields > 0;
        return loaded->bolt->key_state > 0 || (emits && (loaded->bolt->finish || loaded->bolt->tick));
}

/* What keeps the new version of a bolt from going on with the keyed state of the old one; NULL: nothing. */
static const char *
mismatch(const struct sqi_component *old, const struct sqi_component *next)
{
        if (!sqi_component_hands_on(next))
                return next->bolt && next->bolt->key_state > 0
                               ? "the new version of its component says that its state is volatile"
                               : "the new version of its component keeps no state for a key";
        if (sqi_bolt_takes(next->bolt, old->bolt->state_version, old->bolt->key_state))
                return NULL;
        return next->bolt->state_version == old->bolt->state_version
                       ? "the new version of its component keeps another number of bytes for a key (give it another `.state_version`, "
                         "and a `.migrate` that reads the old ones)"
                       : "the new version of its component has another `.state_version`, and no `.migrate` that reads the old one";
}

/* What keeps the keys of a bolt from going on in the new version of the topology; NULL: nothing. */
static const char *
obstacle(const struct sqi_component *loaded, const struct sqi_plan *before, const struct sqi_plan_component *old,
         const struct sqi_plan *after)
{
        const struct sqi_plan_component *new = sqi_plan_find(after, old->id);
        struct sqi_component *next = NULL;
        char error[512];
        const char *why;

        if (!new || new->kind != SQ_KIND_BOLT)
                return "it is not in the new version";
        if (sqi_component_load(new->path, &next, error, sizeof(error)) < 0)
                return "the new version of its component cannot be loaded";
        why = mismatch(loaded, next);
        sqi_component_close(&next);
        if (why)
                return why;
        if (!sqi_routing_can_move(sqi_routing(before, old), old->ntasks, sqi_routing(after, new), new->ntasks))
                return old->ntasks == new->ntasks
                               ? "its inputs are grouped by other fields now"
                               : "its inputs are not all grouped by the same fields, so no task owns a key";
        return NULL;
}

static const char *
loss(const struct sqi_plan *before, const struct sqi_plan_component *old, const struct sqi_plan *after)
{
        struct sqi_component *loaded = NULL;
        const char *why = NULL;
        char error[512];

        if (sqi_component_load(old->path, &loaded, error, sizeof(error)) < 0)
                return "its component cannot be loaded any more";
        if (sqi_component_hands_on(loaded))
                why = obstacle(loaded, before, old, after);
        else if (gathers(loaded, old))
                why = loaded->bolt->key_state > 0
                              ? "its component says that its state is volatile, and its workers are started anew"
                              : "its component does not keep it in sq_keyed() (it would go along then), and its workers are started "
                                "anew";
        sqi_component_close(&loaded);
        return why;
}

static bool
goes_on(const struct sqi_plan *before, const struct sqi_plan_component *old, const uint32_t *stays, uint32_t n)
{
        for (uint32_t w = 0; w < n; w++)
                if (stays[w] == before->tasks[old->first_task].worker)
                        return true;
        return false;
}

static int
check_state(const struct sqi_plan *before, const struct sqi_plan *after, const uint32_t *stays)
{
        for (uint32_t c = 0; c < before->ncomponents; c++) {
                const struct sqi_plan_component *old = &before->components[c];
                const char *why;

                if (old->kind != SQ_KIND_BOLT || goes_on(before, old, stays, after->nworkers))
                        continue;
                why = loss(before, old, after);
                if (why)
                        return cli_error(
                                CLI_USAGE,
                                "the bolt '%s' keeps state in memory, which would be lost: %s (--lose-state does it all the same)",
                                old->id, why);
        }
        return CLI_DONE;
}

int
cli_check_keeps(const struct sqi_plan *plan)
{
        for (uint32_t c = 0; c < plan->ncomponents; c++) {
                const struct sqi_plan_component *component = &plan->components[c];
                struct sqi_component *loaded = NULL;
                char error[512];
                bool keeps = true;

                if (component->kind != SQ_KIND_BOLT)
                        continue;
                if (sqi_component_load(component->path, &loaded, error, sizeof(error)) == 0)
                        keeps = sqi_component_hands_on(loaded) || !gathers(loaded, component);
                sqi_component_close(&loaded);
                if (!keeps)
                        return cli_error(
                                CLI_USAGE,
                                "the bolt '%s' keeps state that a savepoint cannot hold: its component does not keep it in "
                                "sq_keyed(), or says that it is volatile (--lose-state makes one without it)",
                                component->id);
        }
        return CLI_DONE;
}

/* Before anything happens. */
static void
say_how(const struct sqi_plan *before, const struct sqi_plan *after, const uint32_t *stays, int n)
{
        if (sqi_plan_is_exact(before)) {
                fprintf(stderr, "%s: all %u workers are started anew, and go on from an epoch that is made for it\n",
                        after->name, before->nworkers);
                return;
        }
        fprintf(stderr, "%s: %d of %u workers go on as they are", after->name, n, before->nworkers);
        if ((uint32_t)n < after->nworkers)
                fprintf(stderr, "; started anew:");
        for (uint32_t c = 0; c < after->ncomponents; c++)
                if (stays[after->tasks[after->components[c].first_task].worker] == SQI_STAYS_NOT)
                        fprintf(stderr, " %s (%u)", after->components[c].id, after->components[c].ntasks);
        fputc('\n', stderr);
}

/* A topology that names no file for its dead letters gets one from the supervisor, as the one that runs has. */
static struct sqi_plan
as_hosted(const struct sqi_plan *before, const struct sqi_plan *after)
{
        struct sqi_plan hosted = *after;
        const char *letters = before->config.dead_letter;
        char name[256];
        int n = snprintf(name, sizeof(name), "/%s.dead-letters.jsonl", before->name);

        if (!hosted.config.dead_letter && letters && n > 0 && strlen(letters) > (size_t)n &&
            strcmp(letters + strlen(letters) - n, name) == 0)
                hosted.config.dead_letter = letters;
        return hosted;
}

int
cli_check_change(const struct cli_args *args, const struct sqi_plan *before, struct sqi_plan *after)
{
        struct sqi_plan hosted = as_hosted(before, after);
        uint32_t *stays = calloc(after->nworkers + 1, sizeof(*stays));
        int n = stays ? sqi_stay(before, &hosted, stays) : -1, status = CLI_DONE;

        after->lose_state = cli_flag(args, "lose-state");
        if (n < 0)
                status = cli_error(CLI_FAILED, "out of memory");
        else if (!after->lose_state)
                status = check_state(before, after, stays);
        if (status == CLI_DONE && !cli_flag(args, "json"))
                say_how(before, after, stays, n);
        free(stays);
        return status;
}

int
cli_running_plan(struct cli_talk *talk, const char *name, struct sqi_plan **ret, struct sq_str *ret_source)
{
        struct sqi_request request = {.command = SQI_COMMAND_PLAN, .seconds = -1, .name = cli_str(name)};
        int status = cli_ask(talk, &request);
        struct sq_value plan, source;
        char error[256];
        char *copy;

        if (status != CLI_DONE)
                return status;
        plan = cli_get(talk->value, "plan");
        source = cli_get(talk->value, "source");
        if (plan.type != SQ_BIN || source.type != SQ_BIN ||
            sqi_plan_decode(plan.as.ptr, plan.len, ret, error, sizeof(error)) < 0)
                return cli_error(CLI_FAILED, "the supervisor's plan of '%s' cannot be read (is it of another version?)",
                                 name);
        copy = malloc(source.len + 1);
        if (!copy)
                return cli_error(CLI_FAILED, "out of memory");
        if (source.len > 0)
                memcpy(copy, source.as.ptr, source.len);
        *ret_source = (struct sq_str){copy, source.len};
        // cppcheck-suppress memleak ; the caller frees it
        return CLI_DONE;
}

static void
print(const struct cli_args *args, const char *name)
{
        if (cli_flag(args, "json"))
                printf("{\"topology\":\"%s\",\"state\":\"updated\"}\n", name);
        else
                printf("%s\n", name);
}

int
cli_update_plan(const struct cli_args *args, struct cli_talk *talk, const struct sqi_plan *plan, struct sq_str source)
{
        struct sqi_request request = {
                .command = SQI_COMMAND_UPDATE, .seconds = -1, .name = cli_str(plan->name), .source = source};
        void *bytes = NULL;
        size_t size = 0;
        int status;

        if (sqi_plan_encode(plan, &bytes, &size) < 0)
                return cli_error(CLI_FAILED, "out of memory");
        request.plan = (struct sq_str){bytes, size};
        status = cli_ask(talk, &request);
        free(bytes);
        if (status == CLI_DONE)
                status = cli_await(talk, cli_get_str(talk->value, "topology"), cli_get_str(talk->value, "serial"),
                                   "settled");
        if (status == CLI_DONE)
                print(args, plan->name);
        return status;
}

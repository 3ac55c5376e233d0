/* SPDX-License-Identifier: Apache-2.0 */
#include "replace.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "topology/catalog.h"

/* Keyed state, or something that it emits at the end or by the clock, which it must have gathered before. */
static bool
gathers(const struct sqi_component *loaded, const struct sqi_plan_component *component)
{
        bool emits = false;

        for (uint32_t s = 0; s < component->nstreams; s++)
                emits = emits || component->streams[s].nfields > 0;
        return loaded->bolt->key_state > 0 || (emits && (loaded->bolt->finish != NULL || loaded->bolt->tick != NULL));
}

int
cli_check_state(const struct cli_args *args, const struct sqi_plan *plan)
{
        if (cli_flag(args, "lose-state"))
                return CLI_DONE;
        for (uint32_t c = 0; c < plan->ncomponents; c++) {
                struct sqi_component *loaded = NULL;
                char error[512];
                bool stateful;

                if (plan->components[c].kind != SQ_KIND_BOLT)
                        continue;
                if (sqi_component_load(plan->components[c].path, &loaded, error, sizeof(error)) < 0)
                        return cli_error(CLI_USAGE, "%s", error);
                stateful = gathers(loaded, &plan->components[c]);
                sqi_component_close(&loaded);
                if (stateful)
                        return cli_error(
                                CLI_USAGE,
                                "the bolt '%s' keeps state in memory, which would be lost: every worker is started anew (--lose-state does it all the same)",
                                plan->components[c].id);
        }
        return CLI_DONE;
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
        if (plan.type != SQ_BIN || source.type != SQ_BIN || sqi_plan_decode(plan.as.ptr, plan.len, ret, error, sizeof(error)) < 0)
                return cli_error(CLI_FAILED, "the supervisor's plan of '%s' cannot be read (is it of another version?)", name);
        copy = malloc(source.len + 1);
        if (copy == NULL)
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
                (void)printf("{\"topology\":\"%s\",\"state\":\"updated\"}\n", name);
        else
                (void)printf("%s\n", name);
}

int
cli_replace(const struct cli_args *args, struct cli_talk *talk, const struct sqi_plan *plan, struct sq_str source)
{
        struct sqi_request request = {.command = SQI_COMMAND_UPDATE, .seconds = -1, .name = cli_str(plan->name), .source = source};
        void *bytes = NULL;
        size_t size = 0;
        int status;

        if (sqi_plan_encode(plan, &bytes, &size) < 0)
                return cli_error(CLI_FAILED, "out of memory");
        request.plan = (struct sq_str){bytes, size};
        status = cli_ask(talk, &request);
        free(bytes);
        if (status == CLI_DONE)
                status = cli_await(talk, cli_get_str(talk->value, "topology"), cli_get_str(talk->value, "serial"), "settled");
        if (status == CLI_DONE)
                print(args, plan->name);
        return status;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* squall-test.h: the rig for tests in C. */
#include "squall-test.h"

#include <stdio.h>
#include <unistd.h>

#include "rig/epochs.h"
#include "rig/setup.h"
#include "rig/values.h"
#include "base/nearest.h"

/* The first diagnosis, with its place in the text. */
static void
say(struct sqi_diagnostics *diagnostics, char *error, size_t size)
{
        char *text = diagnostics->n ? sqi_diagnostic_text("setup", &diagnostics->items[0]) : NULL;

        if (text)
                snprintf(error, size, "%s", text);
        free(text);
}

static int
take_setup(struct sqi_setup *setup, const struct sqi_yaml *root, struct sqi_diagnostics *diagnostics)
{
        char hint[SQI_HINT_SIZE];

        for (const struct sqi_yaml_item *item = root->kind == SQI_YAML_MAPPING ? root->first : NULL; item;
             item = item->next) {
                struct sqi_nearest nearest = sqi_nearest(item->key);
                if (sqi_setup_take(setup, item))
                        continue;
                sqi_setup_offer(&nearest);
                sqi_diagnose(diagnostics, SQI_ERROR, item->key_place, "a setup has no '%s'%s", item->key,
                             sqi_nearest_hint(&nearest, hint));
                return -EINVAL;
        }
        return 0;
}

struct sq_rig *
sq_rig_new(const char *text, char *error, size_t size)
{
        char *here = getcwd(NULL, 0);
        struct sqi_setup setup = {.directory = here, .home = here};
        struct sqi_diagnostics diagnostics = {0};
        struct sqi_arena *arena = sqi_arena_new();
        struct sqi_yaml *root;
        struct sq_rig *rig = NULL;
        int r = arena && here ? sqi_yaml_parse(arena, text, strlen(text), &diagnostics, &root) : -ENOMEM;

        snprintf(error, size, "out of memory");
        if (r == 0)
                r = take_setup(&setup, root, &diagnostics);
        if (r == 0)
                setup.directory = setup.home = sqi_arena_text(arena, here);
        if (r == 0)
                r = sqi_setup_open(&setup, &arena, &diagnostics, &rig, error, size);
        if (r < 0)
                say(&diagnostics, error, size);
        if (arena)
                sqi_arena_free(&arena);
        sqi_diagnostics_release(&diagnostics);
        free(here);
        return rig;
}

static const struct sqi_plan_edge *
edge_from(const struct sq_rig *rig, const char *source)
{
        for (uint32_t e = 0; e < rig->plan->nedges; e++)
                if (&rig->plan->components[rig->plan->edges[e].to] == rig->task->component &&
                    (!source || strcmp(rig->plan->components[rig->plan->edges[e].from].id, source) == 0))
                        return &rig->plan->edges[e];
        return NULL;
}

static int
feed(struct sq_rig *rig, const struct sqi_plan_edge *edge, const char *text, struct sqi_arena *arena,
     struct sqi_diagnostics *diagnostics)
{
        const struct sqi_plan_stream *stream = &rig->plan->components[edge->from].streams[edge->stream];
        struct sq_value values[SQ_FIELDS_MAX];
        bool given[SQ_FIELDS_MAX];
        struct sqi_yaml *tuple;
        int r = sqi_yaml_parse(arena, text, strlen(text), diagnostics, &tuple);

        if (r == 0)
                r = sqi_tuple_read(arena, diagnostics, tuple, stream, false, values, given);
        return r < 0 ? r : sqi_rig_feed(rig, edge, 0, stream->nfields, values);
}

enum sq_verdict
sq_rig_execute(struct sq_rig *rig, const char *source, const char *tuple)
{
        static const enum sq_verdict verdicts[] = {
                [SQI_TREE_OPEN] = SQ_KEEP, [SQI_TREE_ACKED] = SQ_ACK, [SQI_TREE_FAILED] = SQ_FAIL};
        const struct sqi_plan_edge *edge = edge_from(rig, source);
        struct sqi_diagnostics diagnostics = {0};
        struct sqi_arena *arena = sqi_arena_new();
        size_t tree = rig->ntrees;
        int r = -ENOMEM;

        rig->error[0] = '\0';
        if (!edge)
                snprintf(rig->error, sizeof(rig->error), "the component has no input '%s'", source ? source : "");
        else if (arena)
                r = feed(rig, edge, tuple, arena, &diagnostics);
        if (r < 0)
                say(&diagnostics, rig->error, sizeof(rig->error));
        if (arena)
                sqi_arena_free(&arena);
        sqi_diagnostics_release(&diagnostics);
        if (r < 0)
                return SQ_FAIL;
        sqi_rig_settle(rig);
        return verdicts[rig->trees[tree].state];
}

void
sq_rig_tick(struct sq_rig *rig)
{
        sqi_rig_tick(rig);
}

bool
sq_rig_next(struct sq_rig *rig, unsigned calls)
{
        sqi_rig_next(rig, calls);
        return rig->task->instance.done || rig->task->phase == SQI_ENDED;
}

static void
judge(struct sq_rig *rig, unsigned tree, bool ack)
{
        sqi_rig_judge(rig, tree, ack);
        rig->task->spout.calls = 0;
        sqi_rig_settle(rig);
}

void
sq_rig_ack(struct sq_rig *rig, unsigned tree)
{
        judge(rig, tree, true);
}

void
sq_rig_fail(struct sq_rig *rig, unsigned tree)
{
        judge(rig, tree, false);
}

void
sq_rig_advance(struct sq_rig *rig, uint64_t ns)
{
        sqi_rig_advance(rig, ns);
}

void
sq_rig_finish(struct sq_rig *rig)
{
        sqi_rig_end(rig);
}

void
sq_rig_restart(struct sq_rig *rig, uint64_t ns)
{
        sqi_rig_restart(rig, ns);
}

int
sq_rig_checkpoint(struct sq_rig *rig, enum sq_rig_epoch until)
{
        return sqi_epochs_checkpoint(rig, until);
}

void
sq_rig_restore(struct sq_rig *rig, uint64_t ns)
{
        sqi_epochs_restore(rig, ns);
        sqi_rig_settle(rig);
}

size_t
sq_rig_pending(const struct sq_rig *rig)
{
        size_t n = 0;

        for (size_t i = 0; i < rig->ntrees; i++)
                n += rig->trees[i].state == SQI_TREE_OPEN;
        return n;
}

/* Opens the text that is handed out; the one before is gone. */
static FILE *
open_text(struct sq_rig *rig, size_t *size)
{
        free(rig->text);
        rig->text = NULL;
        return open_memstream(&rig->text, size);
}

static const char *
close_text(struct sq_rig *rig, FILE *out)
{
        return out && fclose(out) == 0 && rig->text ? rig->text : "";
}

const char *
sq_rig_emitted(struct sq_rig *rig, const char *stream)
{
        size_t size, kept = 0;
        FILE *out = open_text(rig, &size);

        for (size_t i = 0; i < rig->ncaught; i++) {
                struct sqi_caught caught = rig->caught[i];
                if (strcmp(sqi_rig_stream(rig, caught.stream)->id, stream ? stream : "default") != 0) {
                        rig->caught[kept++] = caught;
                        continue;
                }
                char *json = sqi_rig_json(rig, &caught, NULL);
                if (out && json)
                        fprintf(out, "%s\n", json);
                free(json);
                free(caught.bytes);
        }
        rig->ncaught = kept;
        return close_text(rig, out);
}

const char *
sq_rig_logged(struct sq_rig *rig)
{
        static const char *const names[] = {"error", "warning", "info", "debug"};
        size_t size;
        FILE *out = open_text(rig, &size);

        for (size_t i = 0; i < rig->nlogs; i++) {
                if (out)
                        fprintf(out, "%s: %s\n", names[rig->logs[i].level], rig->logs[i].text);
                free(rig->logs[i].text);
        }
        rig->nlogs = 0;
        return close_text(rig, out);
}

const char *
sq_rig_error(const struct sq_rig *rig)
{
        return rig->error[0] ? rig->error : rig->task->error;
}

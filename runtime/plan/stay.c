/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is compared is what the codec of plans writes: a field that is added to a component or to the configuration one
 * day counts from that day on. Numbers (of components, tasks, workers) may be others in the two plans; names are what
 * holds them together.
 */
#include "plan/stay.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- Components and configuration -------------------------------------------------------------------- */

/* 1: the same, 0: not, or -ENOMEM. */
static int
are_equal(const struct sqi_plan *one, const struct sqi_plan *other)
{
        void *a = NULL, *b = NULL;
        size_t na = 0, nb = 0;
        int r = sqi_plan_encode(one, &a, &na);

        if (r == 0)
                r = sqi_plan_encode(other, &b, &nb);
        if (r == 0)
                r = na == nb && memcmp(a, b, na) == 0;
        free(a);
        free(b);
        return r;
}

static int
has_same_config(const struct sqi_plan *before, const struct sqi_plan *after)
{
        struct sqi_plan a = {.name = "", .directory = "", .config = before->config};
        struct sqi_plan b = {.name = "", .directory = "", .config = after->config};

        return are_equal(&a, &b);
}

/* All but where its code lies, and how the file named that. */
static int
is_same_component(const struct sqi_plan_component *before, const struct sqi_plan_component *after)
{
        struct sqi_plan_component x = *before, y = *after;
        struct sqi_plan a = {.name = "", .directory = "", .ncomponents = 1, .components = &x};
        struct sqi_plan b = {.name = "", .directory = "", .ncomponents = 1, .components = &y};

        sqi_config_defaults(&a.config);
        sqi_config_defaults(&b.config);
        x.component = x.path = y.component = y.path = "";
        x.first_task = y.first_task = 0;
        return x.cycle || y.cycle ? 0 : are_equal(&a, &b);
}

/* ---- Code -------------------------------------------------------------------------------------------- */

enum { CHUNK = 1 << 16 };

static bool
have_same_bytes(int one, int other, char *a, char *b)
{
        ssize_t n;

        while ((n = read(one, a, CHUNK)) > 0)
                if (read(other, b, CHUNK) != n || memcmp(a, b, (size_t)n) != 0)
                        return false;
        return n == 0 && read(other, b, 1) == 0;
}

static bool
is_same_file(const char *one, const char *other)
{
        int a = open(one, O_RDONLY | O_CLOEXEC), b = open(other, O_RDONLY | O_CLOEXEC);
        char *bytes = malloc(2 * (size_t)CHUNK);
        struct stat sa, sb;
        bool same = false;

        if (a >= 0 && b >= 0 && bytes && fstat(a, &sa) == 0 && fstat(b, &sb) == 0 && sa.st_size == sb.st_size)
                same = have_same_bytes(a, b, bytes, bytes + CHUNK);
        free(bytes);
        if (a >= 0)
                close(a);
        if (b >= 0)
                close(b);
        return same;
}

static bool
is_same_code(const char *one, const char *other)
{
        return strcmp(one, other) == 0 || is_same_file(one, other);
}

/* ---- Inputs ------------------------------------------------------------------------------------------ */

/* The next edge into a component from number *at on; NULL: no more. */
static const struct sqi_plan_edge *
next_input(const struct sqi_plan *plan, const struct sqi_plan_component *component, uint32_t *at)
{
        while (*at < plan->nedges) {
                const struct sqi_plan_edge *edge = &plan->edges[(*at)++];

                if (&plan->components[edge->to] == component)
                        return edge;
        }
        return NULL;
}

static bool
is_same_stream(const struct sqi_plan_stream *one, const struct sqi_plan_stream *other)
{
        if (strcmp(one->id, other->id) != 0 || one->nfields != other->nfields)
                return false;
        for (uint32_t f = 0; f < one->nfields; f++)
                if (one->fields[f].type != other->fields[f].type ||
                    strcmp(one->fields[f].name, other->fields[f].name) != 0)
                        return false;
        return true;
}

/* Its settings and its code; where that lies may differ. 1: the same, 0: not, or -ENOMEM. */
static int
is_same_custom(const struct sqi_plan_grouping *before, const struct sqi_plan_grouping *after)
{
        struct sqi_plan_component x = {.id = "", .component = "", .path = ""}, y = x;

        if (!before || !after)
                return before == after;
        x.nsettings = before->nsettings;
        x.settings = before->settings;
        y.nsettings = after->nsettings;
        y.settings = after->settings;
        int r = is_same_component(&x, &y);
        return r > 0 ? is_same_code(before->path, after->path) : r;
}

static bool
is_same_input(const struct sqi_plan *before, const struct sqi_plan_edge *one, const struct sqi_plan *after,
              const struct sqi_plan_edge *other)
{
        const struct sqi_plan_component *from = &before->components[one->from], *now = &after->components[other->from];

        return strcmp(from->id, now->id) == 0 &&
               is_same_stream(&from->streams[one->stream], &now->streams[other->stream]) &&
               one->input == other->input && one->grouping == other->grouping && one->nkeys == other->nkeys &&
               memcmp(one->keys, other->keys, one->nkeys) == 0 && one->nin == other->nin &&
               memcmp(one->in, other->in, one->nin) == 0 && !one->feedback && !other->feedback &&
               is_same_custom(one->custom, other->custom) > 0;
}

static bool
reads_the_same(const struct sqi_plan *before, const struct sqi_plan_component *old, const struct sqi_plan *after,
               const struct sqi_plan_component *new)
{
        const struct sqi_plan_edge *one, *other;
        uint32_t i = 0, k = 0;

        do {
                one = next_input(before, old, &i);
                other = next_input(after, new, &k);
                if (!one || !other)
                        return one == other;
        } while (is_same_input(before, one, after, other));
        return false;
}

/* ---- Workers ----------------------------------------------------------------------------------------- */

static bool
shares_workers(const struct sqi_plan *plan)
{
        return plan->nworkers != plan->ntasks;
}

static int
can_stay(const struct sqi_plan *before, const struct sqi_plan *after, const struct sqi_plan_component *new)
{
        const struct sqi_plan_component *old = sqi_plan_find(before, new->id);
        int r = old ? is_same_component(old, new) : 0;

        if (r > 0)
                r = reads_the_same(before, old, after, new) && is_same_code(old->path, new->path);
        return r;
}

int
sqi_stay(const struct sqi_plan *before, const struct sqi_plan *after, uint32_t *ret)
{
        int r = has_same_config(before, after), n = 0;

        for (uint32_t w = 0; w < after->nworkers; w++)
                ret[w] = SQI_STAYS_NOT;
        if (r <= 0 || shares_workers(before) || shares_workers(after))
                return r < 0 ? r : 0;
        for (uint32_t c = 0; c < after->ncomponents; c++) {
                const struct sqi_plan_component *new = &after->components[c], *old = sqi_plan_find(before, new->id);

                r = can_stay(before, after, new);
                if (r < 0)
                        return r;
                for (uint32_t i = 0; r > 0 && i < new->ntasks; i++, n++)
                        ret[after->tasks[new->first_task + i].worker] = before->tasks[old->first_task + i].worker;
        }
        return n;
}

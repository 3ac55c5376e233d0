/* SPDX-License-Identifier: Apache-2.0 */
/* The spout `evaluator`: what an expression takes over the same values, ns each time, as a line of JSON in a file. */
#include <errno.h>
#include <squall-kit.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

struct evaluator {
        const char *path, *expression;
        int64_t count;
};

enum { SLICES = 20 };

static const char *const names[] = {"ms", "status", "bytes"};

static double
cpu_ns(void)
{
        struct timespec now;

        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
        return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

/* The values that the expression names, in its order. */
static void
take_values(const struct sq_exprs *exprs, struct sq_value *values)
{
        const struct sq_value all[] = {sq_float(17.2), sq_int(404), sq_int(4000)};

        for (unsigned i = 0; i < sq_exprs_nfields(exprs); i++)
                for (size_t k = 0; k < sizeof(names) / sizeof(names[0]); k++)
                        if (strcmp(names[k], sq_exprs_used(exprs, i).name) == 0)
                                values[i] = all[k];
}

static bool
measure(struct sq_exprs *exprs, int64_t count, double *ret_ns)
{
        struct sq_value values[sizeof(names) / sizeof(names[0])], value;
        double begin = cpu_ns();
        bool fine = true;

        take_values(exprs, values);
        for (int64_t i = 0; i < count; i++) {
                sq_exprs_begin_values(exprs, values);
                fine = sq_exprs_value(exprs, 0, &value) && fine;
        }
        *ret_ns = (cpu_ns() - begin) / (double)count;
        return fine;
}

/* In slices, of which the fastest counts: what else runs on the machine makes others longer. */
static bool
measure_slices(struct sq_exprs *exprs, int64_t count, double *ret_ns)
{
        double ns;

        for (int i = 0; i < SLICES; i++) {
                if (!measure(exprs, count / SLICES, &ns))
                        return false;
                *ret_ns = i == 0 || ns < *ret_ns ? ns : *ret_ns;
        }
        return true;
}

static int
evaluate(struct sq_task *task, const struct evaluator *self, struct sq_exprs *exprs)
{
        FILE *file;
        double ns;

        for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
                if (!exprs || !sq_exprs_field(exprs, names[i], SQ_ANY))
                        return sq_error(task, "%s", strerror(ENOMEM));
        if (sq_exprs_add(exprs, self->expression) < 0 || !measure_slices(exprs, self->count, &ns))
                return sq_error(task, "%s", sq_exprs_error(exprs));
        file = fopen(self->path, "we");
        if (!file)
                return sq_error(task, "%s: %s", self->path, strerror(errno));
        fprintf(file, "{\"ns\":%.2f}\n", ns);
        return fclose(file) == 0 ? 0 : sq_error(task, "%s: %s", self->path, strerror(errno));
}

static int
prepare(struct sq_task *task)
{
        struct sq_exprs *exprs = sq_exprs_new();
        int r = evaluate(task, sq_state(task), exprs);

        sq_exprs_free(&exprs);
        return r;
}

static enum sq_next
next(struct sq_task *task)
{
        (void)task;
        return SQ_DONE;
}

SQ_SPOUT(evaluator) = {
        .about = "Evaluates an expression, and emits nothing.",
        .state = sizeof(struct evaluator),
        .options = {SQ_REQ_PATH(struct evaluator, path, "file for the result"),
                    SQ_REQ_STR(struct evaluator, expression, "over ms, status and bytes"),
                    SQ_REQ_INT(struct evaluator, count, "how often")},
        .out = {{"nothing", SQ_INT}},
        .prepare = prepare,
        .next = next,
};

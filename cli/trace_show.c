/* SPDX-License-Identifier: Apache-2.0 */
#include "trace_show.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "number.h"
#include "tuple/unpack.h"
#include "tuple/writer.h"
#include "verb.h"

/* Columns of a waterfall; rows of one tree. */
enum { TASK_MIN = 12, TASK_MAX = 30, TIME = 11, BAR_MIN = 8, BAR_MAX = 100, ROWS_MAX = 60, NAME_SIZE = 192 };

/* What a tuple goes through on its way through one task, in that order. */
enum { GATHERED, NETWORK, QUEUED, EXECUTED, PHASES };
static const struct {
        const char *name;
        char sign;
} phases[PHASES] = {
        {"gathered", '.'},
        {"network", '-'},
        {"queued", '='},
        {"executed", '#'},
};

static uint64_t
since(uint64_t from, uint64_t to)
{
        return from && to > from ? to - from : 0;
}

/* When the phase begins and ends. */
static uint64_t
begin_of(const struct sqi_span *span, int phase)
{
        const uint64_t begins[PHASES] = {span->emitted_ns, span->sealed_ns, span->received_ns, span->begun_ns};

        return begins[phase];
}

static uint64_t
end_of(const struct sqi_span *span, int phase)
{
        return phase + 1 < PHASES ? begin_of(span, phase + 1) : span->ended_ns;
}

static uint64_t
first_ns(const struct sqi_followed *tree)
{
        return tree->spans[0].span.begun_ns;
}

static uint64_t
last_ns(const struct sqi_followed *tree)
{
        uint64_t last = 0;

        for (size_t i = 0; i < tree->n; i++)
                if (tree->spans[i].span.ended_ns > last)
                        last = tree->spans[i].span.ended_ns;
        return last;
}

static void
put_tuple(struct sqi_writer *writer, const char *key, const struct sqi_traced_span *span)
{
        const struct sqi_slice *slice = &span->slice;

        if (!span->stream)
                return;
        sqi_write_map(writer, key);
        for (uint32_t f = 0; f < span->stream->nfields; f++)
                sqi_write_value(writer, span->stream->fields[f].name,
                                sqi_unpack(slice->at + slice->offsets[f], slice->at + slice->offsets[f + 1]));
        sqi_write_end(writer);
}

/* What was written, in one line. */
static void
put_line(struct sqi_writer *writer, const char *before, FILE *out)
{
        void *bytes;
        size_t size;

        if (sqi_writer_take(writer, &bytes, &size) < 0)
                return;
        fprintf(out, "%s%s\n", before, (const char *)bytes);
        free(bytes);
}

/* ---- A waterfall ------------------------------------------------------------------------------------- */

static size_t
put_name(const struct sqi_plan *plan, const struct sqi_traced_span *span, char *ret, size_t size)
{
        char name[NAME_SIZE];

        sqi_task_name(plan, span->span.task, name, sizeof(name));
        return (size_t)snprintf(ret, size, "%*s%s", 2 * (int)span->depth, "", name);
}

static unsigned
name_width(const struct sqi_plan *plan, const struct sqi_followed *tree)
{
        char name[2 * NAME_SIZE];
        size_t width = TASK_MIN;

        for (size_t i = 0; i < tree->n && i < ROWS_MAX; i++) {
                size_t len = put_name(plan, &tree->spans[i], name, sizeof(name));
                if (len > width)
                        width = len;
        }
        return width < TASK_MAX ? (unsigned)width : TASK_MAX;
}

/* The bar of a span, from the first to the last moment of the tree: what it was in at each place. */
static void
put_bar(const struct sqi_followed *tree, const struct sqi_span *span, unsigned width, char *ret)
{
        double first = (double)first_ns(tree), scale = (double)width / ((double)last_ns(tree) - first + 1);
        unsigned used = 0;

        memset(ret, ' ', width);
        for (int p = 0; p < PHASES; p++) {
                if (!begin_of(span, p) || end_of(span, p) <= begin_of(span, p))
                        continue;
                unsigned from = (unsigned)(((double)begin_of(span, p) - first) * scale);
                unsigned to = (unsigned)(((double)end_of(span, p) - first) * scale);
                for (unsigned i = from; i <= to && i < width; i++)
                        ret[i] = phases[p].sign;
                used = to < width ? to + 1 : width;
        }
        ret[used] = '\0';
}

static void
put_times(const struct sqi_span *span)
{
        for (int p = 0; p < PHASES; p++) {
                uint64_t ns = since(begin_of(span, p), end_of(span, p));
                char text[CLI_NUMBER_SIZE];

                printf("%*s", TIME, begin_of(span, p) ? cli_time_text((double)ns / 1e3, text) : "-");
        }
}

static void
put_head(const struct sqi_plan *plan, const struct sqi_followed *tree, const char *bold, const char *off)
{
        char name[NAME_SIZE], time[CLI_NUMBER_SIZE], hops[CLI_NUMBER_SIZE];

        printf("%s%s%s  %s, %s hop%s%s\n", bold, sqi_task_name(plan, tree->spans[0].span.task, name, sizeof(name)), off,
               cli_time_text((double)since(first_ns(tree), last_ns(tree)) / 1e3, time), cli_count_text(tree->n, hops),
               tree->n == 1 ? "" : "s", tree->whole ? "" : " (something is missing)");
}

static void
put_row(const struct sqi_plan *plan, const struct sqi_followed *tree, const struct sqi_traced_span *span,
        unsigned width, unsigned bar)
{
        char name[2 * NAME_SIZE], text[BAR_MAX + 1];
        size_t len = put_name(plan, span, name, sizeof(name));

        put_bar(tree, &span->span, bar, text);
        printf("  %-*.*s", (int)width, (int)width, len > width ? name + len - width : name);
        put_times(&span->span);
        printf("  %s%s\n", text,
               span->span.verdict == SQ_FAIL   ? " failed"
               : span->span.verdict == SQ_KEEP ? " kept"
                                               : "");
}

void
cli_trace_text(const struct sqi_plan *plan, const struct sqi_followed *tree, unsigned columns, bool colour)
{
        const char *bold = colour ? "\033[1m" : "", *dim = colour ? "\033[2m" : "", *off = colour ? "\033[0m" : "";
        unsigned width = name_width(plan, tree), taken = 2 + width + PHASES * TIME + 2;
        unsigned bar = columns > taken + BAR_MIN ? columns - taken : BAR_MIN;
        char more[CLI_NUMBER_SIZE];

        put_head(plan, tree, bold, off);
        printf("%s  %-*s", dim, (int)width, "");
        for (int p = 0; p < PHASES; p++)
                printf("%*s %c", TIME - 2, phases[p].name, phases[p].sign);
        printf("%s\n", off);
        for (size_t i = 0; i < tree->n && i < ROWS_MAX; i++)
                put_row(plan, tree, &tree->spans[i], width, bar < BAR_MAX ? bar : BAR_MAX);
        if (tree->n > ROWS_MAX)
                printf("  ... and %s more (--json)\n", cli_count_text(tree->n - ROWS_MAX, more));
        putchar('\n');
}

/* ---- JSON -------------------------------------------------------------------------------------------- */

static void
write_span(const struct sqi_plan *plan, const struct sqi_followed *tree, size_t i, struct sqi_writer *writer)
{
        const struct sqi_traced_span *traced = &tree->spans[i];
        const struct sqi_span *span = &traced->span;
        static const char *const verdicts[] = {[SQ_ACK] = "ack", [SQ_FAIL] = "fail", [SQ_KEEP] = "keep"};
        char name[NAME_SIZE], key[32];

        sqi_write_map(writer, NULL);
        sqi_write_text(writer, "task", sqi_task_name(plan, span->task, name, sizeof(name)));
        if (i > 0) {
                sqi_write_uint(writer, "parent", traced->parent);
                sqi_write_text(writer, "from", sqi_task_name(plan, span->source, name, sizeof(name)));
                sqi_write_text(writer, "verdict", span->verdict <= SQ_KEEP ? verdicts[span->verdict] : NULL);
        }
        sqi_write_real(writer, "at_us", (double)since(first_ns(tree), i ? span->emitted_ns : span->begun_ns) / 1e3);
        for (int p = i ? 0 : EXECUTED; p < PHASES; p++) {
                snprintf(key, sizeof(key), "%s_us", phases[p].name);
                sqi_write_real(writer, key, (double)since(begin_of(span, p), end_of(span, p)) / 1e3);
        }
        sqi_write_uint(writer, "emitted", span->emitted);
        put_tuple(writer, "tuple", traced);
        sqi_write_end(writer);
}

void
cli_trace_json(const struct sqi_plan *plan, const struct sqi_followed *tree)
{
        struct sqi_writer writer = sqi_writer(SQI_JSON);
        char id[32];

        snprintf(id, sizeof(id), "%016" PRIx64, tree->id);
        sqi_write_map(&writer, NULL);
        sqi_write_text(&writer, "trace", id);
        sqi_write_bool(&writer, "whole", tree->whole);
        sqi_write_real(&writer, "took_us", (double)since(first_ns(tree), last_ns(tree)) / 1e3);
        sqi_write_array(&writer, "spans");
        for (size_t i = 0; i < tree->n; i++)
                write_span(plan, tree, i, &writer);
        sqi_write_end(&writer);
        sqi_write_end(&writer);
        put_line(&writer, "", stdout);
}

/* ---- Perfetto ---------------------------------------------------------------------------------------- */

/* An event of the Trace Event Format: of a task's row, at a time. To be ended. */
static void
begin_event(struct sqi_writer *writer, const char *name, const char *kind, uint32_t task, uint64_t at_ns)
{
        sqi_write_map(writer, NULL);
        sqi_write_text(writer, "name", name);
        sqi_write_text(writer, "cat", "squall");
        sqi_write_text(writer, "ph", kind);
        sqi_write_uint(writer, "pid", 1);
        sqi_write_uint(writer, "tid", task);
        sqi_write_real(writer, "ts", (double)at_ns / 1e3);
}

static void
end_event(struct sqi_writer *writer, FILE *file)
{
        sqi_write_end(writer);
        put_line(writer, ",", file);
}

/* The row of a task has its name. */
static void
name_row(const char *what, const char *name, uint32_t task, const char *before, FILE *file)
{
        struct sqi_writer writer = sqi_writer(SQI_JSON);

        begin_event(&writer, what, "M", task, 0);
        sqi_write_map(&writer, "args");
        sqi_write_text(&writer, "name", name);
        sqi_write_end(&writer);
        sqi_write_end(&writer);
        put_line(&writer, before, file);
}

void
cli_trace_perfetto_begin(const struct sqi_plan *plan, FILE *file)
{
        char name[NAME_SIZE];

        fputs("{\"displayTimeUnit\":\"ns\",\"traceEvents\":[\n", file);
        name_row("process_name", plan->name, 0, "", file);
        for (uint32_t t = 0; t < plan->ntasks; t++)
                name_row("thread_name", sqi_task_name(plan, t, name, sizeof(name)), t, ",", file);
}

/* What the callback did, as a slice. */
static void
put_executed(const struct sqi_plan *plan, const struct sqi_traced_span *traced, const char *id, FILE *file)
{
        struct sqi_writer writer = sqi_writer(SQI_JSON);
        const struct sqi_span *span = &traced->span;
        const struct sqi_plan_component *component = &plan->components[plan->tasks[span->task].component];

        begin_event(&writer, component->id, "X", span->task, span->begun_ns);
        sqi_write_real(&writer, "dur", (double)since(span->begun_ns, span->ended_ns) / 1e3);
        sqi_write_map(&writer, "args");
        sqi_write_text(&writer, "trace", id);
        sqi_write_uint(&writer, "emitted", span->emitted);
        for (int p = GATHERED; p < EXECUTED && traced->depth > 0; p++) {
                char key[32];
                snprintf(key, sizeof(key), "%s_us", phases[p].name);
                sqi_write_real(&writer, key, (double)since(begin_of(span, p), end_of(span, p)) / 1e3);
        }
        put_tuple(&writer, "tuple", traced);
        sqi_write_end(&writer);
        end_event(&writer, file);
}

/* The way to it, as an async slice that may lie over others, and as an arrow from its parent. */
static void
put_way(const struct sqi_traced_span *traced, const struct sqi_traced_span *parent, FILE *file)
{
        const struct sqi_span *span = &traced->span;
        char id[32];

        snprintf(id, sizeof(id), "0x%016" PRIx64, span->id);
        for (int p = GATHERED; p < EXECUTED; p++)
                for (int end = 0; end < 2; end++) {
                        struct sqi_writer writer = sqi_writer(SQI_JSON);
                        begin_event(&writer, phases[p].name, end ? "e" : "b", span->task,
                                    end ? end_of(span, p) : begin_of(span, p));
                        sqi_write_text(&writer, "id", id);
                        end_event(&writer, file);
                }
        for (int end = 0; end < 2; end++) {
                struct sqi_writer writer = sqi_writer(SQI_JSON);
                begin_event(&writer, "tuple", end ? "f" : "s", end ? span->task : parent->span.task,
                            end ? span->begun_ns : parent->span.begun_ns);
                sqi_write_text(&writer, "id", id);
                if (end)
                        sqi_write_text(&writer, "bp", "e");
                end_event(&writer, file);
        }
}

void
cli_trace_perfetto(const struct sqi_plan *plan, const struct sqi_followed *tree, FILE *file)
{
        char id[32];

        snprintf(id, sizeof(id), "%016" PRIx64, tree->id);
        for (size_t i = 0; i < tree->n; i++) {
                put_executed(plan, &tree->spans[i], id, file);
                if (i > 0)
                        put_way(&tree->spans[i], &tree->spans[tree->spans[i].parent], file);
        }
}

void
cli_trace_perfetto_end(FILE *file)
{
        fputs("]}\n", file);
}

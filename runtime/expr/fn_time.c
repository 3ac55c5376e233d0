/* SPDX-License-Identifier: Apache-2.0 */
/* Functions of times. */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "expr/expr.h"
#include "expr/text.h"
#include "kit/instant.h"

enum { NS = 1000000000, WRITTEN_MAX = 256 };

static const struct sq_str iso8601 = {"iso8601", 7};

/* The second argument is a format, if there is one. */
static void
prepare_format(struct sqi_evaluation *run, struct sqi_node *node)
{
        const struct sqi_node *format = node->nargs > 1 ? node->args[1] : NULL;
        const char *wrong;

        if (!format || !format->is_constant || format->value.type != SQ_STR)
                return;
        run->at = format->at;
        wrong = sqi_instant_check(sqi_text_of(format->value));
        if (wrong)
                sqi_wrong(run, "%s", wrong);
}

static bool
is_format(struct sqi_evaluation *run, struct sq_str format)
{
        const char *wrong = sqi_instant_check(format);

        if (wrong)
                sqi_wrong(run, "%s", wrong);
        return !wrong;
}

static struct sq_value
call_parse(struct sqi_evaluation *run, const struct sqi_node *node, size_t n, const struct sq_value *args)
{
        struct sq_str format = n > 1 ? sqi_text_of(args[1]) : iso8601, text = sqi_text_of(args[0]);
        struct sq_time time;
        char number[64];

        (void)node;
        if (!is_format(run, format))
                return sq_nil();
        if (args[0].type != SQ_STR)
                text = (struct sq_str){number, sq_json(args[0], number, sizeof(number))};
        if (sqi_instant_read(text, format, 1970, &time))
                return sq_time(time);
        return sqi_wrong(run, "`%.*s` is not a time of the format `%.*s`", (int)(text.len < 64 ? text.len : 64),
                         text.ptr, (int)format.len, format.ptr);
}

static struct sq_value
call_format(struct sqi_evaluation *run, const struct sqi_node *node, size_t n, const struct sq_value *args)
{
        struct sq_str format = n > 1 ? sqi_text_of(args[1]) : iso8601;
        struct sq_time time = {args[0].as.i, args[0].len};
        size_t len;
        char *text;

        (void)node;
        if (!is_format(run, format))
                return sq_nil();
        len = sqi_instant_write(time, format, NULL, 0);
        if (len == 0)
                return sqi_wrong(run, "the time is too far away for a date");
        text = sqi_scratch_take(&run->scratch, len + 1);
        if (!text)
                return sqi_no_memory(run);
        sqi_instant_write(time, format, text, len + 1);
        return sqi_text_value(text, len);
}

static bool
span_of(struct sqi_evaluation *run, struct sq_value value, int64_t *ret)
{
        char shown[64];
        int r = sqi_span_read(value, ret);

        if (r == 0)
                return true;
        sq_json(value, shown, sizeof(shown));
        if (r == -ERANGE)
                sqi_wrong(run, "%s is longer than a span may be, 292 years (106751 days) either way", shown);
        else
                sqi_wrong(run, "%s is not a span such as '90s', '5m', '1h'", shown);
        return false;
}

/* The time that is `ns` nanoseconds after 1970; false: it is too far away. */
static bool
from_wide(__int128 ns, struct sq_time *ret)
{
        __int128 seconds = ns / NS, rest = ns % NS;

        seconds -= rest < 0;
        rest += rest < 0 ? NS : 0;
        if (seconds > INT64_MAX || seconds < INT64_MIN)
                return false;
        *ret = (struct sq_time){(int64_t)seconds, (uint32_t)rest};
        return true;
}

static __int128
wide(struct sq_value time)
{
        return (__int128)time.as.i * NS + time.len;
}

static struct sq_value
from_ns(struct sqi_evaluation *run, __int128 ns)
{
        struct sq_time time;

        return from_wide(ns, &time) ? sq_time(time) : sqi_wrong(run, "the time is too far away");
}

static struct sq_value
call_truncate(struct sqi_evaluation *run, const struct sqi_node *node, size_t n, const struct sq_value *args)
{
        __int128 ns = wide(args[0]), rest;
        int64_t span;

        (void)node;
        (void)n;
        if (!span_of(run, args[1], &span))
                return sq_nil();
        if (span <= 0)
                return sqi_wrong(run, "the span must be above 0");
        rest = ns % span;
        return from_ns(run, ns - rest - (rest < 0 ? span : 0));
}

static struct sq_value
call_add(struct sqi_evaluation *run, const struct sqi_node *node, size_t n, const struct sq_value *args)
{
        int64_t span;

        (void)node;
        (void)n;
        return span_of(run, args[1], &span) ? from_ns(run, wide(args[0]) + span) : sq_nil();
}

static struct sq_value
call_diff(struct sqi_evaluation *run, const struct sqi_node *node, size_t n, const struct sq_value *args)
{
        (void)run;
        (void)node;
        (void)n;
        return sq_float((double)(wide(args[0]) - wide(args[1])) / NS);
}

static struct sq_value
call_now(struct sqi_evaluation *run, const struct sqi_node *node, size_t n, const struct sq_value *args)
{
        struct timespec now;

        (void)node;
        (void)n;
        (void)args;
        if (run->task)
                return sq_time(sq_wall(run->task));
        clock_gettime(CLOCK_REALTIME, &now);
        return sq_time((struct sq_time){now.tv_sec, (uint32_t)now.tv_nsec});
}

static struct sq_value
call_unix(struct sqi_evaluation *run, const struct sqi_node *node, size_t n, const struct sq_value *args)
{
        (void)run;
        (void)node;
        (void)n;
        return args[0].len ? sq_float((double)args[0].as.i + (double)args[0].len / NS) : sq_int(args[0].as.i);
}

const struct sqi_function sqi_time_functions[] = {
        {"time_parse(x: str|number, format: str?) -> time",
         "A time from a text or a number: `iso8601` unless another format is set, `unix`, `unix_ms`, `unix_us`, `unix_ns`, "
         "or as strptime() has it, with `%f` for a fraction and `%z` for the zone. Without a zone it is UTC.",
         "time_parse('26/Nov/2026:08:00:00 +0100', '%d/%b/%Y:%H:%M:%S %z')", "\"2026-11-26T07:00:00Z\"",
         .call = call_parse, .prepare = prepare_format},
        {"time_format(t: time, format: str?) -> str", "The time in UTC, as text of such a format.",
         "time_format(time_parse('2026-11-26T07:00:00.5Z'), '%F %T.%f')", "\"2026-11-26 07:00:00.5\"",
         .call = call_format, .prepare = prepare_format},
        {"time_truncate(t: time, span: span) -> time",
         "The last multiple of the span since 1970 that is not behind it.",
         "time_truncate(time_parse('2026-11-26T07:59:00Z'), '1h')", "\"2026-11-26T07:00:00Z\"", .call = call_truncate},
        {"time_add(t: time, span: span) -> time", "The time so much later, or earlier where the span is negative.",
         "time_add(time_parse('2026-11-26T07:00:00Z'), '-90s')", "\"2026-11-26T06:58:30Z\"", .call = call_add},
        {"time_diff(t: time, since: time) -> float", "The seconds from `since` to `t`.",
         "time_diff(time_parse('2026-11-26'), time_parse('2026-11-25'))", "86400.0", .call = call_diff},
        {"now() -> time", "The time of day; virtual in tests.", "now() > time_parse('2020-01-01')", "true",
         .call = call_now, .changes = true},
        {"unix(t: time) -> number", "Seconds since 1970.", "unix(time_parse('1970-01-02'))", "86400",
         .call = call_unix},
        {NULL, NULL, NULL, NULL, NULL, NULL, NULL, false},
};

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bolt `join` against a model of its own that keeps every row for ever and looks at all pairs: in windows, in
 * sessions, by intervals and with a table, inner, left and full, of rows that come out of order, late, in ties and far
 * from 1970, while sources are idle and the bolt is begun anew.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "built.h"
#include "joins_model.h"
#include "made.h"
#include "squall-test.h"

static uint64_t seed;

static uint64_t
random_below(uint64_t n)
{
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        return seed % n;
}

/* ---- What the bolt says ------------------------------------------------------------------------------ */

static const char *const sides[SIDES] = {"a", "b", "c"};

/* -1: null. */
static int
id_of(const char *line, const char *side)
{
        char name[16];
        const char *at;

        (void)snprintf(name, sizeof(name), "\"%s_n\":", side);
        at = strstr(line, name);
        assert_non_null(at);
        at += strlen(name);
        return strncmp(at, "null", 4) == 0 ? -1 : atoi(at);
}

/* In ms since 1970; 0 where it is null. */
static long long
end_of(const char *line)
{
        struct tm tm = {0};
        int ms = 0, used = 0;
        const char *at = strstr(line, "\"end\":\"");

        if (!at)
                return 0;
        assert_true(sscanf(at, "\"end\":\"%d-%d-%dT%d:%d:%d%n", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &tm.tm_hour,
                           &tm.tm_min, &tm.tm_sec, &used) == 6);
        tm.tm_year -= 1900;
        tm.tm_mon--;
        if (at[used] == '.')
                ms = (int)(strtod(at + used, NULL) * 1000 + 0.5);
        return (long long)timegm(&tm) * 1000 + ms;
}

static void
read_line(const struct rules *rules, struct lines *lines, const char *stream, const char *line)
{
        char text[LINE];
        size_t used = 0;
        const char *key = strstr(line, "\"k\":");

        assert_non_null(key);
        for (unsigned s = 0; s < rules->sides; s++) {
                int id = id_of(line, sides[s]);
                used += (size_t)snprintf(text + used, sizeof(text) - used, id < 0 ? " -" : " %d", id);
        }
        if (rules->kind == INTERVAL || rules->kind == TABLE)
                add_line(lines, "%s %d%s", stream, atoi(key + 4), text);
        else
                add_line(lines, "%s %d%s until %lld", stream, atoi(key + 4), text, end_of(line));
}

static void
take_stream(struct sq_rig *rig, const struct rules *rules, struct lines *lines, const char *stream)
{
        const char *text = sq_rig_emitted(rig, strcmp(stream, "joined") == 0 ? NULL : stream);
        char line[1024];

        while (*text) {
                size_t n = strcspn(text, "\n");

                assert_true(n < sizeof(line));
                memcpy(line, text, n);
                line[n] = '\0';
                read_line(rules, lines, stream, line);
                text += n + (text[n] == '\n');
        }
}

/* ---- A random case ----------------------------------------------------------------------------------- */

struct sources {
        int64_t disorder, at[SIDES], watermark[SIDES], together;
        bool idle[SIDES];
};

struct harness {
        struct sq_rig *rig;
        struct sources sources;
        struct model model;
        struct lines found;
        uint64_t number;
        uint64_t joined, unmatched, late;
};

static int64_t
ns_of(int64_t ms)
{
        return ms * 1000000;
}

static struct rules
random_rules(void)
{
        struct rules rules = {.kind = (enum kind)random_below(KINDS), .type = (enum type)random_below(3)};

        rules.sides = rules.kind == INTERVAL || rules.kind == TABLE ? 2 : 2 + (unsigned)random_below(2);
        rules.size = 1 + (int64_t)random_below(30);
        rules.slide = random_below(2) ? rules.size : 1 + (int64_t)random_below((uint64_t)rules.size);
        rules.gap = 1 + (int64_t)random_below(10);
        rules.low = (int64_t)random_below(30) - 15;
        rules.high = rules.low + (int64_t)random_below(20);
        rules.lateness = random_below(3) || rules.kind == TABLE ? 0 : (int64_t)random_below(20);
        rules.wait = random_below(3) ? (int64_t)random_below(40) : 0;
        if (rules.kind == TABLE && rules.type == FULL)
                rules.type = INNER;
        return rules;
}

static void
make(struct harness *harness)
{
        static const char *const types[] = {"inner", "left", "full"};
        const struct rules *rules = &harness->model.rules;
        char how[64], lateness[32] = "", setup[512];

        if (rules->kind == WINDOWS)
                (void)snprintf(how, sizeof(how), "size: %dms, slide: %dms", (int)rules->size, (int)rules->slide);
        else if (rules->kind == SESSIONS)
                (void)snprintf(how, sizeof(how), "gap: %dms", (int)rules->gap);
        else if (rules->kind == TABLE)
                (void)snprintf(how, sizeof(how), "table: b, wait: %dms", (int)rules->wait);
        else
                (void)snprintf(how, sizeof(how), "between: [%dms, %dms]", (int)rules->low, (int)rules->high);
        if (rules->lateness > 0)
                (void)snprintf(lateness, sizeof(lateness), ", lateness: %dms", (int)rules->lateness);
        (void)snprintf(setup, sizeof(setup),
                       "{component: join, event-time: at, properties: {by: k, type: %s, %s%s}, inputs: {a: [k, n, at], "
                       "b: [n, k, at]%s}}",
                       types[rules->type], how, lateness, rules->sides == 3 ? ", c: [at, n, k]" : "");
        harness->rig = make_rig(setup);
}

static void
compare(struct harness *harness, const char *step)
{
        struct lines *want = &harness->model.out, *found = &harness->found;
        size_t i = 0;

        take_stream(harness->rig, &harness->model.rules, found, "joined");
        harness->joined += found->n;
        take_stream(harness->rig, &harness->model.rules, found, "unmatched");
        take_stream(harness->rig, &harness->model.rules, found, "late");
        qsort(want->texts, want->n, LINE, compare_lines);
        qsort(found->texts, found->n, LINE, compare_lines);
        while (i < want->n && i < found->n && strcmp(want->texts[i], found->texts[i]) == 0)
                i++;
        if (i < want->n || i < found->n)
                fail_msg("case %llu, kind %d, at %s: wanted %zu lines, found %zu; wanted '%s', found '%s'",
                         (unsigned long long)harness->number, (int)harness->model.rules.kind, step, want->n, found->n,
                         i < want->n ? want->texts[i] : "", i < found->n ? found->texts[i] : "");
        for (i = 0; i < found->n; i++) {
                harness->unmatched += found->texts[i][0] == 'u';
                harness->late += found->texts[i][0] == 'l';
        }
        want->n = found->n = 0;
}

static int64_t
least_of(const struct harness *harness)
{
        const struct sources *sources = &harness->sources;
        int64_t least = INT64_MAX;

        for (unsigned s = 0; s < harness->model.rules.sides; s++)
                if (!sources->idle[s] && sources->watermark[s] < least)
                        least = sources->watermark[s];
        return least;
}

static void
tell_watermark(struct harness *harness, unsigned side)
{
        struct sources *sources = &harness->sources;
        int64_t least;

        if (sources->idle[side])
                assert_int_equal(sq_rig_idle(harness->rig, sides[side]), 0);
        else if (sources->watermark[side] != INT64_MIN)
                assert_int_equal(sq_rig_watermark(harness->rig, sides[side], ns_of(sources->watermark[side])), 0);
        least = least_of(harness);
        if (least != INT64_MAX && least > sources->together) {
                sources->together = least;
                model_time(&harness->model, (__int128)least - harness->model.rules.lateness, false);
        }
}

static void
add_row(struct harness *harness, unsigned id)
{
        static const uint64_t steps[] = {1, 1, 3, 3, 8, 60};
        struct sources *sources = &harness->sources;
        struct model_row row = {.id = id, .key = (unsigned)random_below(KEYS)};
        char text[96], number[16];

        row.side = (unsigned)random_below(harness->model.rules.sides);
        sources->at[row.side] += (int64_t)random_below(steps[random_below(6)]);
        row.time = sources->at[row.side] - (int64_t)random_below((uint64_t)sources->disorder * 2 + 1);
        row.empty = harness->model.rules.kind == TABLE && row.side == 1 && random_below(4) == 0;
        (void)snprintf(number, sizeof(number), "%u", id);
        (void)snprintf(text, sizeof(text), "{k: %u, n: %s, at: %lld}", row.key, row.empty ? "~" : number,
                       (long long)row.time);
        assert_int_equal(sq_rig_execute(harness->rig, sides[row.side], text), SQ_ACK);
        model_add(&harness->model, row);
        compare(harness, "a row");
        if (row.time - sources->disorder > sources->watermark[row.side])
                sources->watermark[row.side] = row.time - sources->disorder;
        sources->idle[row.side] = random_below(6) == 0;
        tell_watermark(harness, row.side);
        compare(harness, "a watermark");
}

/* What it holds is all in keyed state. It learns again how far event time is, where that is still so. */
static void
begin_anew(struct harness *harness)
{
        if (least_of(harness) != harness->sources.together)
                return;
        sq_rig_restart(harness->rig, 0);
        for (unsigned s = 0; s < harness->model.rules.sides; s++)
                tell_watermark(harness, s);
        compare(harness, "a restart");
}

static void
random_case(struct harness *harness, uint64_t number)
{
        static const int64_t bases[] = {0, 1, -3000, 1704067200000, -9000000000000, 9000000000000};
        struct sources *sources = &harness->sources;
        struct model *model = &harness->model;
        int64_t base;

        seed = number * UINT64_C(0x9e3779b97f4a7c15) + 1;
        harness->number = number;
        model->rules = random_rules();
        model->now = INT64_MIN;
        model->n = model->out.n = harness->found.n = 0;
        base = bases[random_below(6)];
        *sources = (struct sources){.disorder = (int64_t)random_below(15), .together = INT64_MIN};
        for (unsigned s = 0; s < SIDES; s++) {
                sources->at[s] = base;
                sources->watermark[s] = INT64_MIN;
        }
        make(harness);
        for (unsigned id = 0; id < STEPS; id++) {
                add_row(harness, id);
                if (random_below(20) == 0)
                        begin_anew(harness);
        }
        sq_rig_finish(harness->rig);
        model_time(model, 0, true);
        compare(harness, "the end");
        assert_string_equal(sq_rig_error(harness->rig), "");
        sq_rig_free(&harness->rig);
}

/* A sanitizer takes ten times as long. SQUALL_JOINS=N: so many. */
static uint64_t
cases(void)
{
        const char *number = getenv("SQUALL_JOINS"), *mode = getenv("SQUALL_TEST_MODE");
        bool slow = mode && (strcmp(mode, "asan") == 0 || strcmp(mode, "tsan") == 0);

        if (number)
                return strtoull(number, NULL, 10);
        return slow ? 400 : 3000;
}

static void
joins_what_a_model_joins_that_forgets_nothing(void **unused)
{
        struct harness *harness = calloc(1, sizeof(*harness));

        (void)unused;
        assert_non_null(harness);
        for (uint64_t i = 1; i <= cases(); i++)
                random_case(harness, i);
        assert_true(harness->joined > cases()); /* the cases are about something */
        assert_true(harness->unmatched > cases());
        assert_true(harness->late > cases() / 4);
        free(harness);
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(joins_what_a_model_joins_that_forgets_nothing),
        };

        use_built_components();
        return cmocka_run_group_tests(tests, NULL, NULL);
}

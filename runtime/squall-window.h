/* SPDX-License-Identifier: Apache-2.0 */
/*
 * squall-window.h - windows, for any bolt: cut by event time, by the time of day or by tuples; tumbling, sliding, of
 * sessions or for ever; in keyed state, so that they survive what kills their task. docs/windows.md explains them.
 *
 *     cc -shared -fPIC -o name.so name.c $(pkg-config --cflags --libs squall-kit)
 *
 * A bolt of one's own is SQ_WINDOW, at the end. The built-in bolt `window` has struct sq_aggregating as its state, and
 * the functions of that name as its callbacks.
 */
#ifndef SQUALL_WINDOW_H
#define SQUALL_WINDOW_H

#include <squall-kit.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The settings, and what sq_windows_prepare() makes of them. */
struct sq_windows {
        const char *size, *slide, *offset, *gap, *time, *lateness, *early;
        bool discard;
        struct sq_list by;
        struct sqi_windows *run;
};

/* `.key_state` of a bolt of windows is the size of this. */
struct sq_window_key {
        uint64_t words[10];
};

/* For a bolt whose state has `member`, a struct sq_windows. */
#define SQ_WINDOW_OPTIONS(state, member) \
        SQ_OPT_STR_AS( \
                "size", state, member.size, NULL, \
                "how long a window is: a time (500ms, 10s, 5m, 1h, 1d), for each key so many tuples (100 tuples), " \
                "or `global`: one that does not end, and goes out by `early`"), \
                SQ_OPT_STR_AS("slide", state, member.slide, NULL, \
                              "from window to window; default: the size, so that no two overlap"), \
                SQ_OPT_STR_AS("offset", state, member.offset, NULL, \
                              "windows of time begin at this time after a multiple of `slide` since 1970 UTC"), \
                SQ_OPT_STR_AS( \
                        "gap", state, member.gap, NULL, \
                        "instead of `size`: a window is a session, which ends when nothing has come for this time"), \
                SQ_OPT_STR_AS( \
                        "time", state, member.time, NULL, \
                        "the field that has a tuple's time; default: that of `event-time` upstream; `wall`, or no " \
                        "event time upstream: the time of day at which the tuple is executed"), \
                SQ_OPT_STR_AS( \
                        "lateness", state, member.lateness, NULL, \
                        "how long after its end a window of event time takes tuples, each of which sends it again"), \
                SQ_OPT_STR_AS( \
                        "early", state, member.early, NULL, \
                        "sends what a window has before it ends: at each so many tuples (100 tuples), or when so " \
                        "much time has gone by since something came (10s, by the time of day)"), \
                SQ_OPT_BOOL_AS("discard", state, member.discard, false, \
                               "each firing has only what came since the last one; default: all that the window has"), \
                SQ_OPT_LIST_AS("by", state, member.by, \
                               "the fields that have windows of their own; default: none, one window for all")

/* ---- Aggregates -------------------------------------------------------------------------------------- */

/* The state of a bolt with aggregates: `compute` has an output field and what it is, `total: sum ms`. */
struct sq_aggregating {
        struct sq_windows windows;
        struct sq_pairs compute;
};

/* Declares the input and the output: the key's fields; start and end, of windows that end by time; the aggregates;
 * `firing` (early, on-time, late), where a window may fire more than once. And the first of `.streams`, `late`: the
 * tuples that come too late, as they came. */
SQ_EXPORT void sq_windows_declare(struct sq_declaration *decl);
SQ_EXPORT int sq_windows_prepare(struct sq_task *task);
/* The state of version 0 of the bolt `window`, and no other. */
SQ_EXPORT int sq_windows_migrate(struct sq_task *task, uint32_t version, struct sq_str key, const void *old,
                                 size_t size, void *state);
SQ_EXPORT void sq_windows_show(struct sq_task *task, struct sq_str key, const void *state);

/* The callbacks of both kinds. */
SQ_EXPORT enum sq_verdict sq_windows_execute(struct sq_task *task, const struct sq_tuple *in);
SQ_EXPORT int sq_windows_timer(struct sq_task *task, struct sq_str key, struct sq_time time);
SQ_EXPORT int sq_windows_event_timer(struct sq_task *task, struct sq_str key, int64_t time_ns);
SQ_EXPORT int sq_windows_finish(struct sq_task *task);
SQ_EXPORT int sq_windows_restored(struct sq_task *task);
SQ_EXPORT void sq_windows_cleanup(struct sq_task *task);

/* ---- Joins ------------------------------------------------------------------------------------------- */

/* The state of the bolt `join`, whose callbacks are the functions of its name. */
struct sq_joining {
        struct sq_nested by;
        struct sq_windows windows; /* of which it has `size`, `slide`, `offset`, `gap` and `lateness` */
        struct sq_list between;
        const char *table, *wait, *stamp;
        int64_t type, time;
        struct sqi_join *run;
};

/* `.key_state` is the size of this. */
struct sq_join_key {
        uint64_t words[5];
};

/* Declares the input and the output: the key's fields; start and end, of windows; `stamp`; the other fields of each
 * input. And the first two of `.streams`, `unmatched` and `late`: rows by themselves, in the same fields, and of which
 * `input`. */
SQ_EXPORT void sq_join_declare(struct sq_declaration *decl);
SQ_EXPORT int sq_join_prepare(struct sq_task *task);
SQ_EXPORT enum sq_verdict sq_join_execute(struct sq_task *task, const struct sq_tuple *in);
SQ_EXPORT int sq_join_timer(struct sq_task *task, struct sq_str key, struct sq_time time);
SQ_EXPORT int sq_join_event_timer(struct sq_task *task, struct sq_str key, int64_t time_ns);
SQ_EXPORT int sq_join_finish(struct sq_task *task);
SQ_EXPORT int sq_join_restored(struct sq_task *task);
SQ_EXPORT void sq_join_show(struct sq_task *task, struct sq_str key, const void *state);
SQ_EXPORT void sq_join_cleanup(struct sq_task *task);

/* ---- A windowed bolt in C ---------------------------------------------------------------------------- */

/*
 * What is kept of the tuples of a window is a block of bytes, zeroed at first, without pointers:
 *
 *     struct range { double low, high; bool any; };
 *
 *     static void add(struct sq_task *task, void *kept, const struct sq_tuple *in) { ... sq_get_float(in, 0) ... }
 *     static void merge(struct sq_task *task, void *into, const void *from) { ... }
 *     static void emit(struct sq_task *task, const struct sq_window *window, const void *kept)
 *     {
 *             const struct range *range = kept;
 *             sq_window_emit(task, window, range->low, range->high);
 *     }
 *
 *     SQ_WINDOW(range, "The least and the greatest of a window", .size = sizeof(struct range),
 *               .in = {{"ms", SQ_FLOAT}}, .out = {{"low", SQ_FLOAT}, {"high", SQ_FLOAT}},
 *               .add = add, .merge = merge, .emit = emit);
 *
 * The bolt has the settings of SQ_WINDOW_OPTIONS, and the output of sq_windows_declare() with `.out` for the
 * aggregates.
 */
struct sq_window {
        struct sq_time start, end;
        const char *firing; /* "early", "on-time", "late" */
        struct sq_str key;  /* the fields `by`, packed */
};

struct sq_windowed {
        size_t size;
        uint32_t version; /* of what the bytes mean: another number whenever it changes */
        struct sq_field in[SQ_FIELDS_MAX], out[SQ_FIELDS_MAX];
        /* Can the tuple be added? SQ_ACK, or sq_fail(): then nothing is. May be left out. */
        enum sq_verdict (*check)(struct sq_task *task, const struct sq_tuple *in);
        /* Called once for each part of a window that the tuple is in: for one, but where windows fire early, or discard
         * and overlap. */
        void (*add)(struct sq_task *task, void *kept, const struct sq_tuple *in);
        /* Puts what was kept of a part of the window to what was kept of earlier ones: `into` is zeroes at first. */
        void (*merge)(struct sq_task *task, void *into, const void *from);
        void (*emit)(struct sq_task *task, const struct sq_window *window, const void *kept);
};

SQ_EXPORT void sq_windowed_declare(struct sq_declaration *decl, const struct sq_windowed *windowed);
SQ_EXPORT int sq_windowed_prepare(struct sq_task *task, const struct sq_windowed *windowed);
/* In `.emit`: the values of `.out`, with those of the window around them. */
SQ_EXPORT void sq_window_emit_values(struct sq_task *task, const struct sq_window *window, size_t n,
                                     const struct sq_value *values);

#ifndef __cplusplus
#define sq_window_emit(task, window, ...) sq_window_emit_values((task), (window), SQI_VALUES(__VA_ARGS__))

struct sqi_windowed_state {
        struct sq_windows windows;
};
#define SQ_WINDOW(ident, text, ...) \
        static const struct sq_windowed sqi_windowed = {__VA_ARGS__}; \
        static void sqi_windowed_declare(struct sq_declaration *decl) \
        { \
                sq_windowed_declare(decl, &sqi_windowed); \
        } \
        static int sqi_windowed_prepare(struct sq_task *task) \
        { \
                return sq_windowed_prepare(task, &sqi_windowed); \
        } \
        SQI_REGISTER(#ident, sqi_registered_##ident, struct sq_bolt, SQ_KIND_BOLT) = { \
                .about = text, \
                .state = sizeof(struct sqi_windowed_state), \
                .key_state = sizeof(struct sq_window_key), \
                .options = {SQ_WINDOW_OPTIONS(struct sqi_windowed_state, windows)}, \
                .streams = {{.id = "late"}}, \
                .declare = sqi_windowed_declare, \
                .prepare = sqi_windowed_prepare, \
                .execute = sq_windows_execute, \
                .finish = sq_windows_finish, \
                .cleanup = sq_windows_cleanup, \
                .timer = sq_windows_timer, \
                .restored = sq_windows_restored, \
                .event_timer = sq_windows_event_timer, \
        }
#endif

#ifdef __cplusplus
} /* extern "C" */
#endif

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * squall.h - everything a spout or a bolt needs.
 *
 * The life of a component:
 *
 *  1. A component is one C file that includes this header, defines its callbacks and registers them once with
 *     SQ_BOLT(name) or SQ_SPOUT(name). `cc -shared -fPIC -o name.so name.c` builds it.
 *  2. A worker process loads the .so and makes one task for each unit of parallelism. A task owns a block of `.state`
 *     bytes, zeroed, then filled with the settings of the topology file (`.options`). sq_state() returns it.
 *  3. `.prepare` runs once. Data flows only when every task of the topology has prepared itself.
 *  4. A bolt's `.execute` runs once a tuple, its `.tick` every topology.tick.tuple.freq.secs, or at sq_wake_at(). A
 *     spout's `.next` runs again and again.
 *  5. When the topology drains, `.finish` runs once, in topological order: a bolt may still emit. `.cleanup` runs last.
 *
 * Threads: a task is single-threaded. Its callbacks never overlap, and all functions here may only be called with the
 * task that was handed to the callback, from within that callback.
 *
 * Ownership: what a getter returns (struct sq_str, nested values) is a view into the received batch. It is good until
 * the callback returns; keep a tuple with sq_keep(), or copy. What is handed to sq_emit() is copied before it returns.
 *
 * Errors: misuse (a field of the wrong type, an emit to an undeclared stream, a wrong number of values) is reported
 * with component, field and tuple; the callback's tuple then fails. It is never undefined behaviour. A verdict that is
 * none is one, and so is an emit that no reader's grouping takes.
 */
#ifndef SQUALL_H
#define SQUALL_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
#if __cplusplus < 201703L
#error "squall.h needs C++17: -std=c++17 or later"
#endif
#include <string_view>
#include <type_traits>
extern "C" {
#endif

/*
 * The version of this interface. A .so that was built for another one is refused when it is loaded. Within a version
 * callbacks and settings are only added, at the end of struct sq_bolt, sq_spout and sq_grouping: a .so that was built
 * before that goes on working.
 */
#define SQ_ABI 2u

#define SQ_FIELDS_MAX 64u  /* fields of a stream */
#define SQ_STREAMS_MAX 8u  /* streams that a definition names, the default one not counted */
#define SQ_OPTIONS_MAX 24u /* settings of a component */

/* streams of a component with those that sq_declare_stream() adds, the default one not counted */
#define SQ_DECLARED_STREAMS_MAX 64u

#if defined(__GNUC__)
#define SQ_EXPORT __attribute__((visibility("default")))
#define SQ_PRINTF(text, first) __attribute__((__format__(__printf__, text, first)))
#else
#define SQ_EXPORT
#define SQ_PRINTF(text, first)
#endif

struct sq_task;  /* one running instance of a component; the runtime owns it */
struct sq_tuple; /* a tuple being executed; a view, good until the callback returns */
struct sq_kept;  /* a tuple that a bolt keeps beyond execute; owned by the bolt until acked or failed */

/* ---- Values ------------------------------------------------------------------------------------------ */

/* The type of a field or a value; the types of msgpack. SQ_ANY and SQ_TEXT are declarations only. SQ_ANY: any type will
 * do. SQ_TEXT: text of a source without types, which is SQ_STR, and may be meant as a number. */
enum sq_type {
        SQ_ANY,
        SQ_NIL,
        SQ_BOOL,
        SQ_INT,   /* int64_t */
        SQ_UINT,  /* uint64_t; a value that fits int64_t reads as SQ_INT */
        SQ_FLOAT, /* double */
        SQ_STR,   /* UTF-8 by convention, not checked */
        SQ_BIN,
        SQ_ARRAY,
        SQ_MAP,
        SQ_TIME, /* msgpack's timestamp extension */
        SQ_TEXT,
};

/* "int", "str", ... */
SQ_EXPORT const char *sq_type_name(enum sq_type type);

/* A field of a stream. */
struct sq_field {
        const char *name;
        enum sq_type type;
};

/* Bytes that somebody else owns. Not NUL-terminated. */
struct sq_str {
        const char *ptr;
        size_t len;
};

/* A point in time since 1970-01-01 UTC. 0 <= nsec < 1e9. */
struct sq_time {
        int64_t sec;
        uint32_t nsec;
};

/* How the content of a value stands in memory; only the runtime looks at it. */
enum sq_form {
        SQ_PLAIN,  /* as the union says; an array is `len` values, a map `len` pairs of values */
        SQ_PACKED, /* `ptr` points at one msgpack value of `len` bytes */
        SQ_SPLICE, /* `ptr` points at packed values, one after the other, that stand for several fields */
};

/* One value, to be emitted or read. Make it with the functions below, never by hand. 16 bytes. */
struct sq_value {
        uint8_t type;   /* enum sq_type */
        uint8_t form;   /* enum sq_form */
        uint16_t count; /* SQ_SPLICE: number of fields */
        uint32_t len;   /* bytes, elements or pairs; SQ_TIME: nanoseconds */
        union {
                bool b;
                int64_t i;
                uint64_t u;
                double f;
                const void *ptr;
        } as;
};

static inline struct sq_value
sqi_value(enum sq_type type, enum sq_form form, const void *ptr, size_t len)
{
        struct sq_value value;
        value.type = (uint8_t)type;
        value.form = (uint8_t)form;
        value.count = 1;
        value.len = (uint32_t)len;
        value.as.ptr = ptr;
        return value;
}

static inline struct sq_value
sq_nil(void)
{
        return sqi_value(SQ_NIL, SQ_PLAIN, NULL, 0);
}

static inline struct sq_value
sq_bool(bool b)
{
        struct sq_value value = sqi_value(SQ_BOOL, SQ_PLAIN, NULL, 0);
        value.as.b = b;
        return value;
}

static inline struct sq_value
sq_int(int64_t i)
{
        struct sq_value value = sqi_value(SQ_INT, SQ_PLAIN, NULL, 0);
        value.as.i = i;
        return value;
}

static inline struct sq_value
sq_uint(uint64_t u)
{
        struct sq_value value = sqi_value(SQ_UINT, SQ_PLAIN, NULL, 0);
        value.as.u = u;
        return value;
}

static inline struct sq_value
sq_float(double f)
{
        struct sq_value value = sqi_value(SQ_FLOAT, SQ_PLAIN, NULL, 0);
        value.as.f = f;
        return value;
}

/* A string; at most 4 GiB. The bytes are copied when the value is emitted. */
static inline struct sq_value
sq_str(struct sq_str s)
{
        return sqi_value(SQ_STR, SQ_PLAIN, s.ptr, s.len);
}

/* The same for a NUL-terminated string. NULL is nil. */
static inline struct sq_value
sq_text(const char *text)
{
        return text != NULL ? sqi_value(SQ_STR, SQ_PLAIN, text, __builtin_strlen(text)) : sq_nil();
}

static inline struct sq_value
sq_bin(const void *ptr, size_t len)
{
        return sqi_value(SQ_BIN, SQ_PLAIN, ptr, len);
}

static inline struct sq_value
sq_time(struct sq_time t)
{
        struct sq_value value = sqi_value(SQ_TIME, SQ_PLAIN, NULL, t.nsec);
        value.as.i = t.sec;
        return value;
}

/* An array of `n` values; they may be arrays and maps themselves, at most 128 deep. */
static inline struct sq_value
sq_array(const struct sq_value *items, size_t n)
{
        return sqi_value(SQ_ARRAY, SQ_PLAIN, items, n);
}

/* A map of `n` pairs: items[0] is the first key, items[1] its value, and so on. */
static inline struct sq_value
sq_map(const struct sq_value *items, size_t n)
{
        return sqi_value(SQ_MAP, SQ_PLAIN, items, n);
}

/* `n` fields at once, from bytes that sq_key() or sq_keyed_each() handed out. */
static inline struct sq_value
sq_splice(struct sq_str packed, size_t n)
{
        struct sq_value value = sqi_value(SQ_ANY, SQ_SPLICE, packed.ptr, packed.len);
        value.count = (uint16_t)n;
        return value;
}

/*
 * sq_of(x) makes the value of any expression by its type, and sq_emit() and its like do so with everything that they
 * are handed:
 *
 *     bool                                     sq_bool
 *     signed integers, and enums               sq_int       (of an enum the compiler chooses the sign)
 *     unsigned integers                        sq_uint
 *     float, double                            sq_float
 *     const char *, char *, "text"             sq_text      (NUL-terminated; a pointer that is NULL is nil)
 *     struct sq_str, struct sq_time            sq_str, sq_time
 *     struct sq_value                          itself
 *     std::string, std::string_view            sq_str       (C++ only)
 *
 * Everything else does not compile. NULL and nullptr: write sq_nil(). A plain char is a number to one and a letter to
 * another: write sq_int(c), or sq_str((struct sq_str){&c, 1}). Other pointers: sq_bin(ptr, len). In C a comparison is
 * an int: write sq_bool(a > b); a bit-field needs a cast, and a compound literal brackets around it.
 */
#ifndef __cplusplus
#define sq_of(x) \
        _Generic((x), \
                bool: sq_bool, \
                signed char: sq_int, \
                short: sq_int, \
                int: sq_int, \
                long: sq_int, \
                long long: sq_int, \
                unsigned char: sq_uint, \
                unsigned short: sq_uint, \
                unsigned: sq_uint, \
                unsigned long: sq_uint, \
                unsigned long long: sq_uint, \
                float: sq_float, \
                double: sq_float, \
                char *: sq_text, \
                const char *: sq_text, \
                struct sq_str: sq_str, \
                struct sq_time: sq_time, \
                struct sq_value: sqi_same)(x)

static inline struct sq_value
sqi_same(struct sq_value value)
{
        return value;
}
#endif

/* Runs over the elements of an array or, key and value in turn, of a map. Anything else has no elements. */
struct sq_items {
        const uint8_t *at, *end;
        const struct sq_value *plain;
        uint64_t left;
};
SQ_EXPORT struct sq_items sq_items(struct sq_value value);
SQ_EXPORT bool sq_next_item(struct sq_items *items, struct sq_value *ret_value);

/* Spreads every bit of a number over all, and no two numbers come out the same: for hash tables, and for random numbers
 * in a row. The finaliser of MurmurHash3 (A. Appleby, public domain). */
static inline uint64_t
sq_mix(uint64_t x)
{
        x = (x ^ x >> 33) * UINT64_C(0xff51afd7ed558ccd);
        x = (x ^ x >> 33) * UINT64_C(0xc4ceb9fe1a85ec53);
        return x ^ x >> 33;
}

/* The one value that `bytes` of anybody's are in msgpack, a view: nothing is copied. False: they are not that, more
 * than that, or nested deeper than 128. */
SQ_EXPORT bool sq_unpack(struct sq_str bytes, struct sq_value *ret_value);

/* ---- Reading a tuple --------------------------------------------------------------------------------- */

/*
 * `field` counts the component's own input fields as it declared them (`.in`, or sq_declare_in()), whatever their place
 * in the tuple. A component that declared none counts the fields of the tuple as it came. A getter whose field has
 * another type reports the misuse, returns zero or an empty view, and the tuple fails. sq_get_int reads an unsigned
 * value that fits; sq_get_float reads integers too.
 */
SQ_EXPORT struct sq_value sq_get(const struct sq_tuple *in, unsigned field);
SQ_EXPORT bool sq_get_bool(const struct sq_tuple *in, unsigned field);
SQ_EXPORT int64_t sq_get_int(const struct sq_tuple *in, unsigned field);
SQ_EXPORT uint64_t sq_get_uint(const struct sq_tuple *in, unsigned field);
SQ_EXPORT double sq_get_float(const struct sq_tuple *in, unsigned field);
SQ_EXPORT struct sq_str sq_get_str(const struct sq_tuple *in, unsigned field);
SQ_EXPORT struct sq_str sq_get_bin(const struct sq_tuple *in, unsigned field);
SQ_EXPORT struct sq_time sq_get_time(const struct sq_tuple *in, unsigned field);

/* The tuple as it came, whatever was declared: its number of fields, and the name and value of each. */
SQ_EXPORT unsigned sq_tuple_size(const struct sq_tuple *in);
SQ_EXPORT const char *sq_tuple_name(const struct sq_tuple *in, unsigned place);
SQ_EXPORT struct sq_value sq_tuple_get(const struct sq_tuple *in, unsigned place);

/* Where the tuple came from: the id of its component and of its stream ("default"), and the number of the input: 0 for
 * the first entry of `streams` that names this bolt, 1 for the second, ... */
SQ_EXPORT const char *sq_source_component(const struct sq_tuple *in);
SQ_EXPORT const char *sq_source_stream(const struct sq_tuple *in);
SQ_EXPORT unsigned sq_source_input(const struct sq_tuple *in);
/* In `.execute`: the number of the task that it came from; see sq_number(). */
SQ_EXPORT unsigned sq_source_task(const struct sq_tuple *in);

/* The input fields (as declared; all if none were), packed one after the other: equal fields, equal bytes, so 20.0
 * stands as 20, -0.0 as 0, a map in the order of its keys. A view. */
SQ_EXPORT struct sq_str sq_key(const struct sq_tuple *in);

/* The same of the first `n` input fields: a bolt that keys by some fields and reads others declares those of the key
 * first. */
SQ_EXPORT struct sq_str sq_key_of(const struct sq_tuple *in, unsigned n);

/* How many fields such a key has: for sq_splice(), where the key may come from another task's time. */
SQ_EXPORT unsigned sq_key_size(struct sq_str key);

/* strtod() as in the C locale, whatever setlocale() was told: for settings and data, which do not depend on where a
 * user lives. */
SQ_EXPORT double sq_strtod(const char *text, char **ret_end);

/* Writes `value` as JSON into `buffer` (cut at `size`, always NUL-terminated) and returns the length that the whole
 * needs. */
SQ_EXPORT size_t sq_json(struct sq_value value, char *buffer, size_t size);

/* ---- Emitting ---------------------------------------------------------------------------------------- */

/*
 * sq_emit(task, values...) emits one tuple on the default stream, sq_emit_on(task, stream, values...) on another: 0 is
 * the default one, 1 the first of `.streams`. In `.execute` the tuple is anchored to the input by itself, and goes out
 * when the verdict is SQ_ACK or SQ_KEEP; on SQ_FAIL it is dropped. What `.tick` and `.finish` emit is not anchored
 * unless sq_anchor() was called.
 */
SQ_EXPORT void sq_emit_values(struct sq_task *task, unsigned stream, size_t n, const struct sq_value *values);

/* `n` tuples at once, for a component that cuts one tuple into many: `values` holds the fields of the first, then of
 * the second, ...; one value a field. The same as `n` calls of sq_emit_on(), at less cost. */
SQ_EXPORT void sq_emit_many(struct sq_task *task, unsigned stream, size_t n, const struct sq_value *values);

/* One tuple to one task of a consumer with the `direct` grouping: `index` counts that consumer's tasks from 0, taken
 * modulo their number. */
SQ_EXPORT void sq_emit_direct_values(struct sq_task *task, unsigned stream, unsigned index, size_t n,
                                     const struct sq_value *values);

/* The same to the task of that number, which is one of such a consumer: see sq_number(). */
SQ_EXPORT void sq_emit_to_values(struct sq_task *task, unsigned stream, unsigned number, size_t n,
                                 const struct sq_value *values);

/* As sq_emit_values(), and says who gets the tuple: the numbers of the first `room` of those tasks. How many they
 * are. */
SQ_EXPORT unsigned sq_emit_told(struct sq_task *task, unsigned stream, size_t n, const struct sq_value *values,
                                unsigned *numbers, unsigned room);

/* Emits the tuple as it came, its bytes copied once. */
SQ_EXPORT void sq_emit_tuple(struct sq_task *task, unsigned stream, const struct sq_tuple *in);

/* Until the callback returns, emits are anchored to `kept` too; sq_unanchor() lets go of every anchor, the input's own
 * as well. */
SQ_EXPORT void sq_anchor(struct sq_task *task, const struct sq_kept *kept);
SQ_EXPORT void sq_unanchor(struct sq_task *task);

/* Spouts: what `.next` and `.replay` emit from here to the next call belongs to the tuple tree of `position`. Positions
 * rise from one tree to the next (an offset, a sequence number). Without this call a tuple is not tracked. */
SQ_EXPORT void sq_track(struct sq_task *task, uint64_t position);

/* Spouts: `n` tuples at once, each a tuple tree of its own: the same as so many calls of sq_track() and sq_emit_on(),
 * at less cost. `values` as for sq_emit_many(). */
SQ_EXPORT void sq_emit_each(struct sq_task *task, unsigned stream, size_t n, const uint64_t *positions,
                            const struct sq_value *values);

/*
 * Spouts: where the task goes on when everything emitted so far is done, and nothing more comes: what `.seek` is then
 * handed. Said in `.prepare`, `.seek` and at the end of `.next` by a spout whose next position is not the last one plus
 * one: records of a file, say, or records that were left out.
 */
SQ_EXPORT void sq_next_position(struct sq_task *task, uint64_t position);

/*
 * Spouts: bytes that the runtime keeps with every position it reports from now on: which file a position is in, say.
 * The last call counts; they are copied. sq_noted() returns in `.seek` what was kept with the position, in any other
 * callback nothing of use.
 */
#define SQ_NOTE_MAX 238
SQ_EXPORT void sq_note(struct sq_task *task, const void *bytes, size_t len);
SQ_EXPORT struct sq_str sq_noted(const struct sq_task *task);

/* Spouts: how many tuple trees `.next` may begin before topology.max.spout.pending are in flight; UINT64_MAX when none
 * are tracked. A `.next` that emits one tuple a call need not ask. */
SQ_EXPORT uint64_t sq_room(const struct sq_task *task);

#ifndef __cplusplus
#define sq_emit(task, ...) sq_emit_values((task), 0, SQI_VALUES(__VA_ARGS__))
#define sq_emit_on(task, stream, ...) sq_emit_values((task), (stream), SQI_VALUES(__VA_ARGS__))
#define sq_emit_direct(task, stream, index, ...) \
        sq_emit_direct_values((task), (stream), (index), SQI_VALUES(__VA_ARGS__))

/* The number of values, and an array of what sq_of() makes of each. The list of macros is at the end of this file. */
#define SQI_VALUES(...) SQI_LIST(SQI_PASTE(SQI_OF, SQI_COUNT(__VA_ARGS__))(__VA_ARGS__))
#define SQI_LIST(...) \
        (sizeof((const struct sq_value[]){__VA_ARGS__}) / sizeof(struct sq_value)), (const struct sq_value[]) \
        { \
                __VA_ARGS__ \
        }
#endif

/* ---- Verdicts and kept tuples ------------------------------------------------------------------------ */

enum sq_verdict {
        SQ_ACK,  /* done: its emits go out, the input is acked */
        SQ_FAIL, /* not done: its emits are dropped, the spout replays the tuple tree */
        SQ_KEEP, /* later: its emits go out; the bolt called sq_keep() and will ack or fail by hand */
};

/* SQ_FAIL with its cause, which is logged (rate-limited) and goes to the dead-letter stream when the spout gives the
 * tuple up. */
SQ_EXPORT enum sq_verdict sq_fail(struct sq_task *task, const char *format, ...) SQ_PRINTF(2, 3);

/*
 * SQ_FAIL for a cause that is not the tuple's: the other side is away, the disk is full. The tuple comes again after a
 * back-off, as often as it takes; sq_fail() would use up one of topology.spout.max.retries. Holds for the
 * sq_fail_kept() of the same callback, too. A `.flush` that fails needs no such call.
 */
SQ_EXPORT enum sq_verdict sq_retry_later(struct sq_task *task, const char *format, ...) SQ_PRINTF(2, 3);

/* Keeps the tuple beyond execute: a copy, to be ended with sq_ack_kept or sq_fail_kept, which null the caller's
 * pointer. */
SQ_EXPORT struct sq_kept *sq_keep(struct sq_task *task, const struct sq_tuple *in);
SQ_EXPORT const struct sq_tuple *sq_kept_tuple(const struct sq_kept *kept);
SQ_EXPORT void sq_ack_kept(struct sq_task *task, struct sq_kept **kept);
/* Its cause is what sq_fail() or sq_retry_later() said last in this callback. */
SQ_EXPORT void sq_fail_kept(struct sq_task *task, struct sq_kept **kept);

/* Starts the message timeout of the tuple's trees anew: for a bolt that keeps tuples long. */
SQ_EXPORT void sq_reset_timeout(struct sq_task *task, const struct sq_kept *kept);

/* What a spout's `.next` answers. */
enum sq_next {
        SQ_MORE, /* call again */
        SQ_IDLE, /* nothing now; call again after sq_wake_at()'s time, sq_wake_on()'s file, or a millisecond */
        SQ_DONE, /* finite, and at its end */
};

/* sq_wake_at(): when sq_now() has come so far, a spout's `.next` is called again, or a bolt's `.wake` (`.tick`, if it
 * has none), once; the last time that was said counts. sq_wake_on(): when the file can be read, a spout's `.next`, or
 * a bolt's `.wake` as long as there is something to be read; -1: no file. */
SQ_EXPORT void sq_wake_at(struct sq_task *task, uint64_t now_ns);
SQ_EXPORT void sq_wake_on(struct sq_task *task, int fd);

/* Bolts with `.wake`: takes no tuple any more, or again. The up to 128 that are under way come still. Who sends to the
 * bolt waits meanwhile: back-pressure, for a bolt that hands its tuples to somebody slower. */
SQ_EXPORT void sq_pause(struct sq_task *task, bool pause);
/* Bolts that hand their tuples to somebody else: is more to be emitted soon? Then the task is not idle when it waits,
 * and what it has emitted goes out in company, within topology.flush.interval.ms. Until it is called again. */
SQ_EXPORT void sq_expect_more(struct sq_task *task, bool more);

/* ---- The task ---------------------------------------------------------------------------------------- */

/* The block of `.state` bytes. Inline, for every execute asks: the runtime keeps its address first in the task. */
static inline void *
sq_state(struct sq_task *task)
{
        return *(void **)(void *)task;
}

SQ_EXPORT const char *sq_topology(const struct sq_task *task); /* names */
SQ_EXPORT const char *sq_component(const struct sq_task *task);
SQ_EXPORT unsigned sq_index(const struct sq_task *task); /* 0 .. sq_parallelism - 1 */
SQ_EXPORT unsigned sq_parallelism(const struct sq_task *task);
/* Input field `field` as the component has declared it (and `.execute` counts it), or one with a NULL name past the
 * end. */
SQ_EXPORT struct sq_field sq_input_field(const struct sq_task *task, unsigned field);
/* In `.prepare`: all tasks of the component get the bytes that the first of them said, and restarted ones get the
 * same: how long a file was that they share, say. Holds until the topology ends, or goes on as another plan; in
 * tests each task agrees with itself. 0, or -1 after sq_error(). */
SQ_EXPORT int sq_agree(struct sq_task *task, void *bytes, size_t len);
/* 0, then one more at each restart of the worker; on Apache Storm, which does not tell, always above 0. */
SQ_EXPORT unsigned sq_incarnation(const struct sq_task *task);
/* Where nothing tells the first start of a task from a restart, as on Apache Storm: a name that this run of the
 * topology has alone, in all its tasks and however often they are restarted; "" where there is none. NULL:
 * sq_incarnation() tells. What is done once a run is to be known by it: sq_begin_anew() in squall-files.h does so with
 * a file. */
SQ_EXPORT const char *sq_run_id(const struct sq_task *task);
/* Does the topology promise exactly-once? See .precommit in struct sq_bolt. */
SQ_EXPORT bool sq_exactly_once(const struct sq_task *task);
/* In `.prepare`: does the task go on from a snapshot? Else it begins from nothing, though perhaps not for the first
 * time. */
SQ_EXPORT bool sq_restores(const struct sq_task *task);
/* Is the task to end, or to begin anew, as soon as the callback under way returns? Who waits in one for somebody,
 * longer than a second, is to ask meanwhile, and to give up then: a worker whose task does not come back is killed. */
SQ_EXPORT bool sq_leaving(const struct sq_task *task);
SQ_EXPORT uint64_t sq_now(const struct sq_task *task);        /* monotonic time in ns; virtual in tests */
SQ_EXPORT struct sq_time sq_wall(const struct sq_task *task); /* time of day; virtual in tests */

/* In `squall test`: time stands still between two steps, so what a component awaits from outside, it awaits in its
 * callback. */
SQ_EXPORT bool sq_stepped(const struct sq_task *task);

/*
 * The topology around the task, for who speaks of it to a program of another kind. All tasks have numbers, from 0, in
 * the order of the topology file. Names live as long as the task.
 */
SQ_EXPORT unsigned sq_number(const struct sq_task *task);
/* The component that the task of that number is of; NULL: there is none. */
SQ_EXPORT const char *sq_component_of(const struct sq_task *task, unsigned number);
/* Stream `n` of a component, from 0, and its field `place`. NULL past the end. */
SQ_EXPORT const char *sq_stream_of(const struct sq_task *task, const char *component, unsigned n);
SQ_EXPORT struct sq_field sq_field_of(const struct sq_task *task, const char *component, unsigned stream,
                                      unsigned place);
/* Who reads which stream, how: an entry of `streams`. */
struct sq_reading {
        const char *from, *stream, *to, *grouping;
        unsigned nkeys; /* of the groupings fields and partial-key: their fields */
        const char *keys[SQ_FIELDS_MAX];
};
/* Entry `n` of `streams`. False past the end. */
SQ_EXPORT bool sq_reading(const struct sq_task *task, unsigned n, struct sq_reading *ret);
/* Key `n` of the configuration, and its value for this task: a number or a text, nil where it is not set. False past
 * the end. */
SQ_EXPORT bool sq_config(const struct sq_task *task, unsigned n, const char **ret_name, struct sq_value *ret_value);
/* The folder of the topology file; and one for files of this run, which goes with it, or "" in tests. */
SQ_EXPORT const char *sq_folder(const struct sq_task *task);
SQ_EXPORT const char *sq_run_folder(const struct sq_task *task);

enum sq_level { SQ_ERROR, SQ_WARN, SQ_INFO, SQ_DEBUG };
SQ_EXPORT void sq_log(struct sq_task *task, enum sq_level level, const char *format, ...) SQ_PRINTF(3, 4);

/*
 * Metrics of your own, one line each: they stand with the runtime's in the summary of `run` and in `status`, summed
 * over the tasks. A name of at most 31 bytes; at most 8 names a component. A name belongs to one of the three kinds;
 * another is a misuse.
 *
 *     sq_count(task, "evictions", 1);             a counter grows
 *     sq_gauge(task, "open files", n);            a gauge holds what it was last set to
 *     sq_histogram(task, "lookup ns", ns);        a histogram keeps quantiles, to 1/64; values from 0 to 2^40
 */
SQ_EXPORT void sq_count(struct sq_task *task, const char *name, uint64_t n);
SQ_EXPORT void sq_gauge(struct sq_task *task, const char *name, int64_t value);
SQ_EXPORT void sq_histogram(struct sq_task *task, const char *name, uint64_t value);

/* A record of the outside world that became no tuple, because of `cause`: counted as `left_out`, logged (rate-limited,
 * with how many), and, if `letter`, appended to topology.dead.letter.path. Returns 0, or a negative errno when there is
 * such a path and it could not be written. */
SQ_EXPORT int sq_left_out(struct sq_task *task, bool letter, struct sq_value record, const char *cause);

/* For `.prepare` and `.finish`: says what is wrong and returns -1. The supervisor shows the text. */
SQ_EXPORT int sq_error(struct sq_task *task, const char *format, ...) SQ_PRINTF(2, 3);

/* The same from any callback, for what no restart could mend: the topology ends as failed, with this text. */
SQ_EXPORT int sq_error_final(struct sq_task *task, const char *format, ...) SQ_PRINTF(2, 3);

/* Says that `n` tuples, or records of an input, are lost: they are counted, and the cause is logged. A run that lost
 * something ends with 1. */
SQ_EXPORT void sq_lost(struct sq_task *task, uint64_t n, const char *format, ...) SQ_PRINTF(3, 4);

/* ---- Appending to a file ----------------------------------------------------------------------------- */

/*
 * Appends to a file so that it is whole lines at any time, whoever writes to it and whoever is killed meanwhile:
 *
 *     append = sq_append_new(open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666), sq_incarnation(task) > 0);
 *     r = sq_append(append, header, lines, n, &done);      lines: n bytes, ending with a line end
 *     sq_append_free(&append);
 *
 * A regular file: all of the lines or, with an error such as -ENOSPC, none. An appender that was killed while it wrote
 * leaves a torn line: the next one cuts it off. An unfinished line of somebody else gets its line end first. Appenders
 * of one file exclude each other by flock(). A pipe: in pieces of whole lines of at most PIPE_BUF bytes, which the
 * kernel does not mix; a longer line may be mixed, and torn by a kill.
 */
struct sq_append;
/* Takes over `fd`, which sq_append_free() closes. `restarted`: an earlier incarnation of this task has appended to it.
 * NULL: see errno; `fd` stays the caller's. */
SQ_EXPORT struct sq_append *sq_append_new(int fd, bool restarted);
/* What is appended is not lines: values of msgpack, one behind the other, and no header. -EMEDIUMTYPE then also where
 * others have left something else in the file, or a part of a value. */
SQ_EXPORT void sq_append_values(struct sq_append *append);
SQ_EXPORT int sq_append_fd(const struct sq_append *append);
SQ_EXPORT void sq_append_free(struct sq_append **append);
/* `header`: goes before the lines if the regular file is empty; may have no bytes. 0 or a negative errno; -EMEDIUMTYPE:
 * the file is compressed with gzip or zstd, so that lines do not go behind it. *ret_done: bytes of `lines` that are out
 * in any case, whole lines. */
SQ_EXPORT int sq_append(struct sq_append *append, struct sq_str header, const char *lines, size_t n, size_t *ret_done);
/* What was appended outlasts a loss of power, and so does the name of a file that is new. A pipe or a device, which
 * keeps nothing, is as it should be. 0 or a negative errno: then what a later call says is not to be trusted. */
SQ_EXPORT int sq_append_sync(struct sq_append *append);

/* ---- Keyed state ------------------------------------------------------------------------------------- */

/*
 * The state of a key is a block of `.key_state` bytes that the runtime owns. It outlives the task: see
 * `.state_is_volatile` and `.state_version` in struct sq_bolt. A tuple that fails takes back what it has emitted, not
 * what it has written there: look at all that may fail first, then write.
 */

/* The state of `key` in this task, zeroed when the key is new. The pointer stays good until sq_keyed_forget() of that
 * key; write by it in the callback that asked for it: what is written later is in no epoch. Never NULL. */
SQ_EXPORT void *sq_keyed(struct sq_task *task, struct sq_str key);
/* The same to look at, and only if it is there: else NULL. */
SQ_EXPORT const void *sq_keyed_peek(const struct sq_task *task, struct sq_str key);
SQ_EXPORT void sq_keyed_forget(struct sq_task *task, struct sq_str key);
SQ_EXPORT size_t sq_keyed_count(const struct sq_task *task);

/* Calls `visit` for each key, in the order in which they came, until it returns false. It may emit and forget the key
 * it is handed. */
typedef bool sq_visit(struct sq_task *task, struct sq_str key, void *state, void *context);
SQ_EXPORT void sq_keyed_each(struct sq_task *task, sq_visit *visit, void *context);

/*
 * A key may own more than its block: maps and arrays, each with a number that the bolt gives it, known by the block
 * that sq_keyed() returned. They are written down and handed on with the key, and forgotten with it. Like the block
 * they hold no pointers.
 *
 *     struct session *session = sq_keyed(task, user);
 *     struct visit *visit = sq_array_push(task, session, VISITS, sizeof(*visit));
 *     int64_t *seen = sq_map_at(task, session, PAGES, page, sizeof(*seen));
 *
 * A `state` that is not such a block, or a number that is a map once and an array then, ends the worker.
 */

/* The value of `key`: `size` bytes, zeroed when the key is new. One that was shorter grows by zeroes, and moves; else
 * the pointer stays good until the key is forgotten. Never NULL. */
SQ_EXPORT void *sq_map_at(struct sq_task *task, const void *state, unsigned map, struct sq_str key, size_t size);
/* The value to look at, and how long it is; or NULL. */
SQ_EXPORT const void *sq_map_peek(struct sq_task *task, const void *state, unsigned map, struct sq_str key,
                                  size_t *ret_size);
SQ_EXPORT void sq_map_forget(struct sq_task *task, const void *state, unsigned map, struct sq_str key);
SQ_EXPORT size_t sq_map_count(struct sq_task *task, const void *state, unsigned map);
/* Each key in the order in which they came, until `visit` returns false. It may forget the key it is handed. */
typedef bool sq_visit_map(struct sq_task *task, struct sq_str key, void *value, size_t size, void *context);
SQ_EXPORT void sq_map_each(struct sq_task *task, const void *state, unsigned map, sq_visit_map *visit, void *context);

/* One more element, zeroed, at the end. All elements of an array have the same size, above 0. None ever moves. Never
 * NULL. */
SQ_EXPORT void *sq_array_push(struct sq_task *task, const void *state, unsigned array, size_t size);
/* Element `index`, from 0; NULL beyond the end. */
SQ_EXPORT void *sq_array_at(struct sq_task *task, const void *state, unsigned array, size_t index);
SQ_EXPORT size_t sq_array_count(struct sq_task *task, const void *state, unsigned array);
/* Drops the first `n`; what was element n is element 0 then. */
SQ_EXPORT void sq_array_drop(struct sq_task *task, const void *state, unsigned array, size_t n);

/*
 * In `.show` (struct sq_bolt): a field of the key, and one of its state, as `squall query` prints them. Anywhere
 * else it is a misuse. A name is copied.
 */
SQ_EXPORT void sq_show_key(struct sq_task *task, const char *name, struct sq_value value);
SQ_EXPORT void sq_show(struct sq_task *task, const char *name, struct sq_value value);
/* The fields of a key of packed ones (sq_key()), by the names of the input fields from `first` on. */
SQ_EXPORT void sq_show_packed(struct sq_task *task, struct sq_str key, unsigned first);

/* ---- The task's own values --------------------------------------------------------------------------- */

/*
 * Bytes that belong to the task and not to a key, by a name: they are part of every snapshot, and the task goes on with
 * them. What is in sq_state() is not. No pointers, as in keyed state. As many tasks must go on as there were.
 */
/* Copies the bytes; they take the place of what had the name. */
SQ_EXPORT void sq_own_set(struct sq_task *task, const char *name, struct sq_str bytes);
/* A view, good until the name is set again; `ptr` is NULL where it was never set. */
SQ_EXPORT struct sq_str sq_own(const struct sq_task *task, const char *name);

/* ---- Timers ------------------------------------------------------------------------------------------ */

/*
 * Bolts with `.timer`: it is called for `key` when the time of day (sq_wall()) has come to `time`. Timers are a set:
 * one that is set already stays one, a key may have several. They are part of what the key owns: they go where it
 * goes, are forgotten with it, and those that came due while there was no task run at once when there is one again.
 * What is set at the end does not run: `.finish` emits what is left. A key that is not there is made.
 */
SQ_EXPORT void sq_timer_set(struct sq_task *task, struct sq_str key, struct sq_time time);
/* Does nothing where there is no such timer. */
SQ_EXPORT void sq_timer_cancel(struct sq_task *task, struct sq_str key, struct sq_time time);

/* ---- Event time -------------------------------------------------------------------------------------- */

/*
 * The time that the events of a stream carry, in ns since 1970 UTC: `event-time` of the topology file names the
 * field. A task's watermark says how far it has come: nothing older is expected any more. It is the least of what
 * the sources of the task have said, but for those that are idle, and never falls. What comes all the same with an
 * older time is late.
 */
#define SQ_NO_WATERMARK INT64_MIN /* none has come yet, or none ever does */
#define SQ_END_OF_TIME INT64_MAX  /* all sources have come to their natural end */
SQ_EXPORT int64_t sq_watermark(const struct sq_task *task);
/* In .prepare of a bolt: what it emits on the stream may be `ns` behind the watermark, for it is held back so long. The
 * watermark that is passed on there says so much less, so that it is not late. At the end of time it does not. */
SQ_EXPORT void sq_hold_back_watermark(struct sq_task *task, unsigned stream, int64_t ns);

/* The event time of a tuple, by the field that sq_declared_time() names. False: there is none, or it holds no time. */
SQ_EXPORT bool sq_event_time(const struct sq_tuple *in, int64_t *ret_ns);
/* What that field is called in the tuple, and what it holds. NULL: there is none. */
SQ_EXPORT const char *sq_event_time_field(const struct sq_tuple *in, struct sq_value *ret_value);
/* Is it this field of the component's own? */
SQ_EXPORT bool sq_is_event_time(const struct sq_tuple *in, unsigned field);

/*
 * Bolts with `.event_timer`: it is called for `key` when the watermark has come to `time_ns`. Those that are due run
 * in the order of their times, and of one time in that in which they were set, before the tuples behind the
 * watermark and before it is passed on; one that is due when it is set runs behind the tuples that came with the one
 * under way. At the natural end of all sources all run before `.finish`; at a drain those that are not due do not.
 * Else they are as timers.
 */
SQ_EXPORT void sq_event_timer_set(struct sq_task *task, struct sq_str key, int64_t time_ns);
/* Does nothing where there is no such timer. */
SQ_EXPORT void sq_event_timer_cancel(struct sq_task *task, struct sq_str key, int64_t time_ns);

/* ---- Declaring a component --------------------------------------------------------------------------- */

struct sq_stream {
        const char *id;
        struct sq_field fields[SQ_FIELDS_MAX];
};

enum sq_option_type {
        SQ_OPTION_INT,    /* int64_t */
        SQ_OPTION_FLOAT,  /* double */
        SQ_OPTION_BOOL,   /* bool */
        SQ_OPTION_STR,    /* const char *; NULL when not set and without default. The runtime owns it. */
        SQ_OPTION_PATH,   /* const char *; relative to the topology file, handed over absolute; "-" stays */
        SQ_OPTION_ENUM,   /* int64_t; the place of the word in `choices` */
        SQ_OPTION_LIST,   /* struct sq_list of strings; a scalar is a list of one */
        SQ_OPTION_MAP,    /* struct sq_pairs of strings, in the file's order; a list of one-pair maps is one too */
        SQ_OPTION_OUTPUT, /* as SQ_OPTION_PATH, and the component writes it: nobody may read it as input */
        SQ_OPTION_NESTED, /* struct sq_nested; as SQ_OPTION_MAP, and what stands for a value may be a map itself */
};

struct sq_list {
        size_t n;
        const char *const *items;
};

struct sq_pairs {
        size_t n;
        const char *const *names;
        const char *const *values;
};

/*
 * Pairs of which a value may be a map of its own, or a list: that stands as one entry for each of its keys or elements.
 *
 *     { a: int, b: { path: x, type: str } }    names a, b, b    keys "", "path", "type"    values int, x, str
 *     { a: [x, y] }                            names a, a       keys "", ""              values x, y
 *     [a, b]                                   names == values, keys NULL
 */
struct sq_nested {
        size_t n;
        const char *const *names;
        const char *const *keys; /* NULL: no value is a map or a list */
        const char *const *values;
};

/* One setting: where it is stored in the state block, its default as text (NULL: none), what it is for. */
struct sq_option {
        const char *name;
        enum sq_option_type type;
        size_t offset;
        const char *fallback;
        bool required;
        const char *choices; /* SQ_OPTION_ENUM: "one|two|three" */
        const char *help;
};

/*
 * A setting by its member in the state: SQ_OPT_INT(struct count, min, 1, "first count to emit"). Its name is the
 * member's; where that is no name in C, or another than it should be, SQ_OPT_INT_AS("max-age", struct cache, max_age,
 * 60, "seconds") and its like name it. A member of another type than the setting stores does not compile.
 */
#define SQ_OPT_INT(state, member, dflt, help) SQI_OPTION(#member, state, member, INT, #dflt, false, NULL, help)
#define SQ_OPT_FLOAT(state, member, dflt, help) SQI_OPTION(#member, state, member, FLOAT, #dflt, false, NULL, help)
#define SQ_OPT_BOOL(state, member, dflt, help) SQI_OPTION(#member, state, member, BOOL, #dflt, false, NULL, help)
#define SQ_OPT_STR(state, member, dflt, help) SQI_OPTION(#member, state, member, STR, dflt, false, NULL, help)
#define SQ_OPT_PATH(state, member, dflt, help) SQI_OPTION(#member, state, member, PATH, dflt, false, NULL, help)
#define SQ_OPT_ENUM(state, member, choices, dflt, help) \
        SQI_OPTION(#member, state, member, ENUM, dflt, false, choices, help)
#define SQ_OPT_LIST(state, member, help) SQI_OPTION(#member, state, member, LIST, NULL, false, NULL, help)
#define SQ_OPT_MAP(state, member, help) SQI_OPTION(#member, state, member, MAP, NULL, false, NULL, help)
#define SQ_OPT_NESTED(state, member, help) SQI_OPTION(#member, state, member, NESTED, NULL, false, NULL, help)
#define SQ_REQ_INT(state, member, help) SQI_OPTION(#member, state, member, INT, NULL, true, NULL, help)
#define SQ_REQ_STR(state, member, help) SQI_OPTION(#member, state, member, STR, NULL, true, NULL, help)
#define SQ_REQ_PATH(state, member, help) SQI_OPTION(#member, state, member, PATH, NULL, true, NULL, help)
/* A path that the component writes: `squall check` refuses one that another component reads. */
#define SQ_REQ_OUTPUT(state, member, help) SQI_OPTION(#member, state, member, OUTPUT, NULL, true, NULL, help)
#define SQ_REQ_LIST(state, member, help) SQI_OPTION(#member, state, member, LIST, NULL, true, NULL, help)
#define SQ_REQ_MAP(state, member, help) SQI_OPTION(#member, state, member, MAP, NULL, true, NULL, help)

#define SQ_OPT_INT_AS(name, state, member, dflt, help) SQI_OPTION(name, state, member, INT, #dflt, false, NULL, help)
#define SQ_OPT_FLOAT_AS(name, state, member, dflt, help) \
        SQI_OPTION(name, state, member, FLOAT, #dflt, false, NULL, help)
#define SQ_OPT_BOOL_AS(name, state, member, dflt, help) SQI_OPTION(name, state, member, BOOL, #dflt, false, NULL, help)
#define SQ_OPT_STR_AS(name, state, member, dflt, help) SQI_OPTION(name, state, member, STR, dflt, false, NULL, help)
#define SQ_OPT_PATH_AS(name, state, member, dflt, help) SQI_OPTION(name, state, member, PATH, dflt, false, NULL, help)
#define SQ_OPT_ENUM_AS(name, state, member, choices, dflt, help) \
        SQI_OPTION(name, state, member, ENUM, dflt, false, choices, help)
#define SQ_OPT_LIST_AS(name, state, member, help) SQI_OPTION(name, state, member, LIST, NULL, false, NULL, help)
#define SQ_OPT_MAP_AS(name, state, member, help) SQI_OPTION(name, state, member, MAP, NULL, false, NULL, help)
#define SQ_OPT_NESTED_AS(name, state, member, help) SQI_OPTION(name, state, member, NESTED, NULL, false, NULL, help)
#define SQ_REQ_INT_AS(name, state, member, help) SQI_OPTION(name, state, member, INT, NULL, true, NULL, help)
#define SQ_REQ_STR_AS(name, state, member, help) SQI_OPTION(name, state, member, STR, NULL, true, NULL, help)
#define SQ_REQ_PATH_AS(name, state, member, help) SQI_OPTION(name, state, member, PATH, NULL, true, NULL, help)
#define SQ_REQ_LIST_AS(name, state, member, help) SQI_OPTION(name, state, member, LIST, NULL, true, NULL, help)
#define SQ_REQ_MAP_AS(name, state, member, help) SQI_OPTION(name, state, member, MAP, NULL, true, NULL, help)

/* What each type of setting stores. */
#define SQI_STORED_INT int64_t
#define SQI_STORED_FLOAT double
#define SQI_STORED_BOOL bool
#define SQI_STORED_STR const char *
#define SQI_STORED_PATH const char *
#define SQI_STORED_OUTPUT const char *
#define SQI_STORED_ENUM int64_t
#define SQI_STORED_LIST struct sq_list
#define SQI_STORED_MAP struct sq_pairs
#define SQI_STORED_NESTED struct sq_nested

#define SQI_OPTION(name, state, member, type, dflt, must, choice, text) \
        { \
                name, SQ_OPTION_##type, SQI_MEMBER(state, member, SQI_STORED_##type), dflt, must, choice, text \
        }

/* The offset of a member that must be of type `stored`. */
#ifdef __cplusplus
#define SQI_MEMBER(state, member, stored) \
        (sqi_member<stored, decltype(static_cast<state *>(nullptr)->member)>(offsetof(state, member)))
#else
#define SQI_MEMBER(state, member, stored) SQI_MEMBER_(state, member, stored)
#define SQI_MEMBER_(state, member, stored) \
        (offsetof(state, member) + \
         0 * sizeof(struct { \
                 _Static_assert(__builtin_types_compatible_p(__typeof__(((state *)0)->member), stored), \
                                "the member '" #member "' of " #state \
                                " has another type than its setting stores: " #stored); \
                 int unused; \
         }))
#endif

/*
 * `.declare`, for components whose fields follow from their settings and inputs. It runs when the topology is checked,
 * without a task. It may ask for input fields (in the order in which execute will count them), declare the fields of
 * its streams, and refuse a setting. Names are copied.
 */
struct sq_declaration;
SQ_EXPORT const void *sq_declared_state(const struct sq_declaration *decl); /* the state block, settings filled in */
/* number of `streams` entries that feed the bolt */
SQ_EXPORT unsigned sq_declared_inputs(const struct sq_declaration *decl);
/* how many tasks the component has, and whether topology.delivery is exactly-once, or at-least-once: then a tuple that
 * failed may be executed again, by a bolt that had let it pass. In tests it is not. */
SQ_EXPORT unsigned sq_declared_parallelism(const struct sq_declaration *decl);
SQ_EXPORT bool sq_declared_exactly_once(const struct sq_declaration *decl);
SQ_EXPORT bool sq_declared_at_least_once(const struct sq_declaration *decl);
/* Field `place` of input `input`, or one with a NULL name past the end. */
SQ_EXPORT struct sq_field sq_declared_input(const struct sq_declaration *decl, unsigned input, unsigned place);
/* The field `name` of input `input`, or one with a NULL name when it has none. */
SQ_EXPORT struct sq_field sq_declared_field(const struct sq_declaration *decl, unsigned input, const char *name);
/* Something upstream is wrong, so that the fields of some inputs are not known: the component is asked for what is
 * wrong with its own settings whatever comes in. Such an input has no fields to count, and may have one of any name. */
SQ_EXPORT bool sq_declared_open(const struct sq_declaration *decl);
/* Do watermarks come by input `input`? And which of its fields carries the event time, as the nearest component before
 * it that says `event-time` names it, or that has sq_declare_until(); NULL: it has no such field. */
SQ_EXPORT bool sq_declared_watermarks(const struct sq_declaration *decl, unsigned input);
SQ_EXPORT const char *sq_declared_time(const struct sq_declaration *decl, unsigned input);
/* Who feeds input `input`, and how. Names live as long as the declaration. In tests the grouping is NULL: not known.
 * False past the end. */
SQ_EXPORT bool sq_declared_reading(const struct sq_declaration *decl, unsigned input, struct sq_reading *ret);
/* A field that every input must have, by this name: a value of `type`, or one that can be read as it; SQ_ANY takes all.
 * The getters count the fields of `.in` first, then these in the order of the calls. A name may be asked for again: it
 * is another field then, of the same value. A topology in which an input does not have it, or as another type, is
 * refused. */
SQ_EXPORT void sq_declare_in(struct sq_declaration *decl, const char *name, enum sq_type type);
/* The same of a field that each input calls otherwise: `names` has one for each of sq_declared_inputs(). The component
 * knows it by the first. */
SQ_EXPORT void sq_declare_in_each(struct sq_declaration *decl, const char *const *names, enum sq_type type);
SQ_EXPORT void sq_declare_out(struct sq_declaration *decl, unsigned stream, const char *name, enum sq_type type);
/* Where watermarks come in: what is emitted on the stream stands for a time that ends at `field`, an SQ_TIME declared
 * before, and is emitted before a watermark of that end is passed on. The event time of such a tuple is the last ns
 * before it, as that of a window. An `event-time` of the topology file for the stream takes its place. */
SQ_EXPORT void sq_declare_until(struct sq_declaration *decl, unsigned stream, const char *field);
/* The same where it stands for the time in `field`; NULL: what is emitted on the stream has no event time. */
SQ_EXPORT void sq_declare_time(struct sq_declaration *decl, unsigned stream, const char *field);
/* The same where `field` is that which carries the event time of input `input`, whatever it is called there. */
SQ_EXPORT void sq_declare_time_of(struct sq_declaration *decl, unsigned stream, const char *field, unsigned input);
/* A setting that has no effect as the others are, `when`: "without `journal`". If it was given it is an error. */
SQ_EXPORT void sq_declare_unused(struct sq_declaration *decl, const char *option, const char *when);
/* One more stream, besides those of the definition, whose fields sq_declare_out() declares: its number, which is one
 * more than that of the stream before it; 0 when it is refused. */
SQ_EXPORT unsigned sq_declare_stream(struct sq_declaration *decl, const char *id);
/* What is wrong with which setting; NULL: with none alone, which is told where nothing else is wrong. The first eight
 * of a component are shown. */
SQ_EXPORT void sq_declare_error(struct sq_declaration *decl, const char *option, const char *format, ...)
        SQ_PRINTF(3, 4);

/* A bolt. Everything but `.execute` may be left out. Every int callback returns 0, or -1 after sq_error(). */
struct sq_bolt {
        const char *about; /* one line for `squall components` */
        size_t state;      /* bytes of sq_state() */
        size_t key_state;  /* bytes of sq_keyed() */
        /* What is in sq_keyed() outlives its task: at a stop, a rebalance or an update it is written down byte for
         * byte, the task that owns the key then goes on with it, and `.finish` waits for the real end. So it holds
         * no pointer, and what must not be lost is nowhere else; what `.prepare` or the first tuple can make of it
         * again may be. A bolt that cannot keep to that says here that its state is volatile: it begins from nothing
         * then. Without `.key_state` there is nothing to take along. */
        bool state_is_volatile;
        uint32_t state_version; /* of the layout of what is in sq_keyed(): another number whenever it changes */
        struct sq_option options[SQ_OPTIONS_MAX];
        struct sq_field in[SQ_FIELDS_MAX]; /* fields that every input must have; none: any input will do */
        /* the default stream; none: it emits nothing there, or `.declare` says */
        struct sq_field out[SQ_FIELDS_MAX];
        struct sq_stream streams[SQ_STREAMS_MAX]; /* further streams */
        void (*declare)(struct sq_declaration *decl);
        int (*prepare)(struct sq_task *task);
        enum sq_verdict (*execute)(struct sq_task *task, const struct sq_tuple *in);
        int (*tick)(struct sq_task *task);
        /* before the acks of a batch go out: make durable what execute took over */
        int (*flush)(struct sq_task *task);
        /* every input has ended: emit what is left. One that fails before it has emitted anything is called again, for
         * ten seconds; then, or when it had emitted, the topology ends as failed */
        int (*finish)(struct sq_task *task);
        void (*cleanup)(struct sq_task *task);
        /*
         * The state of `key` was written down by a `.state_version` that was `version`, as the `size` bytes at `old`
         * (aligned as any state): makes `state`, which is zeroed, of them. Called once a key, after prepare. Returns
         * 0, or -1 after sq_error(): then nothing is started. Without it `squall update` refuses to go from another
         * version to this one.
         */
        int (*migrate)(struct sq_task *task, uint32_t version, struct sq_str key, const void *old, size_t size,
                       void *state);
        /* A timer has come due, at `time` or later: sq_timer_set(). It may emit, set others, forget the key, and
         * make other keys, which go to the task that `key` goes to. */
        int (*timer)(struct sq_task *task, struct sq_str key, struct sq_time time);
        /* The task goes on with keyed state that was written down, which is all there: after prepare and migrate,
         * before any tuple. Makes of it what sq_state() needs, and looks whether it can be gone on with: where its
         * layout follows from settings, say. Returns 0, or -1 after sq_error(): then nothing is started. */
        int (*restored)(struct sq_task *task);
        /*
         * Under exactly-once (sq_exactly_once()) a topology that loses a process goes on from its last sealed epoch:
         * what came after it is executed again, perhaps as other tuples in another order. So a bolt that hands
         * something to the outside does that by epochs, and then each tuple counts there once. Epochs are numbers
         * that rise and are not used again.
         *
         *     .execute ...        holds back what it takes over, or writes where it can be cut off again
         *     .precommit(e)       makes durable what it has taken over; what .commit(e) needs is in what the runtime
         *                         writes down: keyed state and the task's own values. Then the snapshot is written
         *     .execute ...        belongs to a later epoch already
         *     .commit(e)          the epoch is sealed, for good: publishes what was taken over up to .precommit(e)
         *
         * Not every epoch is sealed: then .commit(e) is not called, and what e held is part of the next one. After a
         * restore to epoch r, with its state loaded and `.restored` called: .commit(r), then .abort(r). The first
         * was perhaps done before, in part or in whole, so it must come to the same however often it is done. A
         * topology that starts from nothing calls neither.
         *
         * They return 0, or -1 after sq_error(). They emit nothing. `.cleanup` publishes nothing: what is not
         * committed then comes again.
         */
        int (*precommit)(struct sq_task *task, uint64_t epoch); /* -1: the epoch is given up */
        int (*commit)(struct sq_task *task, uint64_t epoch);    /* -1: it is called again, until it returns 0 */
        /* Takes back what was given out after epoch `epoch`. -1: the task ends, and begins again */
        int (*abort)(struct sq_task *task, uint64_t epoch);
        /*
         * For `squall query`: how a key and its state look, by sq_show_key() or sq_show_packed(), and sq_show():
         *
         *     const struct tally *tally = state;
         *     sq_show_packed(task, key, 0);
         *     sq_show(task, "count", sq_int(tally->n));
         *
         * It may look at what the key owns. It changes and emits nothing. In a task that runs it is called between
         * two other callbacks; to look into a snapshot, without `.prepare` and with nothing of sq_state() but the
         * settings. Without it a key is shown as text or as its fields, a state as its bytes.
         */
        void (*show)(struct sq_task *task, struct sq_str key, const void *state);
        /* The watermark has come to `time_ns`: sq_event_timer_set(). It may do what `.timer` may. */
        int (*event_timer)(struct sq_task *task, struct sq_str key, int64_t time_ns);
        /* The time of sq_wake_at() has come, or the file of sq_wake_on() can be read: as `.tick`, it emits what is not
         * anchored unless it says so. */
        int (*wake)(struct sq_task *task);
        /*
         * `squall check --connect`, where `.declare` was content: tries what the settings lead to, a server say, and
         * moves no data. It runs in a process of its own, so it may wait, which is ended after 15 seconds. It asks as
         * `.declare` does, and what is wrong it says by sq_declare_error(): what and where, without secrets.
         */
        void (*probe)(struct sq_declaration *decl);
};

/* A spout. Everything but `.next` may be left out. One with `.replay` gives at-least-once when it calls sq_track(). */
/* What a source holds that a spout has not emitted yet. */
enum sq_lag_unit { SQ_LAG_BYTES, SQ_LAG_MESSAGES };
struct sq_lag {
        uint64_t amount;
        enum sq_lag_unit unit; /* always the same of one task */
};

struct sq_spout {
        const char *about;
        size_t state;
        size_t key_state;
        struct sq_option options[SQ_OPTIONS_MAX];
        struct sq_field out[SQ_FIELDS_MAX];
        struct sq_stream streams[SQ_STREAMS_MAX];
        void (*declare)(struct sq_declaration *decl);
        int (*prepare)(struct sq_task *task);
        enum sq_next (*next)(struct sq_task *task);
        int (*replay)(struct sq_task *task, uint64_t position); /* emit the tuples of `position` again */
        /* after a restart: go on at `position`; all below it is done */
        int (*seek)(struct sq_task *task, uint64_t position);
        void (*ack)(struct sq_task *task, uint64_t position);  /* the tuple tree is complete */
        void (*fail)(struct sq_task *task, uint64_t position); /* given up: after its last retry */
        void (*activate)(struct sq_task *task);
        void (*deactivate)(struct sq_task *task);
        int (*finish)(struct sq_task *task);
        void (*cleanup)(struct sq_task *task);
        /* There is a .seek, but its source does not have any more what it gave out once: exactly-once is refused. */
        bool forgets;
        /* Exactly-once: where the task goes on is about to become part of epoch `epoch`. Makes durable what .seek
         * needs to go on there. 0, or -1 after sq_error(): the epoch is given up. */
        int (*precommit)(struct sq_task *task, uint64_t epoch);
        /*
         * All before `done` is done for good: it is acked, or part of a sealed epoch. Nobody seeks what is before
         * `needed` any more, which under exactly-once is further back, in the oldest epoch that is kept (0: not
         * known yet). So a spout that keeps what its source does not may let go of that. It emits nothing. Who has
         * this has a setting `journal`, and exactly-once is not refused when that is set.
         */
        void (*release)(struct sq_task *task, uint64_t done, uint64_t needed);
        /*
         * How far the task is behind the end of its source: asked about once a second, also while it may not emit. It
         * emits nothing, and must not wait for long. What several tasks share one of them says, or each its part. 0;
         * or -1: it is not known now.
         */
        int (*lag)(struct sq_task *task, struct sq_lag *ret);
        void (*probe)(struct sq_declaration *decl); /* as a bolt's */
        /*
         * Instead of .replay, of a spout that emits on behalf of somebody who waits for it: the tuple tree of
         * `position` has failed, or its time was over, or a worker died meanwhile, as `cause` says. It is not
         * emitted again. Positions need not rise then, only differ. It emits nothing.
         */
        void (*failed)(struct sq_task *task, uint64_t position, const char *cause);
};

/* ---- A grouping of your own -------------------------------------------------------------------------- */

/*
 * A grouping is a .so, too, registered with SQ_GROUPING(name): an entry of `streams` with `type: custom` names it as
 * `component`, and its settings as `properties`. Each task that emits has one of its own for each such entry, a struct
 * sq_group, and calls it in its own thread for each tuple. The tasks of the reader are its targets, from 0 on.
 *
 * It is handed the task that emits, `sender`, for sq_log(), sq_error(), sq_now() and the like; what belongs to the
 * component there, as sq_state() and sq_keyed(), is not the grouping's. It emits nothing.
 */
struct sq_group;
SQ_EXPORT void *sq_group_state(const struct sq_group *group);   /* the block of `.state` bytes */
SQ_EXPORT unsigned sq_group_size(const struct sq_group *group); /* number of targets, at least 1 */
/* The number of the target's task: see sq_number(). In one component they follow each other. */
SQ_EXPORT unsigned sq_group_task(const struct sq_group *group, unsigned target);
/* Is it in the sender's own worker? */
SQ_EXPORT bool sq_group_is_local(const struct sq_group *group, unsigned target);
/* About how long, in ns, a tuple would wait at the target until it is executed. A hint: 0 where nothing is known, as in
 * `run --inline`; UINT64_MAX where the channel is full. */
SQ_EXPORT uint64_t sq_group_wait(const struct sq_group *group, unsigned target);
/* In `.choose`: the hash of the fields that `args` of the entry names, or of all where it names none. Equal values have
 * equal hashes, in all tasks, runs and machines. */
SQ_EXPORT uint64_t sq_group_hash(const struct sq_group *group, const struct sq_tuple *tuple);

struct sq_grouping {
        const char *about; /* one line for `squall components` */
        size_t state;      /* bytes of sq_group_state(), zeroed, then filled with the settings */
        struct sq_option options[SQ_OPTIONS_MAX];
        /* Once, before the first tuple. After a rebalance or a restart it is a new group, whose state is zeroed. 0, or
         * -1 after sq_error(). */
        int (*prepare)(struct sq_task *sender, struct sq_group *group);
        /*
         * Writes the targets that get the tuple into `ret`, which has room for all of them, and returns how many. Each
         * gets a tuple of its own, anchored as any. None at all, one that there is not, or one twice is a misuse: the
         * tuple under way fails. Fields are read by sq_get() and its like: field 0 is the first of `args`, or of the
         * stream where the entry has no args.
         */
        unsigned (*choose)(struct sq_task *sender, struct sq_group *group, const struct sq_tuple *tuple, unsigned *ret);
        void (*cleanup)(struct sq_task *sender, struct sq_group *group);
        /*
         * The promise that tuples with the same values of `args` go to the same single target: of whatever sender, in
         * whatever order, before and after any restart, as long as the number of targets and the settings are the same.
         * Then a bolt behind it may keep state by these fields under exactly-once, which `squall check` refuses else.
         */
        bool keyed;
};

enum sq_kind { SQ_KIND_SPOUT = 1, SQ_KIND_BOLT = 2, SQ_KIND_GROUPING = 3 };

/* What a .so exports, as the symbol `sq_manifest`. */
struct sq_manifest {
        uint32_t abi;
        uint32_t kind; /* enum sq_kind */
        uint64_t size; /* of the definition */
        const char *name;
        const void *definition; /* struct sq_bolt, sq_spout or sq_grouping */
};

#ifdef __cplusplus
#define SQI_MANIFEST extern "C" SQ_EXPORT const struct sq_manifest sq_manifest
/* g++ warns of designated initialisers that leave members out, which is what they are for. */
#define SQI_MAY_LEAVE_OUT _Pragma("GCC diagnostic ignored \"-Wmissing-field-initializers\"")
#else
#define SQI_MAY_LEAVE_OUT
#define SQI_MANIFEST \
        extern SQ_EXPORT const struct sq_manifest sq_manifest; \
        SQ_EXPORT const struct sq_manifest sq_manifest
#endif

/* Registers the component of this .so: SQ_BOLT(name) = { ... }; The name may be that of anything else in C, also of a
 * macro: it is quoted and pasted before it could be expanded. */
#define SQ_BOLT(ident) SQI_REGISTER(#ident, sqi_registered_##ident, struct sq_bolt, SQ_KIND_BOLT)
#define SQ_SPOUT(ident) SQI_REGISTER(#ident, sqi_registered_##ident, struct sq_spout, SQ_KIND_SPOUT)
#define SQ_GROUPING(ident) SQI_REGISTER(#ident, sqi_registered_##ident, struct sq_grouping, SQ_KIND_GROUPING)
#define SQI_REGISTER(name, registered, type, kind) \
        SQI_MAY_LEAVE_OUT \
        extern const type registered; \
        SQI_MANIFEST = {SQ_ABI, kind, sizeof(type), name, &registered}; \
        const type registered

#ifdef __cplusplus
} /* extern "C" */

/* Fails to compile, with its name in the message, where the types differ. */
template <class Stored, class Member>
constexpr size_t
sqi_member(size_t offset)
{
        static_assert(std::is_same_v<Stored, std::remove_cv_t<Member>>,
                      "this member has another type than its setting stores");
        return offset;
}

/* See the table of sq_of() above. */
template <class T>
inline sq_value
sq_of(const T &x)
{
        using type = std::decay_t<const T>;
        constexpr bool text = std::is_same_v<type, const char *> || std::is_same_v<type, char *>;

        if constexpr (std::is_same_v<type, struct sq_value>)
                return x;
        else if constexpr (std::is_same_v<type, struct sq_str>)
                return sq_str(x);
        else if constexpr (std::is_same_v<type, struct sq_time>)
                return sq_time(x);
        else if constexpr (std::is_same_v<type, bool>)
                return sq_bool(x);
        else if constexpr (std::is_floating_point_v<type>)
                return sq_float(static_cast<double>(x));
        else if constexpr (std::is_unsigned_v<type> && !std::is_same_v<type, char>)
                return sq_uint(x);
        else if constexpr ((std::is_integral_v<type> || std::is_enum_v<type>)&&!std::is_same_v<type, char>)
                return sq_int(x);
        else if constexpr (text)
                return sq_text(x);
        else {
                static_assert(std::is_convertible_v<const T &, std::string_view> && !std::is_null_pointer_v<type>,
                              "no value can be made of this type: see sq_of() in squall.h");
                std::string_view view = x;
                return sqi_value(SQ_STR, SQ_PLAIN, view.data(), view.size());
        }
}

template <class... Values>
inline void
sq_emit_on(sq_task *task, unsigned stream, const Values &...values)
{
        const sq_value list[] = {sq_of(values)...};
        sq_emit_values(task, stream, sizeof...(values), list);
}

template <class... Values>
inline void
sq_emit(sq_task *task, const Values &...values)
{
        sq_emit_on(task, 0, values...);
}

template <class... Values>
inline void
sq_emit_direct(sq_task *task, unsigned stream, unsigned index, const Values &...values)
{
        const sq_value list[] = {sq_of(values)...};
        sq_emit_direct_values(task, stream, index, sizeof...(values), list);
}
#else

/* sq_of() of each of up to SQ_FIELDS_MAX values. A macro cannot call itself, hence the list. */
#define SQI_PASTE(a, b) SQI_PASTE_(a, b)
#define SQI_PASTE_(a, b) a##b
#define SQI_COUNT(...) \
        SQI_COUNT_(__VA_ARGS__, 64, 63, 62, 61, 60, 59, 58, 57, 56, 55, 54, 53, 52, 51, 50, 49, 48, 47, 46, 45, 44, \
                   43, 42, 41, 40, 39, 38, 37, 36, 35, 34, 33, 32, 31, 30, 29, 28, 27, 26, 25, 24, 23, 22, 21, 20, 19, \
                   18, 17, 16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0)
#define SQI_COUNT_(v1, v2, v3, v4, v5, v6, v7, v8, v9, v10, v11, v12, v13, v14, v15, v16, v17, v18, v19, v20, v21, \
                   v22, v23, v24, v25, v26, v27, v28, v29, v30, v31, v32, v33, v34, v35, v36, v37, v38, v39, v40, v41, \
                   v42, v43, v44, v45, v46, v47, v48, v49, v50, v51, v52, v53, v54, v55, v56, v57, v58, v59, v60, v61, \
                   v62, v63, v64, n, ...) \
        n
#define SQI_OF1(a) sq_of(a)
#define SQI_OF2(a, b) sq_of(a), sq_of(b)
#define SQI_OF3(a, b, c) sq_of(a), sq_of(b), sq_of(c)
#define SQI_OF4(a, b, c, d) sq_of(a), sq_of(b), sq_of(c), sq_of(d)
#define SQI_OF5(a, b, c, d, e) sq_of(a), sq_of(b), sq_of(c), sq_of(d), sq_of(e)
#define SQI_OF6(a, b, c, d, e, f) sq_of(a), sq_of(b), sq_of(c), sq_of(d), sq_of(e), sq_of(f)
#define SQI_OF7(a, b, c, d, e, f, g) sq_of(a), sq_of(b), sq_of(c), sq_of(d), sq_of(e), sq_of(f), sq_of(g)
#define SQI_OF8(a, b, c, d, e, f, g, h) sq_of(a), sq_of(b), sq_of(c), sq_of(d), sq_of(e), sq_of(f), sq_of(g), sq_of(h)
#define SQI_OF9(a, b, c, d, e, f, g, h, ...) SQI_OF8(a, b, c, d, e, f, g, h), SQI_OF1(__VA_ARGS__)
#define SQI_OF10(a, b, c, d, e, f, g, h, ...) SQI_OF8(a, b, c, d, e, f, g, h), SQI_OF2(__VA_ARGS__)
#define SQI_OF11(a, b, c, d, e, f, g, h, ...) SQI_OF8(a, b, c, d, e, f, g, h), SQI_OF3(__VA_ARGS__)
#define SQI_OF12(a, b, c, d, e, f, g, h, ...) SQI_OF8(a, b, c, d, e, f, g, h), SQI_OF4(__VA_ARGS__)
#define SQI_OF13(a, b, c, d, e, f, g, h, ...) SQI_OF8(a, b, c, d, e, f, g, h), SQI_OF5(__VA_ARGS__)
#define SQI_OF14(a, b, c, d, e, f, g, h, ...) SQI_OF8(a, b, c, d, e, f, g, h), SQI_OF6(__VA_ARGS__)
#define SQI_OF15(a, b, c, d, e, f, g, h, ...) SQI_OF8(a, b, c, d, e, f, g, h), SQI_OF7(__VA_ARGS__)
#define SQI_OF16(a, b, c, d, e, f, g, h, ...) SQI_OF8(a, b, c, d, e, f, g, h), SQI_OF8(__VA_ARGS__)
#define SQI_OF17(a, b, c, d, e, f, g, h, ...) SQI_OF8(a, b, c, d, e, f, g, h), SQI_OF9(__VA_ARGS__)
#define SQI_OF18(a, b, c, d, e, f, g, h, ...) SQI_OF8(a, b, c, d, e, f, g, h), SQI_OF10(__VA_ARGS__)
#define SQI_OF19(a, b, c, d, e, f, g, h, ...) SQI_OF8(a, b, c, d, e, f, g, h), SQI_OF11(__VA_ARGS__)
#define SQI_OF20(a, b, c, d, e, f, g, h, ...) SQI_OF8(a, b, c, d, e, f, g, h), SQI_OF12(__VA_ARGS__)
#define SQI_OF21(a, b, c, d, e, f, g, h, ...) SQI_OF8(a, b, c, d, e, f, g, h), SQI_OF13(__VA_ARGS__)
#define SQI_OF22(a, b, c, d, e, f, g, h, ...) SQI_OF8(a, b, c, d, e, f, g, h), SQI_OF14(__VA_ARGS__)
#define SQI_OF23(a, b, c, d, e, f, g, h, ...) SQI_OF8(a, b, c, d, e, f, g, h), SQI_OF15(__VA_ARGS__)
#define SQI_OF24(a, b, c, d, e, f, g, h, ...) SQI_OF8(a, b, c, d, e, f, g, h), SQI_OF16(__VA_ARGS__)
#define SQI_OF25(a, b, c, d, e, f, g, h, ...) SQI_OF8(a, b, c, d, e, f, g, h), SQI_OF17(__VA_ARGS__)
#define SQI_OF26(a, b, c, d, e, f, g, h, ...) SQI_OF8(a, b, c, d, e, f, g, h), SQI_OF18(__VA_ARGS__)
#define SQI_OF27(a, b, c, d, e, f, g, h, ...) SQI_OF8(a, b, c, d, e, f, g, h), SQI_OF19(__VA_ARGS__)
#define SQI_OF28(a, b, c, d, e, f, g, h, ...) SQI_OF8(a, b, c, d, e, f, g, h), SQI_OF20(__VA_ARGS__)
#define SQI_OF29(a, b, c, d, e, f, g, h, ...) SQI_OF8(a, b, c, d, e, f, g, h), SQI_OF21(__VA_ARGS__)
#define SQI_OF30(a, b, c, d, e, f, g, h, ...) SQI_OF8(a, b, c, d, e, f, g, h), SQI_OF22(__VA_ARGS__)
#define SQI_OF31(a, b, c, d, e, f, g, h, ...) SQI_OF8(a, b, c, d, e, f, g, h), SQI_OF23(__VA_ARGS__)
#define SQI_OF32(a, b, c, d, e, f, g, h, ...) SQI_OF8(a, b, c, d, e, f, g, h), SQI_OF24(__VA_ARGS__)
#define SQI_OF33(a, b, c, d, e, f, g, h, ...) SQI_OF8(a, b, c, d, e, f, g, h), SQI_OF25(__VA_ARGS__)
#define SQI_OF34(a, b, c, d, e, f, g, h, ...) SQI_OF8(a, b, c, d, e, f, g, h), SQI_OF26(__VA_ARGS__)
#define SQI_OF35(a, b, c, d, e, f, g, h, ...) SQI_OF8(a, b, c, d, e, f, g, h), SQI_OF27(__VA_ARGS__)
#define SQI_OF36(a, b, c, d, e, f, g, h, ...) SQI_OF8(a, b, c, d, e, f, g, h), SQI_OF28(__VA_ARGS__)
#define SQI_OF37(a, b, c, d, e, f, g, h, ...) SQI_OF8(a, b, c, d, e, f, g, h), SQI_OF29(__VA_ARGS__)
#define SQI_OF38(a, b, c, d, e, f, g, h, ...) SQI_OF8(a, b, c, d, e, f, g, h), SQI_OF30(__VA_ARGS__)
#define SQI_OF39(a, b, c, d, e, f, g, h, ...) SQI_OF8(a, b, c, d, e, f, g, h), SQI_OF31(__VA_ARGS__)
#define SQI_OF40(a, b, c, d, e, f, g, h, ...) SQI_OF8(a, b, c, d, e, f, g, h), SQI_OF32(__VA_ARGS__)
#define SQI_OF41(a, b, c, d, e, f, g, h, ...) SQI_OF8(a, b, c, d, e, f, g, h), SQI_OF33(__VA_ARGS__)
#define SQI_OF42(a, b, c, d, e, f, g, h, ...) SQI_OF8(a, b, c, d, e, f, g, h), SQI_OF34(__VA_ARGS__)
#define SQI_OF43(a, b, c, d, e, f, g, h, ...) SQI_OF8(a, b, c, d, e, f, g, h), SQI_OF35(__VA_ARGS__)
#define SQI_OF44(a, b, c, d, e, f, g, h, ...) SQI_OF8(a, b, c, d, e, f, g, h), SQI_OF36(__VA_ARGS__)
#define SQI_OF45(a, b, c, d, e, f, g, h, ...) SQI_OF8(a, b, c, d, e, f, g, h), SQI_OF37(__VA_ARGS__)
#define SQI_OF46(a, b, c, d, e, f, g, h, ...) SQI_OF8(a, b, c, d, e, f, g, h), SQI_OF38(__VA_ARGS__)
#define SQI_OF47(a, b, c, d, e, f, g, h, ...) SQI_OF8(a, b, c, d, e, f, g, h), SQI_OF39(__VA_ARGS__)
#define SQI_OF48(a, b, c, d, e, f, g, h, ...) SQI_OF8(a, b, c, d, e, f, g, h), SQI_OF40(__VA_ARGS__)
#define SQI_OF49(a, b, c, d, e, f, g, h, ...) SQI_OF8(a, b, c, d, e, f, g, h), SQI_OF41(__VA_ARGS__)
#define SQI_OF50(a, b, c, d, e, f, g, h, ...) SQI_OF8(a, b, c, d, e, f, g, h), SQI_OF42(__VA_ARGS__)
#define SQI_OF51(a, b, c, d, e, f, g, h, ...) SQI_OF8(a, b, c, d, e, f, g, h), SQI_OF43(__VA_ARGS__)
#define SQI_OF52(a, b, c, d, e, f, g, h, ...) SQI_OF8(a, b, c, d, e, f, g, h), SQI_OF44(__VA_ARGS__)
#define SQI_OF53(a, b, c, d, e, f, g, h, ...) SQI_OF8(a, b, c, d, e, f, g, h), SQI_OF45(__VA_ARGS__)
#define SQI_OF54(a, b, c, d, e, f, g, h, ...) SQI_OF8(a, b, c, d, e, f, g, h), SQI_OF46(__VA_ARGS__)
#define SQI_OF55(a, b, c, d, e, f, g, h, ...) SQI_OF8(a, b, c, d, e, f, g, h), SQI_OF47(__VA_ARGS__)
#define SQI_OF56(a, b, c, d, e, f, g, h, ...) SQI_OF8(a, b, c, d, e, f, g, h), SQI_OF48(__VA_ARGS__)
#define SQI_OF57(a, b, c, d, e, f, g, h, ...) SQI_OF8(a, b, c, d, e, f, g, h), SQI_OF49(__VA_ARGS__)
#define SQI_OF58(a, b, c, d, e, f, g, h, ...) SQI_OF8(a, b, c, d, e, f, g, h), SQI_OF50(__VA_ARGS__)
#define SQI_OF59(a, b, c, d, e, f, g, h, ...) SQI_OF8(a, b, c, d, e, f, g, h), SQI_OF51(__VA_ARGS__)
#define SQI_OF60(a, b, c, d, e, f, g, h, ...) SQI_OF8(a, b, c, d, e, f, g, h), SQI_OF52(__VA_ARGS__)
#define SQI_OF61(a, b, c, d, e, f, g, h, ...) SQI_OF8(a, b, c, d, e, f, g, h), SQI_OF53(__VA_ARGS__)
#define SQI_OF62(a, b, c, d, e, f, g, h, ...) SQI_OF8(a, b, c, d, e, f, g, h), SQI_OF54(__VA_ARGS__)
#define SQI_OF63(a, b, c, d, e, f, g, h, ...) SQI_OF8(a, b, c, d, e, f, g, h), SQI_OF55(__VA_ARGS__)
#define SQI_OF64(a, b, c, d, e, f, g, h, ...) SQI_OF8(a, b, c, d, e, f, g, h), SQI_OF56(__VA_ARGS__)
#endif

#endif

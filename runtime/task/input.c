/* SPDX-License-Identifier: Apache-2.0 */
/* What a component reads of a tuple: views into the received batch, by the component's own count of fields. */
#include <inttypes.h>

#include "tuple/unpack.h"
#include "task/task.h"
#include "tuple/canonical.h"

/* The bytes of a field; an empty nil when there is none, which is a misuse. */
static inline const uint8_t *
field_at(const struct sq_tuple *in, unsigned field, const uint8_t **ret_end)
{
        static const uint8_t nil[] = {0xc0};

        if (__builtin_expect(field >= in->input->nfields, 0)) {
                sqi_task_misuse(in->task, "field %u of a tuple from \"%s\" that has %u", field, in->input->source,
                                (unsigned)in->input->nfields);
                *ret_end = nil + 1;
                return nil;
        }
        unsigned place = in->input->places[field];
        *ret_end = in->slice.at + in->slice.offsets[place + 1];
        return in->slice.at + in->slice.offsets[place];
}

static struct sq_value
mistyped(const struct sq_tuple *in, unsigned field, enum sq_type wanted, struct sq_value got)
{
        const char *name = field < in->input->nfields ? in->input->stream->fields[in->input->places[field]].name : "?";
        char json[256];

        sq_json(got, json, sizeof(json));
        sqi_task_misuse(in->task, "field \"%s\" of a tuple from \"%s\" is %s, not %s: %s", name, in->input->source,
                        sq_type_name((enum sq_type)got.type), sq_type_name(wanted), json);
        return sq_nil();
}

/* The field's value if it has the type; else a nil that reads as zero and empty. */
static inline struct sq_value
typed(const struct sq_tuple *in, unsigned field, enum sq_type wanted)
{
        const uint8_t *end, *at = field_at(in, field, &end);
        struct sq_value value = sqi_unpack(at, end);

        return value.type == wanted ? value : mistyped(in, field, wanted, value);
}

struct sq_value
sq_get(const struct sq_tuple *in, unsigned field)
{
        const uint8_t *end, *at = field_at(in, field, &end);

        return sqi_unpack(at, end);
}

bool
sq_event_time(const struct sq_tuple *in, int64_t *ret_ns)
{
        const struct sqi_edge_time *time = &in->input->edge->time;
        const uint32_t *offset = &in->slice.offsets[time->place];

        return time->known &&
               sqi_event_time_of(&time->format, sqi_unpack(in->slice.at + offset[0], in->slice.at + offset[1]), ret_ns);
}

const char *
sq_event_time_field(const struct sq_tuple *in, struct sq_value *ret_value)
{
        const struct sqi_edge_time *time = &in->input->edge->time;

        if (!time->known)
                return NULL;
        *ret_value = sq_tuple_get(in, time->place);
        return sq_tuple_name(in, time->place);
}

bool
sq_is_event_time(const struct sq_tuple *in, unsigned field)
{
        const struct sqi_edge_time *time = &in->input->edge->time;

        return time->known && field < in->input->nfields && in->input->places[field] == time->place;
}

bool
sq_get_bool(const struct sq_tuple *in, unsigned field)
{
        struct sq_value value = typed(in, field, SQ_BOOL);

        return value.type == SQ_BOOL && value.as.b;
}

int64_t
sq_get_int(const struct sq_tuple *in, unsigned field)
{
        struct sq_value value = typed(in, field, SQ_INT);

        return value.type == SQ_INT ? value.as.i : 0;
}

uint64_t
sq_get_uint(const struct sq_tuple *in, unsigned field)
{
        const uint8_t *end, *at = field_at(in, field, &end);
        struct sq_value value = sqi_unpack(at, end);

        if (value.type == SQ_INT && value.as.i >= 0)
                return (uint64_t)value.as.i;
        return value.type == SQ_UINT ? value.as.u : (mistyped(in, field, SQ_UINT, value), UINT64_C(0));
}

double
sq_get_float(const struct sq_tuple *in, unsigned field)
{
        const uint8_t *end, *at = field_at(in, field, &end);
        struct sq_value value = sqi_unpack(at, end);

        if (value.type == SQ_FLOAT)
                return value.as.f;
        if (value.type == SQ_INT)
                return (double)value.as.i;
        return value.type == SQ_UINT ? (double)value.as.u : (mistyped(in, field, SQ_FLOAT, value), 0.0);
}

struct sq_str
sq_get_str(const struct sq_tuple *in, unsigned field)
{
        const uint8_t *end, *at = field_at(in, field, &end);

        if (__builtin_expect((*at & 0xe0) == 0xa0, 1))
                return (struct sq_str){(const char *)at + 1, *at & 31};
        struct sq_value value = typed(in, field, SQ_STR);
        return value.type == SQ_STR ? (struct sq_str){value.as.ptr, value.len} : (struct sq_str){"", 0};
}

struct sq_str
sq_get_bin(const struct sq_tuple *in, unsigned field)
{
        struct sq_value value = typed(in, field, SQ_BIN);

        return value.type == SQ_BIN ? (struct sq_str){value.as.ptr, value.len} : (struct sq_str){"", 0};
}

struct sq_time
sq_get_time(const struct sq_tuple *in, unsigned field)
{
        struct sq_value value = typed(in, field, SQ_TIME);

        return value.type == SQ_TIME ? (struct sq_time){value.as.i, value.len} : (struct sq_time){0, 0};
}

unsigned
sq_tuple_size(const struct sq_tuple *in)
{
        return in->slice.n;
}

const char *
sq_tuple_name(const struct sq_tuple *in, unsigned place)
{
        return place < in->input->stream->nfields ? in->input->stream->fields[place].name : NULL;
}

struct sq_value
sq_tuple_get(const struct sq_tuple *in, unsigned place)
{
        if (place >= in->slice.n)
                return sq_nil();
        return sqi_unpack(in->slice.at + in->slice.offsets[place], in->slice.at + in->slice.offsets[place + 1]);
}

const char *
sq_source_component(const struct sq_tuple *in)
{
        return in->input->source;
}

const char *
sq_source_stream(const struct sq_tuple *in)
{
        return in->input->stream->id;
}

unsigned
sq_source_input(const struct sq_tuple *in)
{
        return in->input->edge->input;
}

/* Whether the first `n` fields have but one form, by their first bytes. */
static inline bool
has_one_form(const struct sq_tuple *in, unsigned n)
{
        for (unsigned f = 0; f < n; f++)
                if (sqi_has_forms(in->slice.at[in->slice.offsets[in->input->places[f]]]))
                        return false;
        return true;
}

/* The first `n` fields one after the other: as they stand when all are neighbours in the tuple and have one form, else
 * written into the scratch. */
static __attribute__((noinline)) struct sq_str
make_key(const struct sq_tuple *in, unsigned n)
{
        const struct sqi_input *input = in->input;
        const uint32_t *offsets = in->slice.offsets;
        struct sq_task *task = in->task;
        size_t room = 2 * (size_t)offsets[in->slice.n];
        uint8_t *at;

        if (n <= input->in_order && has_one_form(in, n))
                return (struct sq_str){(const char *)in->slice.at + offsets[input->places[0]],
                                       offsets[input->places[0] + n] - offsets[input->places[0]]};
        if (task->bolt.key_size < room) {
                char *key = realloc(task->bolt.key, room);
                if (!key) {
                        sqi_task_fail(task, -ENOMEM, "out of memory for a key");
                        return (struct sq_str){"", 0};
                }
                task->bolt.key = key;
                task->bolt.key_size = room;
        }
        at = (uint8_t *)task->bolt.key;
        for (uint32_t f = 0; f < n; f++)
                at = sqi_canonical(at, in->slice.at + offsets[input->places[f]],
                                   in->slice.at + offsets[input->places[f] + 1]);
        return (struct sq_str){task->bolt.key, (size_t)(at - (uint8_t *)task->bolt.key)};
}

/* Was the key of its first `n` fields looked for ahead? */
static inline bool
is_guess(const struct sq_tuple *in, uint32_t n)
{
        const struct sq_task *task = in->task;

        return task->bolt.guess_fields == n && n > 0 && in == task->bolt.tuple;
}

struct sq_str
sq_key(const struct sq_tuple *in)
{
        uint32_t n = in->input->nfields;

        return __builtin_expect(is_guess(in, n), 1) ? in->task->bolt.guess->bytes : make_key(in, n);
}

struct sq_str
sq_key_of(const struct sq_tuple *in, unsigned n)
{
        if (n == 0)
                return (struct sq_str){"", 0};
        if (n > in->input->nfields) {
                sqi_task_misuse(in->task, "a key of %u fields of a tuple from \"%s\" that has %u", n, in->input->source,
                                (unsigned)in->input->nfields);
                n = in->input->nfields;
        }
        return is_guess(in, n) ? in->task->bolt.guess->bytes : make_key(in, n);
}

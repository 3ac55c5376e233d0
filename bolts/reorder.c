/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bolt `reorder`: tuples in the order of their event times. Each is held until the watermark has come to its time;
 * those of one time go out in the order in which they came. Held tuples are keyed state, as their packed values:
 *
 *     times    time                 how many there are of it
 *     tuples   time, number         the values, packed
 */
#include <squall-kit.h>
#include <stdlib.h>
#include <string.h>

enum { ORDERED, LATE }; /* streams */
enum { TIMES, TUPLES }; /* maps of a key */

struct reorder {
        struct sq_list by;
        struct sq_encoder packed; /* of the tuple at hand */
};

/* The state of a key. */
struct held {
        uint64_t n;
};

/* Where a tuple stands among those of its key. */
struct place {
        int64_t time;
        uint64_t number;
};

/* ---- The declaration --------------------------------------------------------------------------------- */

static void
declare(struct sq_declaration *decl)
{
        const struct reorder *self = sq_declared_state(decl);
        const char *time = sq_declared_common_time(decl);

        for (size_t i = 0; i < self->by.n; i++)
                sq_declare_in(decl, self->by.items[i], sq_declared_field(decl, 0, self->by.items[i]).type);
        if (time && sq_declared_all_watermarks(decl))
                sq_declare_in(decl, time, sq_declared_field(decl, 0, time).type);
        else
                sq_declare_error(decl, NULL,
                                 "needs event time by all inputs: say `event-time: { field: NAME, out-of-orderness: 5s "
                                 "}` of the components upstream that emit the time");
        sq_declare_passing_on(decl, ORDERED);
        sq_declare_passing_on(decl, LATE);
}

static int
prepare(struct sq_task *task)
{
        struct reorder *self = sq_state(task);

        self->packed.format = SQ_FORMAT_MSGPACK;
        return 0;
}

/* ---- Holding ----------------------------------------------------------------------------------------- */

/* `place` outlives it. */
static struct sq_str
key_of(const struct place *place)
{
        return (struct sq_str){(const char *)place, sizeof(*place)};
}

static struct sq_str
key_of_time(const int64_t *time)
{
        return (struct sq_str){(const char *)time, sizeof(*time)};
}

/* Makes `packed` the record of an array, without the names, of the values of the tuple. */
static int
pack(struct reorder *self, const struct sq_tuple *in)
{
        static const char *const name[] = {""};
        struct sq_value values[SQ_FIELDS_MAX], all;
        unsigned n = sq_tuple_size(in);

        for (unsigned i = 0; i < n; i++)
                values[i] = sq_tuple_get(in, i);
        all = sq_array(values, n);
        self->packed.len = 0;
        return sq_encode_values(&self->packed, 1, name, &all);
}

static void
hold(struct sq_task *task, struct sq_str key, int64_t time)
{
        const struct reorder *self = sq_state(task);
        struct held *held = sq_keyed(task, key);
        uint64_t *number = sq_map_at(task, held, TIMES, key_of_time(&time), sizeof(*number));
        struct place place = {time, (*number)++};

        memcpy(sq_map_at(task, held, TUPLES, key_of(&place), self->packed.len), self->packed.bytes, self->packed.len);
        held->n++;
        sq_event_timer_set(task, key, time);
}

static enum sq_verdict
execute(struct sq_task *task, const struct sq_tuple *in)
{
        struct reorder *self = sq_state(task);
        int64_t time;

        if (!sq_event_time(in, &time))
                return sq_refuse_untimed(task, in);
        if (time < sq_watermark(task)) {
                sq_count(task, "late", 1);
                sq_emit_tuple(task, LATE, in);
                return SQ_ACK;
        }
        if (pack(self, in) < 0)
                return sq_retry_later(task, "no memory for a tuple");
        hold(task, sq_key_of(in, (unsigned)self->by.n), time);
        return SQ_ACK;
}

/* ---- Letting go -------------------------------------------------------------------------------------- */

static void
emit(struct sq_task *task, const void *bytes, size_t size)
{
        struct sq_value values[SQ_FIELDS_MAX], item;
        struct sq_items items;
        size_t n = 0;

        (void)sq_unpack((struct sq_str){bytes, size}, &item);
        items = sq_items(item);
        (void)sq_next_item(&items, &item); /* the name */
        (void)sq_next_item(&items, &item);
        items = sq_items(item);
        while (n < SQ_FIELDS_MAX && sq_next_item(&items, &values[n]))
                n++;
        sq_emit_values(task, ORDERED, n, values);
}

static int
event_timer(struct sq_task *task, struct sq_str key, int64_t time_ns)
{
        struct held *held = sq_keyed(task, key);
        size_t size;
        const uint64_t *number = sq_map_peek(task, held, TIMES, key_of_time(&time_ns), &size);
        struct place place = {.time = time_ns};

        for (uint64_t n = number ? *number : 0; place.number < n; place.number++) {
                const void *bytes = sq_map_peek(task, held, TUPLES, key_of(&place), &size);
                emit(task, bytes, size);
                sq_map_forget(task, held, TUPLES, key_of(&place));
                held->n--;
        }
        sq_map_forget(task, held, TIMES, key_of_time(&time_ns));
        if (held->n == 0)
                sq_keyed_forget(task, key);
        return 0;
}

/* ---- The end ----------------------------------------------------------------------------------------- */

/* A tuple that is still held; of those of one time the first that was come upon goes first. */
struct rest {
        int64_t time;
        size_t turn, size;
        const void *bytes;
};

struct rests {
        struct rest *all;
        size_t n, room;
        bool short_of_memory;
};

static bool
take_tuple(struct sq_task *task, struct sq_str key, void *value, size_t size, void *context)
{
        struct rests *rests = context;
        struct place place;

        (void)task;
        if (rests->n == rests->room) {
                size_t room = rests->room ? 2 * rests->room : 64;
                struct rest *larger = reallocarray(rests->all, room, sizeof(*larger));
                if (!larger)
                        return !(rests->short_of_memory = true);
                rests->all = larger;
                rests->room = room;
        }
        memcpy(&place, key.ptr, sizeof(place));
        rests->all[rests->n] = (struct rest){place.time, rests->n, size, value};
        rests->n++;
        return true;
}

static bool
take_key(struct sq_task *task, struct sq_str key, void *state, void *context)
{
        const struct rests *rests = context;

        (void)key;
        sq_map_each(task, state, TUPLES, take_tuple, context);
        return !rests->short_of_memory;
}

static int
compare(const void *left, const void *right)
{
        const struct rest *a = left, *b = right;

        if (a->time != b->time)
                return a->time < b->time ? -1 : 1;
        return a->turn < b->turn ? -1 : 1;
}

static bool
let_go(struct sq_task *task, struct sq_str key, void *state, void *context)
{
        (void)state;
        (void)context;
        sq_keyed_forget(task, key);
        return true;
}

/* At the natural end nothing is left. In a drain the watermark stops short, and what is held was acked; another run may
 * go on from here, and is not to send it again. */
static int
finish(struct sq_task *task)
{
        struct rests rests = {0};

        sq_keyed_each(task, take_key, &rests);
        if (rests.n > 0 && !rests.short_of_memory)
                qsort(rests.all, rests.n, sizeof(*rests.all), compare);
        for (size_t i = 0; i < rests.n && !rests.short_of_memory; i++)
                emit(task, rests.all[i].bytes, rests.all[i].size);
        free(rests.all);
        if (!rests.short_of_memory)
                sq_keyed_each(task, let_go, NULL);
        return rests.short_of_memory ? sq_error(task, "no memory for the order of what is held") : 0;
}

static void
cleanup(struct sq_task *task)
{
        struct reorder *self = sq_state(task);

        sq_encoder_free(&self->packed);
}

static void
show(struct sq_task *task, struct sq_str key, const void *state)
{
        const struct held *held = state;

        sq_show_packed(task, key, 0);
        sq_show(task, "held", sq_uint(held->n));
}

SQ_BOLT(reorder) = {
        .about = "Tuples in the order of their event times.",
        .state = sizeof(struct reorder),
        .key_state = sizeof(struct held),
        .options =
                {
                        SQ_OPT_LIST(struct reorder, by,
                                    "the fields whose combinations have their tuples held together, so that they go "
                                    "where such a key goes; default: none"),
                },
        .streams = {{.id = "late"}},
        .declare = declare,
        .prepare = prepare,
        .execute = execute,
        .finish = finish,
        .cleanup = cleanup,
        .show = show,
        .event_timer = event_timer,
};

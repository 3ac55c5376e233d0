/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bolt `top`: the N largest by one field. All other fields together are the key; the latest value of a key counts.
 *
 * The latest value of every key is kept, so that the answer is exact even when values fall. The N best are besides kept
 * in order:
 *
 *     ranked[0] >= ranked[1] >= ... >= ranked[n - 1] >= every other entry
 *
 * A value that rises moves its entry up, in from outside if it beats the last one. Only when a ranked value falls below
 * its neighbours to the last place may an unranked entry be larger: then the order is stale, and all keys are looked
 * through before it is next used.
 *
 * What must last is the value of each key, in the keyed state. The order is made of that: it is stale at first, so that
 * a task which goes on with the keys of another looks through them. A place that such a key brings along counts only if
 * the entry stands there in this task's own order.
 *
 * Ties: the smaller key first, compared as text.
 */
#include <squall-kit.h>
#include <stdlib.h>
#include <string.h>

enum { BY };
enum { CHANGE, END, TICK };
enum { TOP_MAX = 100000 };

/* The state of a key. */
struct entry {
        struct sq_value value; /* a number */
        uint64_t place;        /* in `ranked`, if it stands there */
};

struct ranked {
        struct entry *entry;
        char *key;
        size_t key_len;
};

struct top {
        int64_t n, emit;
        const char *by;
        bool rank;

        struct ranked *ranked;
        size_t nranked;
        bool stale;
};

/* ---- The declaration --------------------------------------------------------------------------------- */

static void
declare(struct sq_declaration *decl)
{
        const struct top *self = sq_declared_state(decl);
        enum sq_type type = sq_declared_field(decl, 0, self->by).type;
        struct sq_field field;

        if (self->n < 1 || self->n > TOP_MAX)
                sq_declare_error(decl, "n", "must be from 1 to %d", TOP_MAX);
        if (!sq_may_be_number(type))
                sq_declare_error(decl, "by", "the field `%s` is not a number: it is declared as %s", self->by,
                                 sq_type_name(type));
        if (self->rank)
                sq_declare_out(decl, 0, "rank", SQ_INT);
        sq_declare_in(decl, self->by, type);
        for (unsigned i = 0; (field = sq_declared_input(decl, 0, i)).name; i++)
                if (strcmp(field.name, self->by) != 0) {
                        sq_declare_in(decl, field.name, field.type);
                        sq_declare_out(decl, 0, field.name, field.type);
                }
        sq_declare_out(decl, 0, self->by, type == SQ_TEXT ? SQ_ANY : type);
}

/* ---- The order --------------------------------------------------------------------------------------- */

static int
compare_values(struct sq_value a, struct sq_value b)
{
        enum sq_order order = sq_compare_numbers(a, b);

        return order == SQ_UNORDERED ? 0 : (int)order;
}

/* Without the head of a msgpack string, whose length byte would sort short words first. */
static struct sq_str
without_head(struct sq_str key)
{
        unsigned char head = key.len ? (unsigned char)*key.ptr : 0;
        size_t skip = (head & 0xe0) == 0xa0 ? 1 : head >= 0xd9 && head <= 0xdb ? 1 + (1u << (head - 0xd9)) : 0;

        return skip <= key.len ? (struct sq_str){key.ptr + skip, key.len - skip} : key;
}

static int
compare_keys(struct sq_str a, struct sq_str b)
{
        struct sq_str x = without_head(a), y = without_head(b);
        int order = memcmp(x.ptr, y.ptr, x.len < y.len ? x.len : y.len);

        if (order == 0)
                order = (x.len > y.len) - (x.len < y.len);
        return order;
}

static struct sq_str
key_at(const struct ranked *ranked)
{
        return (struct sq_str){ranked->key, ranked->key_len};
}

/* Whether `value` under `key` stands before what is ranked there. */
static bool
before(struct sq_value value, struct sq_str key, const struct ranked *ranked)
{
        int order = compare_values(value, ranked->entry->value);

        return order > 0 || (order == 0 && compare_keys(key, key_at(ranked)) < 0);
}

static bool
is_ranked(const struct top *self, const struct entry *entry)
{
        return entry->place < self->nranked && self->ranked[entry->place].entry == entry;
}

static void
put_at(struct top *self, size_t place, struct ranked ranked)
{
        self->ranked[place] = ranked;
        ranked.entry->place = place;
}

/* Moves what stands at `place` to where it belongs. */
static void
settle(struct top *self, size_t place)
{
        struct ranked moving = self->ranked[place];
        struct sq_value value = moving.entry->value;

        for (; place > 0 && before(value, key_at(&moving), &self->ranked[place - 1]); place--)
                put_at(self, place, self->ranked[place - 1]);
        for (; place + 1 < self->nranked && !before(value, key_at(&moving), &self->ranked[place + 1]); place++)
                put_at(self, place, self->ranked[place + 1]);
        put_at(self, place, moving);
}

/* Whether the value is large enough for a place. */
static bool
belongs(const struct top *self, struct sq_value value, struct sq_str key)
{
        return self->nranked < (size_t)self->n || before(value, key, &self->ranked[self->nranked - 1]);
}

/* Takes an entry in that belongs there, its key being a copy of the caller's. */
static void
enter(struct top *self, struct ranked ranked)
{
        if (self->nranked == (size_t)self->n)
                free(self->ranked[--self->nranked].key);
        put_at(self, self->nranked++, ranked);
        settle(self, self->nranked - 1);
}

/* NULL: no memory. */
static char *
copy_of(struct sq_str key)
{
        char *copy = malloc(key.len + 1);

        if (copy && key.len)
                memcpy(copy, key.ptr, key.len);
        return copy;
}

static bool
offer_again(struct sq_task *task, struct sq_str key, void *state, void *context)
{
        struct top *self = sq_state(task);
        struct entry *entry = state;
        bool *ok = context;
        char *copy;

        if (is_ranked(self, entry) || !belongs(self, entry->value, key))
                return true;
        copy = copy_of(key);
        if (copy)
                enter(self, (struct ranked){entry, copy, key.len});
        return *ok = copy != NULL;
}

/* Mends a stale order: the last places may belong to others. False: no memory. */
static bool
refresh(struct sq_task *task, struct top *self)
{
        bool ok = true;

        if (self->stale)
                sq_keyed_each(task, offer_again, &ok);
        self->stale = !ok;
        return ok;
}

/* A new value of an entry that is ranked. */
static void
change(struct top *self, struct entry *entry, struct sq_value value)
{
        bool fell = compare_values(value, entry->value) < 0;

        entry->value = value;
        settle(self, (size_t)entry->place);
        self->stale |= fell && entry->place + 1 == self->nranked && self->nranked == (size_t)self->n;
}

/* ---- The bolt ---------------------------------------------------------------------------------------- */

static int
prepare(struct sq_task *task)
{
        struct top *self = sq_state(task);

        self->ranked = calloc((size_t)self->n, sizeof(*self->ranked));
        self->stale = true;
        return self->ranked ? 0 : sq_error(task, "no memory for the %lld largest", (long long)self->n);
}

static void
emit(struct sq_task *task, const struct top *self, size_t place)
{
        const struct ranked *ranked = &self->ranked[place];
        unsigned nkey = sq_key_size(key_at(ranked));
        struct sq_value values[] = {
                sq_int((int64_t)place + 1),
                sq_splice(key_at(ranked), nkey),
                ranked->entry->value,
        };
        unsigned first = self->rank ? 0 : 1;

        if (nkey == 0)
                values[1] = values[2];
        sq_emit_values(task, 0, (nkey ? 3 : 2) - first, values + first);
}

/* The bytes of a packed number or text. */
static size_t
packed_size(struct sq_str key)
{
        static const unsigned char sizes[] = {
                [0] = 5, [1] = 9, [2] = 2, [3] = 3, [4] = 5, [5] = 9, [6] = 2, [7] = 3, [8] = 5, [9] = 9};
        const unsigned char *at = (const unsigned char *)key.ptr;
        size_t head = key.len - without_head(key).len, len = 0;

        if (head == 0)
                return *at >= 0xca && *at <= 0xd3 ? sizes[*at - 0xca] : 1;
        for (size_t i = 1; i < head; i++)
                len = len << 8 | at[i];
        return head + (head == 1 ? *at & 31u : len);
}

static enum sq_verdict
no_memory(struct sq_task *task)
{
        return sq_fail(task, "no memory for the keys of the %lld largest",
                       (long long)((struct top *)sq_state(task))->n);
}

static enum sq_verdict
execute(struct sq_task *task, const struct sq_tuple *in)
{
        struct top *self = sq_state(task);
        struct sq_value value;
        struct sq_str key = sq_key(in);
        struct entry *entry;
        char *copy;
        size_t skip;

        if (!sq_number_of(sq_get(in, BY), &value))
                return sq_fail(task, "the field `%s` is not a number", self->by);
        skip = packed_size(key);
        key = (struct sq_str){key.ptr + skip, key.len - skip};
        entry = sq_keyed(task, key);
        if (is_ranked(self, entry)) {
                change(self, entry, value);
        } else if (!belongs(self, value, key)) {
                entry->value = value;
        } else if ((copy = copy_of(key))) {
                entry->value = value;
                enter(self, (struct ranked){entry, copy, key.len});
        } else {
                if (entry->value.type == SQ_ANY) /* it is new */
                        sq_keyed_forget(task, key);
                return no_memory(task);
        }
        if (self->emit == CHANGE) {
                if (!refresh(task, self))
                        return no_memory(task);
                if (is_ranked(self, entry))
                        emit(task, self, (size_t)entry->place);
        }
        return SQ_ACK;
}

static int
emit_all(struct sq_task *task)
{
        struct top *self = sq_state(task);

        if (!refresh(task, self))
                return sq_error(task, "no memory for the %lld largest", (long long)self->n);
        for (size_t i = 0; i < self->nranked; i++)
                emit(task, self, i);
        return 0;
}

static int
tick(struct sq_task *task)
{
        const struct top *self = sq_state(task);

        return self->emit == TICK ? emit_all(task) : 0;
}

static int
finish(struct sq_task *task)
{
        const struct top *self = sq_state(task);

        return self->emit == CHANGE ? 0 : emit_all(task);
}

static void
cleanup(struct sq_task *task)
{
        struct top *self = sq_state(task);

        for (size_t i = 0; i < self->nranked; i++)
                free(self->ranked[i].key);
        free(self->ranked);
}

/* Its rank, too, if it has one. */
static void
show(struct sq_task *task, struct sq_str key, const void *state)
{
        struct top *self = sq_state(task);
        const struct entry *entry = state;
        bool in_order = self->ranked && refresh(task, self); /* NULL: it is not prepared */

        sq_show_packed(task, key, BY + 1);
        sq_show(task, self->by, entry->value);
        if (in_order && is_ranked(self, entry))
                sq_show(task, "rank", sq_int((int64_t)entry->place + 1));
}

SQ_BOLT(top) = {
        .about = "The N largest by one field; the latest value for each combination of the other fields counts.",
        .state = sizeof(struct top),
        .key_state = sizeof(struct entry),
        .options =
                {
                        SQ_OPT_INT(struct top, n, 10, "how many"),
                        SQ_OPT_STR(struct top, by, "count", "the field to rank by, a number or text that reads as one"),
                        SQ_OPT_ENUM(
                                struct top, emit, "change|end|tick", "end",
                                "change: each tuple that is among the largest as it comes; end: all in order at the drain; tick: all at each tick"),
                        SQ_OPT_BOOL(struct top, rank, false, "put the rank, from 1, before the fields"),
                },
        .declare = declare,
        .prepare = prepare,
        .execute = execute,
        .tick = tick,
        .finish = finish,
        .cleanup = cleanup,
        .show = show,
};

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
 * Ties: the smaller key first, compared as text.
 */
#include <squall-kit.h>
#include <stdlib.h>
#include <string.h>

enum { BY };
enum { CHANGE, END, TICK };
enum { TOP_MAX = 100000 };

struct entry {
        struct sq_value value;
        char *key;               /* while it is ranked */
        uint32_t key_len, place; /* place + 1; 0: not ranked */
};

struct top {
        int64_t n, emit;
        const char *by;
        bool rank;

        struct entry **ranked;
        size_t nranked;
        bool stale;
        uint16_t nkey; /* fields of the key */
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
        if (type != SQ_ANY && type != SQ_STR && type != SQ_INT && type != SQ_UINT && type != SQ_FLOAT)
                sq_declare_error(decl, "by", "the field `%s` is not a number", self->by);
        if (self->rank)
                sq_declare_out(decl, 0, "rank", SQ_INT);
        sq_declare_in(decl, self->by, type);
        for (unsigned i = 0; (field = sq_declared_input(decl, 0, i)).name; i++)
                if (strcmp(field.name, self->by) != 0) {
                        sq_declare_in(decl, field.name, field.type);
                        sq_declare_out(decl, 0, field.name, field.type);
                }
        sq_declare_out(decl, 0, self->by, type == SQ_STR ? SQ_ANY : type);
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

/* Whether `value` under `key` stands before the entry. */
static bool
before(struct sq_value value, struct sq_str key, const struct entry *entry)
{
        int order = compare_values(value, entry->value);

        return order > 0 || (order == 0 && compare_keys(key, (struct sq_str){entry->key, entry->key_len}) < 0);
}

static void
put_at(struct top *self, size_t place, struct entry *entry)
{
        self->ranked[place] = entry;
        entry->place = (uint32_t)place + 1;
}

/* Moves the entry to where it belongs among the ranked. */
static void
settle(struct top *self, struct entry *entry)
{
        struct sq_str key = {entry->key, entry->key_len};
        size_t place = entry->place - 1;

        for (; place > 0 && before(entry->value, key, self->ranked[place - 1]); place--)
                put_at(self, place, self->ranked[place - 1]);
        for (; place + 1 < self->nranked && !before(entry->value, key, self->ranked[place + 1]); place++)
                put_at(self, place, self->ranked[place + 1]);
        put_at(self, place, entry);
}

static void
unrank(struct entry *entry)
{
        free(entry->key);
        entry->key = NULL;
        entry->place = 0;
}

/* Takes an entry in if it is large enough. False: no memory. */
static bool
offer(struct top *self, struct entry *entry, struct sq_str key)
{
        bool full = self->nranked == (size_t)self->n;
        char *copy;

        if (full && !before(entry->value, key, self->ranked[self->nranked - 1]))
                return true;
        copy = malloc(key.len + 1);
        if (!copy)
                return false;
        memcpy(copy, key.ptr, key.len);
        if (full)
                unrank(self->ranked[--self->nranked]);
        entry->key = copy;
        entry->key_len = (uint32_t)key.len;
        put_at(self, self->nranked++, entry);
        settle(self, entry);
        return true;
}

static bool
offer_again(struct sq_task *task, struct sq_str key, void *state, void *context)
{
        struct entry *entry = state;

        (void)task;
        return entry->place > 0 || offer(context, entry, key);
}

/* Mends a stale order: the last places may belong to others. */
static void
refresh(struct sq_task *task, struct top *self)
{
        if (self->stale)
                sq_keyed_each(task, offer_again, self);
        self->stale = false;
}

/* ---- The bolt ---------------------------------------------------------------------------------------- */

static int
prepare(struct sq_task *task)
{
        struct top *self = sq_state(task);

        self->ranked = calloc((size_t)self->n, sizeof(struct entry *));
        return self->ranked ? 0 : sq_error(task, "no memory for the %lld largest", (long long)self->n);
}

static void
emit(struct sq_task *task, const struct top *self, const struct entry *entry)
{
        struct sq_value values[] = {
                sq_int(entry->place),
                sq_splice((struct sq_str){entry->key, entry->key_len}, self->nkey),
                entry->value,
        };
        unsigned first = self->rank ? 0 : 1;

        if (self->nkey == 0)
                values[1] = values[2];
        sq_emit_values(task, 0, (self->nkey ? 3 : 2) - first, values + first);
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
execute(struct sq_task *task, const struct sq_tuple *in)
{
        struct top *self = sq_state(task);
        struct sq_value value;
        struct sq_str key = sq_key(in);
        struct entry *entry;
        size_t skip;

        if (!sq_number_of(sq_get(in, BY), &value))
                return sq_fail(task, "the field `%s` is not a number", self->by);
        skip = packed_size(key);
        key = (struct sq_str){key.ptr + skip, key.len - skip};
        self->nkey = (uint16_t)(sq_tuple_size(in) - 1);
        entry = sq_keyed(task, key);
        if (entry->place > 0) {
                bool fell = compare_values(value, entry->value) < 0;

                entry->value = value;
                settle(self, entry);
                self->stale |= fell && entry->place == self->nranked && self->nranked == (size_t)self->n;
        } else {
                entry->value = value;
                if (!offer(self, entry, key))
                        return sq_fail(task, "no memory for a key of %zu bytes", key.len);
        }
        if (self->emit == CHANGE) {
                refresh(task, self);
                if (entry->place > 0)
                        emit(task, self, entry);
        }
        return SQ_ACK;
}

static int
emit_all(struct sq_task *task)
{
        struct top *self = sq_state(task);

        refresh(task, self);
        for (size_t i = 0; i < self->nranked; i++)
                emit(task, self, self->ranked[i]);
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
                free(self->ranked[i]->key);
        free(self->ranked);
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
};

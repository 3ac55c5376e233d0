/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bolt `join`: one tuple of each of two inputs that agree in a field, as Storm's SingleJoinBolt. The first to come
 * is kept, and acked when the second has come; what waits longer than `timeout` goes out on the stream `unmatched`. So
 * nothing is lost when a worker dies: what was kept was not acked, and its spout emits it again.
 */
#include <squall.h>
#include <string.h>

enum { KEY };
enum { LEFT, RIGHT, SIDES };
enum { UNMATCHED = 1 };

struct join {
        const char *by;
        double timeout;
};

/* What has come for one key. */
struct pair {
        struct sq_kept *kept[SIDES];
        uint64_t since;
};

static void
declare(struct sq_declaration *decl)
{
        const struct join *self = sq_declared_state(decl);
        struct sq_field field;

        if (sq_declared_inputs(decl) != SIDES)
                sq_declare_error(decl, NULL, "it joins two inputs, and has %u", sq_declared_inputs(decl));
        sq_declare_in(decl, self->by, SQ_ANY);
        sq_declare_out(decl, 0, self->by, SQ_ANY);
        for (unsigned side = 0; side < SIDES; side++)
                for (unsigned i = 0; (field = sq_declared_input(decl, side, i)).name; i++)
                        if (strcmp(field.name, self->by) != 0)
                                sq_declare_out(decl, 0, field.name, field.type);
        sq_declare_out(decl, UNMATCHED, self->by, SQ_ANY);
        sq_declare_out(decl, UNMATCHED, "input", SQ_STR);
}

/* The fields of both, the one they are joined by once. */
static void
emit_joined(struct sq_task *task, struct sq_value key, const struct pair *pair)
{
        const struct join *self = sq_state(task);
        struct sq_value values[2 * SQ_FIELDS_MAX];
        size_t n = 0;

        values[n++] = key;
        for (int side = 0; side < SIDES; side++) {
                const struct sq_tuple *tuple = sq_kept_tuple(pair->kept[side]);
                for (unsigned i = 0; i < sq_tuple_size(tuple); i++)
                        if (strcmp(sq_tuple_name(tuple, i), self->by) != 0)
                                values[n++] = sq_tuple_get(tuple, i);
                sq_anchor(task, pair->kept[side]);
        }
        sq_emit_values(task, 0, n, values);
}

static enum sq_verdict
execute(struct sq_task *task, const struct sq_tuple *in)
{
        unsigned side = sq_source_input(in);
        struct pair *pair = sq_keyed(task, sq_key(in));

        if (pair->kept[side]) /* the same once more: a replay */
                sq_ack_kept(task, &pair->kept[side]);
        pair->kept[side] = sq_keep(task, in);
        pair->since = sq_now(task);
        if (pair->kept[!side]) {
                emit_joined(task, sq_get(in, KEY), pair);
                sq_ack_kept(task, &pair->kept[LEFT]);
                sq_ack_kept(task, &pair->kept[RIGHT]);
                sq_keyed_forget(task, sq_key(in));
        }
        return SQ_KEEP;
}

/* `context`: whether all must go. */
static bool
expire(struct sq_task *task, struct sq_str key, void *state, void *context)
{
        const struct join *self = sq_state(task);
        const bool *all = context;
        struct pair *pair = state;

        if (!*all && sq_now(task) < pair->since + (uint64_t)(self->timeout * 1e9))
                return true;
        for (int side = 0; side < SIDES; side++) {
                if (!pair->kept[side])
                        continue;
                const struct sq_tuple *tuple = sq_kept_tuple(pair->kept[side]);
                sq_anchor(task, pair->kept[side]);
                sq_emit_on(task, UNMATCHED, sq_get(tuple, KEY), sq_source_component(tuple));
                sq_unanchor(task);
                sq_ack_kept(task, &pair->kept[side]);
        }
        sq_count(task, "unmatched", 1);
        sq_keyed_forget(task, key);
        return true;
}

static int
tick(struct sq_task *task)
{
        bool all = false;

        sq_keyed_each(task, expire, &all);
        return 0;
}

static int
finish(struct sq_task *task)
{
        bool all = true;

        sq_keyed_each(task, expire, &all);
        return 0;
}

SQ_BOLT(join) = {
        .about = "Joins two inputs by a field, within a time.",
        .state = sizeof(struct join),
        .key_state = sizeof(struct pair),
        .state_is_volatile = true, /* it holds pointers; what was kept was not acked */
        .options = {SQ_REQ_STR(struct join, by, "the field that both inputs have"),
                    SQ_OPT_FLOAT(struct join, timeout, 5, "seconds that a tuple waits for its other half")},
        .streams = {{.id = "unmatched"}},
        .declare = declare,
        .execute = execute,
        .tick = tick,
        .finish = finish,
};

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
        struct sq_time due; /* when the first half has waited long enough */
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

static struct sq_time
after(struct sq_time time, double seconds)
{
        int64_t whole = (int64_t)seconds, nsec = (int64_t)time.nsec + (int64_t)((seconds - (double)whole) * 1e9);

        return (struct sq_time){time.sec + whole + nsec / 1000000000, (uint32_t)(nsec % 1000000000)};
}

static enum sq_verdict
execute(struct sq_task *task, const struct sq_tuple *in)
{
        const struct join *self = sq_state(task);
        unsigned side = sq_source_input(in);
        struct pair *pair = sq_keyed(task, sq_key(in));

        if (pair->kept[side]) /* the same once more: a replay */
                sq_ack_kept(task, &pair->kept[side]);
        pair->kept[side] = sq_keep(task, in);
        if (!pair->kept[!side]) {
                sq_timer_cancel(task, sq_key(in), pair->due);
                pair->due = after(sq_wall(task), self->timeout);
                sq_timer_set(task, sq_key(in), pair->due);
        } else {
                emit_joined(task, sq_get(in, KEY), pair);
                sq_ack_kept(task, &pair->kept[LEFT]);
                sq_ack_kept(task, &pair->kept[RIGHT]);
                sq_keyed_forget(task, sq_key(in));
        }
        return SQ_KEEP;
}

static void
give_up(struct sq_task *task, struct sq_str key, struct pair *pair)
{
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
}

static int
timer(struct sq_task *task, struct sq_str key, struct sq_time time)
{
        (void)time;
        give_up(task, key, sq_keyed(task, key));
        return 0;
}

static bool
give_up_all(struct sq_task *task, struct sq_str key, void *state, void *context)
{
        (void)context;
        give_up(task, key, state);
        return true;
}

static int
finish(struct sq_task *task)
{
        sq_keyed_each(task, give_up_all, NULL);
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
        .finish = finish,
        .timer = timer,
};

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bolt `throttle`: so many tuples in a time, for each key or for all; what is more is surplus, and does not wait.
 *
 * It is the generic cell rate algorithm (ITU-T I.371), a bucket of `burst` tuples that fills evenly, as one number: the
 * time at which the bucket is full again. Each tuple moves it one interval further, and one that would move it more
 * than `burst` intervals beyond now is surplus:
 *
 *     interval = per / rate                     |---- at most burst * interval ----|
 *                                              now        full                  surplus
 *
 * A key is forgotten when its bucket is full.
 */
#include <squall-kit.h>

enum { PASSED, SURPLUS }; /* streams */
enum { DROP, STREAM, DEAD_LETTER };
enum { SECOND = 1000000000, INTERVAL_MIN = 1000 };

static const int64_t LENGTH_MAX = 1000000000000000000; /* of a whole bucket */

/* The state of a key. */
struct bucket {
        int64_t full; /* when; ns since 1970 */
};

struct throttle {
        int64_t rate, burst, surplus;
        const char *per;
        struct sq_list by;

        int64_t interval_ns, burst_ns;
        struct bucket all; /* without `by`; begins full with each task */
};

/* ---- The declaration --------------------------------------------------------------------------------- */

static int64_t
burst_of(const struct throttle *self)
{
        return self->burst ? self->burst : self->rate;
}

static void
declare_pace(struct sq_declaration *decl, const struct throttle *self)
{
        int64_t per = 0;

        if (self->rate < 1)
                sq_declare_error(decl, "rate", "must be 1 or more");
        else if (!sq_read_duration(self->per, &per))
                sq_declare_error(decl, "per", "must be a time (500ms, 10s, 5m, 1h, 1d)");
        else if (per / self->rate < INTERVAL_MIN)
                sq_declare_error(decl, "rate", "must not be above a million a second");
        else if (self->burst < 0 || burst_of(self) > LENGTH_MAX / (per / self->rate))
                sq_declare_error(decl, "burst", "must be from 1 to what comes in thirty years");
}

static void
declare(struct sq_declaration *decl)
{
        const struct throttle *self = sq_declared_state(decl);

        declare_pace(decl, self);
        for (size_t i = 0; i < self->by.n; i++)
                sq_declare_in(decl, self->by.items[i], sq_declared_field(decl, 0, self->by.items[i]).type);
        sq_declare_passing_on(decl, PASSED);
        if (self->surplus == STREAM)
                sq_declare_passing_on(decl, SURPLUS);
}

/* Without keys each task has its share of the pace. */
static int
prepare(struct sq_task *task)
{
        struct throttle *self = sq_state(task);
        int64_t tasks = self->by.n ? 1 : (int64_t)sq_parallelism(task), burst = burst_of(self) / tasks, per = 0;

        (void)sq_read_duration(self->per, &per);
        self->interval_ns = per / self->rate * tasks;
        self->burst_ns = self->interval_ns * (burst > 1 ? burst : 1);
        return 0;
}

/* ---- A tuple ----------------------------------------------------------------------------------------- */

static struct sq_time
time_of(int64_t ns)
{
        return (struct sq_time){ns / SECOND, (uint32_t)(ns % SECOND)};
}

static int64_t
now_of(const struct sq_task *task)
{
        struct sq_time wall = sq_wall(task);

        return wall.sec * SECOND + wall.nsec;
}

/* When the bucket is full with one tuple more taken out. A clock that was put back leaves an empty bucket, and no
 * emptier one. */
static int64_t
full_after(const struct throttle *self, const struct bucket *bucket, int64_t now)
{
        int64_t full = bucket->full;

        if (full < now)
                full = now;
        if (full > now + self->burst_ns)
                full = now + self->burst_ns;
        return full + self->interval_ns;
}

static enum sq_verdict
refuse(struct sq_task *task, const struct sq_tuple *in)
{
        const struct throttle *self = sq_state(task);

        sq_count(task, "surplus", 1);
        if (self->surplus == STREAM)
                sq_emit_tuple(task, SURPLUS, in);
        if (self->surplus != DEAD_LETTER)
                return SQ_ACK;
        return sq_refuse_tuple(task, in, "%s: more than %lld per %s", sq_component(task), (long long)self->rate,
                               self->per);
}

/* `key`: NULL without keys. */
static enum sq_verdict
take(struct sq_task *task, const struct sq_tuple *in, struct bucket *bucket, const struct sq_str *key)
{
        const struct throttle *self = sq_state(task);
        int64_t now = now_of(task), full = full_after(self, bucket, now);

        if (full > now + self->burst_ns)
                return refuse(task, in);
        if (key && bucket->full == 0)
                sq_timer_set(task, *key, time_of(full));
        bucket->full = full;
        sq_emit_tuple(task, PASSED, in);
        return SQ_ACK;
}

static enum sq_verdict
execute(struct sq_task *task, const struct sq_tuple *in)
{
        struct throttle *self = sq_state(task);
        struct sq_str key;

        if (self->by.n == 0)
                return take(task, in, &self->all, NULL);
        key = sq_key_of(in, (unsigned)self->by.n);
        return take(task, in, sq_keyed(task, key), &key);
}

/* A key has one timer: what has come since it was set moves it on. */
static int
timer(struct sq_task *task, struct sq_str key, struct sq_time time)
{
        const struct bucket *bucket = sq_keyed(task, key);

        if (bucket->full > time.sec * SECOND + time.nsec)
                sq_timer_set(task, key, time_of(bucket->full));
        else
                sq_keyed_forget(task, key);
        return 0;
}

static void
show(struct sq_task *task, struct sq_str key, const void *state)
{
        const struct bucket *bucket = state;

        sq_show_packed(task, key, 0);
        sq_show(task, "full", sq_time(time_of(bucket->full)));
}

SQ_BOLT(throttle) = {
        .about = "Passes on so many tuples in a time, for each key or for all.",
        .state = sizeof(struct throttle),
        .key_state = sizeof(struct bucket),
        .options =
                {
                        SQ_REQ_INT(struct throttle, rate, "how many tuples"),
                        SQ_OPT_STR(struct throttle, per, "1s", "in which time (500ms, 10s, 5m, 1h, 1d)"),
                        SQ_OPT_LIST(struct throttle, by,
                                    "the fields whose combinations have the rate each; default: none, all together"),
                        SQ_OPT_INT(struct throttle, burst, 0, "how many may come at once after a pause; 0: `rate`"),
                        SQ_OPT_ENUM(struct throttle, surplus, "drop|stream|dead-letter", "drop",
                                    "tuples beyond it, which are counted: drop; stream: they go out on the stream "
                                    "`surplus`; dead-letter: to topology.dead.letter.path"),
                },
        .streams = {{.id = "surplus"}},
        .declare = declare,
        .prepare = prepare,
        .execute = execute,
        .timer = timer,
        .show = show,
};

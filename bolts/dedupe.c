/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bolt `dedupe`: the first tuple of each key, and after the time `within` the next one.
 *
 * By event time a tuple is a duplicate when one of its key that went out has a time less than `within` away, before or
 * after it, in whatever order they come. A time is kept until the watermark has gone `within` past it: no tuple that is
 * not late can be its duplicate then. So a key holds more than one time only while tuples are further out of order than
 * `within`; all but the latest to come are in an array of its own.
 *
 * The keys that went out are the state. Under at-least-once a tuple that failed further on would come again, and be
 * taken for a duplicate of itself, so that delivery is refused.
 */
#include <squall-kit.h>

enum { BY_EVENT, BY_WALL };
enum { PASSED, LATE }; /* streams */
enum { EARLIER };      /* the array of the key */
enum { SECOND = 1000000000 };

struct dedupe {
        struct sq_list by;
        const char *within;
        int64_t time;

        int64_t within_ns;
        bool event_time;
};

/* The state of a key. */
struct passed {
        int64_t time; /* of the last tuple that went out */
        uint64_t duplicates;
};

/* ---- The declaration --------------------------------------------------------------------------------- */

static void
declare(struct sq_declaration *decl)
{
        const struct dedupe *self = sq_declared_state(decl);
        const char *time;
        int64_t ns;

        if (sq_declared_at_least_once(decl))
                sq_declare_error(decl, NULL,
                                 "a tuple that fails further on would come again, be taken for a duplicate, and be "
                                 "lost: write 'topology.delivery: exactly-once', or at-most-once");
        if (self->by.n == 0)
                sq_declare_error(decl, "by", "must name a field: what has equal values there is a duplicate");
        if (!sq_read_duration(self->within, &ns))
                sq_declare_error(decl, "within", "must be a time (500ms, 10s, 5m, 1h, 1d)");
        for (size_t i = 0; i < self->by.n; i++)
                sq_declare_in(decl, self->by.items[i], sq_declared_field(decl, 0, self->by.items[i]).type);
        time = self->time == BY_EVENT ? sq_declared_event_time(decl) : NULL;
        if (time)
                sq_declare_in(decl, time, sq_declared_field(decl, 0, time).type);
        sq_declare_passing_on(decl, PASSED);
        sq_declare_passing_on(decl, LATE);
}

/* Event time has a field of its own, behind those of the key. */
static int
prepare(struct sq_task *task)
{
        struct dedupe *self = sq_state(task);

        (void)sq_read_duration(self->within, &self->within_ns);
        self->event_time = sq_input_field(task, (unsigned)self->by.n).name != NULL;
        return 0;
}

/* ---- Times of a key ---------------------------------------------------------------------------------- */

static int64_t
plus(int64_t time, int64_t ns)
{
        int64_t sum;

        return __builtin_add_overflow(time, ns, &sum) ? SQ_END_OF_TIME : sum;
}

static bool
is_near(int64_t a, int64_t b, int64_t within_ns)
{
        int64_t low = a < b ? a : b, high = a < b ? b : a;

        return high < plus(low, within_ns);
}

static bool
is_duplicate(struct sq_task *task, const struct passed *passed, int64_t time)
{
        const struct dedupe *self = sq_state(task);
        const int64_t *earlier;

        if (is_near(passed->time, time, self->within_ns))
                return true;
        for (size_t i = 0; (earlier = sq_array_at(task, passed, EARLIER, i)); i++)
                if (is_near(*earlier, time, self->within_ns))
                        return true;
        return false;
}

/* Looks at the key again when `time` can have no duplicate any more. */
static void
watch(struct sq_task *task, struct sq_str key, int64_t time)
{
        const struct dedupe *self = sq_state(task);
        int64_t end = plus(time, self->within_ns);

        if (self->event_time)
                sq_event_timer_set(task, key, end);
        else
                sq_timer_set(task, key, (struct sq_time){end / SECOND, (uint32_t)(end % SECOND)});
}

/* Lets go of the times that are over at `now`. Those that stay are watched already, but for those of a time in which
 * `within` or `time` was another. */
static void
forget_earlier(struct sq_task *task, struct sq_str key, const struct passed *passed, int64_t now)
{
        const struct dedupe *self = sq_state(task);
        int64_t *earlier;

        for (size_t i = 0; (earlier = sq_array_at(task, passed, EARLIER, i));) {
                if (plus(*earlier, self->within_ns) <= now) {
                        *earlier = *(const int64_t *)sq_array_at(task, passed, EARLIER, 0);
                        sq_array_drop(task, passed, EARLIER, 1);
                } else {
                        watch(task, key, *earlier);
                        i++;
                }
        }
}

static void
forget(struct sq_task *task, struct sq_str key, int64_t now)
{
        const struct dedupe *self = sq_state(task);
        struct passed *passed = sq_keyed(task, key);
        const int64_t *earlier;

        forget_earlier(task, key, passed, now);
        if (plus(passed->time, self->within_ns) > now) {
                watch(task, key, passed->time);
                return;
        }
        earlier = sq_array_at(task, passed, EARLIER, 0);
        if (earlier) {
                passed->time = *earlier;
                sq_array_drop(task, passed, EARLIER, 1);
        } else {
                sq_keyed_forget(task, key);
        }
}

static int
timer(struct sq_task *task, struct sq_str key, struct sq_time time)
{
        forget(task, key, time.sec * SECOND + time.nsec);
        return 0;
}

static int
event_timer(struct sq_task *task, struct sq_str key, int64_t time_ns)
{
        forget(task, key, time_ns);
        return 0;
}

/* ---- A tuple ----------------------------------------------------------------------------------------- */

static void
let_pass(struct sq_task *task, const struct sq_tuple *in, struct sq_str key, bool is_new, int64_t time)
{
        struct passed *passed = sq_keyed(task, key);

        if (!is_new)
                *(int64_t *)sq_array_push(task, passed, EARLIER, sizeof(int64_t)) = passed->time;
        passed->time = time;
        watch(task, key, time);
        sq_emit_tuple(task, PASSED, in);
}

static enum sq_verdict
execute(struct sq_task *task, const struct sq_tuple *in)
{
        const struct dedupe *self = sq_state(task);
        struct sq_time wall = sq_wall(task);
        int64_t time = wall.sec * SECOND + wall.nsec;
        struct sq_str key;
        const struct passed *passed;

        if (self->event_time && !sq_event_time(in, &time))
                return sq_refuse_untimed(task, in);
        key = sq_key_of(in, (unsigned)self->by.n);
        passed = sq_keyed_peek(task, key);
        if (passed && is_duplicate(task, passed, time)) {
                ((struct passed *)sq_keyed(task, key))->duplicates++;
                sq_count(task, "duplicates", 1);
        } else if (self->event_time && time < sq_watermark(task)) {
                sq_count(task, "late", 1);
                sq_emit_tuple(task, LATE, in);
        } else {
                let_pass(task, in, key, !passed, time);
        }
        return SQ_ACK;
}

static void
show(struct sq_task *task, struct sq_str key, const void *state)
{
        const struct passed *passed = state;
        int64_t sec = passed->time / SECOND - (passed->time % SECOND < 0);

        sq_show_packed(task, key, 0);
        sq_show(task, "passed", sq_time((struct sq_time){sec, (uint32_t)(passed->time - sec * SECOND)}));
        sq_show(task, "duplicates", sq_uint(passed->duplicates));
}

SQ_BOLT(dedupe) = {
        .about = "Passes on the first tuple of each key, and drops its duplicates within a time.",
        .state = sizeof(struct dedupe),
        .key_state = sizeof(struct passed),
        .options =
                {
                        SQ_REQ_LIST(struct dedupe, by, "the fields of the key: a tuple with equal ones is a duplicate"),
                        SQ_REQ_STR(
                                struct dedupe, within,
                                "how long a key is remembered (500ms, 10s, 5m, 1h, 1d), from the tuple that went out; "
                                "duplicates are dropped, and counted"),
                        SQ_OPT_ENUM(struct dedupe, time, "event|wall", "event",
                                    "event: by the event time, where the input has one, else as wall: by the time of "
                                    "day; what comes too late to tell goes out on the stream `late`"),
                },
        .streams = {{.id = "late"}},
        .declare = declare,
        .prepare = prepare,
        .execute = execute,
        .timer = timer,
        .event_timer = event_timer,
        .show = show,
};

/* SPDX-License-Identifier: Apache-2.0 */
#include "joins/join.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "windows/windows.h"

static struct sqi_join *
join_of(struct sq_task *task)
{
        const struct sq_joining *settings = sq_state(task);

        return settings->run;
}

/* ---- The life of a task ------------------------------------------------------------------------------ */

static uint64_t
hash_text(uint64_t hash, const char *text)
{
        return sq_mix(hash * 31 + sq_bag_hash(sq_text(text)));
}

/* Of all that decides what the bytes of a key mean. */
static uint64_t
layout_of(const struct sqi_join *join)
{
        const struct sqi_join_plan *plan = &join->plan;
        uint64_t hash = sq_mix(plan->by + 1) + join->sides.n;

        hash = sq_mix(hash + (uint64_t)plan->low) + (uint64_t)plan->high;
        hash = sq_mix(hash + (uint64_t)plan->rule.size) + (uint64_t)plan->rule.slide;
        hash = sq_mix(hash + (uint64_t)plan->rule.offset) + (uint64_t)plan->rule.gap;
        hash = sq_mix(hash + (join->event_time ? 1 : 0) + 2 * join->left);
        for (unsigned s = 0; s < join->sides.n; s++) {
                const struct sqi_side *side = &join->sides.all[s];

                hash = hash_text(hash, side->name);
                for (size_t k = 0; k < join->sides.nkeys; k++)
                        hash = hash_text(hash, side->keys[k]);
                for (size_t i = 0; i < side->n; i++)
                        hash = hash_text(hash, side->input->fields[side->places[i]].name);
        }
        return hash | 1;
}

static const struct sqi_join_kind *
kind_of(const struct sqi_join_plan *plan)
{
        if (plan->by == SQI_BY_INTERVAL)
                return &sqi_join_interval;
        if (plan->by == SQI_BY_TABLE)
                return &sqi_join_table;
        return plan->rule.kind == SQI_SESSIONS ? &sqi_join_sessions : &sqi_join_windows;
}

int
sq_join_prepare(struct sq_task *task)
{
        struct sq_joining *settings = sq_state(task);
        struct sqi_join *join = calloc(1, sizeof(*join));
        char wrong[SQI_WRONG_MAX];
        const char *option, *why;

        if (!join)
                return sq_error(task, "no memory for a join");
        settings->run = join;
        join->task = task;
        join->settings = settings;
        join->now = SQ_NO_WATERMARK;
        join->packed.format = SQ_FORMAT_MSGPACK;
        why = sqi_join_read(settings, &join->plan, &option);
        sqi_join_inputs_prepared(task, &join->inputs);
        if (!why && !sqi_sides_read(&join->inputs, &settings->by, &join->sides, wrong))
                why = wrong;
        if (why)
                return sq_error(task, "%s", why);
        if (settings->table)
                join->left = !sqi_sides_find(&join->sides, settings->table);
        join->timed_key = sq_input_field(task, (unsigned)join->sides.nkeys).name != NULL;
        join->event_time = settings->time == SQI_BY_EVENT && (!settings->table || join->timed_key);
        join->kind = kind_of(&join->plan);
        join->layout = layout_of(join);
        sqi_join_hold_back(join);
        return 0;
}

void
sq_join_cleanup(struct sq_task *task)
{
        struct sq_joining *settings = sq_state(task);

        if (settings->run)
                sq_encoder_free(&settings->run->packed);
        free(settings->run);
        settings->run = NULL;
}

/* ---- Its timer --------------------------------------------------------------------------------------- */

static void
set_timer(const struct sqi_join *join, int64_t at)
{
        if (join->event_time)
                sq_event_timer_set(join->task, join->by, at);
        else
                sq_timer_set(join->task, join->by, sqi_windows_time(at));
}

static void
cancel_timer(const struct sqi_join *join)
{
        if (join->event_time)
                sq_event_timer_cancel(join->task, join->by, join->key->armed);
        else
                sq_timer_cancel(join->task, join->by, sqi_windows_time(join->key->armed));
}

/* A timer that comes too early finds nothing, and is set anew: so it is not moved by each row. A key that holds
 * nothing is forgotten. */
static void
settle(struct sqi_join *join)
{
        struct sqi_join_key *key = join->key;
        struct sqi_due due = join->kind->next(join);
        int64_t at = sqi_plus(due.at, join->plan.lateness);

        if (!sqi_join_first(join, SQ_NO_WATERMARK).any) {
                sq_keyed_forget(join->task, join->by);
                return;
        }
        if (!due.any || (key->set && key->armed <= at))
                return;
        if (key->set)
                cancel_timer(join);
        set_timer(join, at);
        key->armed = at;
        key->set = true;
}

/* ---- Time -------------------------------------------------------------------------------------------- */

static int64_t
less_lateness(const struct sqi_join *join, int64_t time)
{
        return time == SQ_NO_WATERMARK || time == SQ_END_OF_TIME ? time : sqi_plus(time, -join->plan.lateness);
}

/* The time of day does not go back. */
static void
look_at_clock(struct sqi_join *join)
{
        struct sq_time wall = sq_wall(join->task);
        int64_t ns = wall.sec * 1000000000 + wall.nsec;

        if (join->event_time)
                join->now = less_lateness(join, sq_watermark(join->task));
        else if (ns > join->now)
                join->now = ns;
}

static int
run_timer(struct sq_task *task, struct sq_str by, int64_t time)
{
        struct sqi_join *join = join_of(task);

        join->now = less_lateness(join, time);
        sqi_join_find(join, by);
        if (join->key->armed == time)
                join->key->set = false;
        join->kind->due(join);
        settle(join);
        return 0;
}

int
sq_join_event_timer(struct sq_task *task, struct sq_str by, int64_t time_ns)
{
        return run_timer(task, by, time_ns);
}

int
sq_join_timer(struct sq_task *task, struct sq_str by, struct sq_time time)
{
        return run_timer(task, by, time.sec * 1000000000 + time.nsec);
}

static bool
finish_key(struct sq_task *task, struct sq_str by, void *state, void *context)
{
        struct sqi_join *join = context;

        (void)task;
        sqi_join_hold(join, by, state);
        join->kind->finish(join);
        return true;
}

/* By event time all has been told at the end of time, and before it, in a drain, nothing is to be. */
int
sq_join_finish(struct sq_task *task)
{
        struct sqi_join *join = join_of(task);

        look_at_clock(join);
        if (!join->event_time)
                sq_keyed_each(task, finish_key, join);
        return 0;
}

/* ---- A row ------------------------------------------------------------------------------------------- */

/* The values that are not of the key, one behind the other: those of the array that is the one value of a map. */
static bool
pack(struct sqi_join *join, const struct sqi_side *side, const struct sq_tuple *in, struct sqi_arrival *ret)
{
        static const char *const name[] = {""};
        struct sq_value values[SQ_FIELDS_MAX], all;
        size_t head = 2 + (side->n < 16 ? 1 : 3), given = 0;

        for (size_t i = 0; i < side->n; i++) {
                values[i] = sq_tuple_get(in, side->places[i]);
                given += values[i].type != SQ_NIL;
        }
        all = sq_array(values, side->n);
        join->packed.len = 0;
        if (sq_encode_values(&join->packed, 1, name, &all) < 0)
                return false;
        ret->values = (struct sq_str){join->packed.bytes + head, join->packed.len - head};
        ret->is_empty = given == join->timed_key && side->n > given;
        return true;
}

static void
leave_out(struct sqi_join *join, const struct sqi_arrival *arrival)
{
        struct sqi_joined joined = {
                .windowed = join->plan.by == SQI_BY_WINDOWS, .outside = true, .time = arrival->time};

        joined.rows[arrival->side] = arrival->values;
        sq_count(join->task, "late", 1);
        sqi_join_emit_alone(join, SQI_TOO_LATE, &joined, arrival->side);
}

/* Is all that its row may meet between the ends of int64? */
static bool
has_room(const struct sqi_join_plan *plan, int64_t time)
{
        int64_t apart = plan->high > -plan->low ? plan->high : -plan->low;

        return sqi_has_room(time, plan->rule.size + plan->rule.slide + plan->rule.gap + (apart > 0 ? apart : 0),
                            plan->lateness + plan->wait);
}

enum sq_verdict
sq_join_execute(struct sq_task *task, const struct sq_tuple *in)
{
        struct sqi_join *join = join_of(task);
        struct sqi_arrival arrival = {.side = (unsigned)sqi_sides_of_input(&join->sides, sq_source_input(in))};
        const struct sqi_side *side = &join->sides.all[arrival.side];

        look_at_clock(join);
        arrival.time = join->now;
        if (join->event_time && !sq_event_time(in, &arrival.time))
                return sq_refuse_untimed(task, in);
        if (join->event_time && !has_room(&join->plan, arrival.time))
                return sq_refuse_tuple(
                        task, in,
                        "%s: the event time of a row of '%s' is too near to an end of all times, 1677 and 2262, for what "
                        "it may be joined with",
                        sq_component(task), side->name);
        if (!pack(join, side, in, &arrival))
                return sq_retry_later(task, "no memory for a row");
        sqi_join_find(join, join->timed_key ? sq_key_of(in, (unsigned)join->sides.nkeys) : sq_key(in));
        if (!join->kind->add(join, &arrival))
                leave_out(join, &arrival);
        settle(join);
        return SQ_ACK;
}

/* ---- State that was written down --------------------------------------------------------------------- */

static bool
check_key(struct sq_task *task, struct sq_str by, void *state, void *context)
{
        const struct sqi_join_key *key = state;
        bool *same = context;

        (void)by;
        *same = key->layout == join_of(task)->layout;
        return *same;
}

int
sq_join_restored(struct sq_task *task)
{
        bool same = true;

        sq_keyed_each(task, check_key, &same);
        return same ? 0
                    : sq_error(task, "its keyed state is of a join with other settings, or of inputs with other fields "
                                     "(leave those that say what is joined as they are; or kill the topology and "
                                     "submit it anew)");
}

void
sq_join_show(struct sq_task *task, struct sq_str by, const void *state)
{
        uint64_t rows = 0;

        for (unsigned side = 0; side < SQI_SIDES_MAX; side++)
                rows += sqi_join_rows_count(task, state, side);
        sq_show_packed(task, by, 0);
        sq_show(task, "rows", sq_uint(rows));
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "windows/windows.h"

#include <errno.h>
#include <stdlib.h>

#include "windows/panes.h"

/* ---- Prepare ----------------------------------------------------------------------------------------- */

static struct sqi_windows *
run_of(struct sq_task *task)
{
        const struct sq_windows *settings = sq_state(task);

        return settings->run;
}

static void
free_run(struct sqi_windows *run)
{
        sqi_key_totals_end(run);
        free(run->merged);
        free(run);
}

static size_t
lay_out(struct sqi_windows *run)
{
        struct sqi_columns columns;
        size_t size = run->own ? (run->own->size + 7) / 8 * 8 : 0;

        while (run->own && run->key_column < SQ_FIELDS_MAX && run->own->in[run->key_column].name)
                run->key_column++;
        sqi_columns_of_key(&columns, &run->settings->by);
        if (run->compute)
                size = sqi_aggregating_lay_out(run, &columns);
        run->time_column = run->key_column + (unsigned)columns.n;
        return sqi_timeline_header(&run->timelines.rule) + size;
}

/* Of settings in which no fault was found when they were declared. NULL: no memory. */
static struct sqi_windows *
make_run(struct sq_task *task, const struct sq_pairs *compute, const struct sq_windowed *own)
{
        struct sqi_windows *run = calloc(1, sizeof(*run));
        struct sqi_rule *rule;
        const char *option;

        if (!run)
                return NULL;
        rule = &run->timelines.rule;
        run->task = task;
        run->settings = sq_state(task);
        run->compute = compute;
        run->own = own;
        run->timelines.ops = own ? &sqi_windowed_ops : &sqi_aggregating_ops;
        (void)sqi_rule_read(run->settings, rule, &option);
        run->timelines.slot = lay_out(run);
        sqi_rule_go_by(rule, sq_input_field(task, run->time_column).name != NULL);
        run->timelines.stacks = sqi_panes_stack(rule) && run->compute && sqi_aggregating_is_plain(run);
        if (sqi_panes_total(rule) && !run->timelines.stacks && sqi_key_totals_pay(run))
                run->timelines.totals = &sqi_tallied_ops;
        run->earlier_layout = sqi_settings_layout(run->settings, compute, own, rule);
        run->layout = sqi_settings_layout_by(run->earlier_layout, &run->settings->by);
        run->merged = malloc(run->timelines.slot);
        if (!run->merged) {
                free_run(run);
                return NULL;
        }
        return run;
}

static int
prepare(struct sq_task *task, const struct sq_pairs *compute, const struct sq_windowed *own)
{
        struct sq_windows *settings = sq_state(task);

        settings->run = make_run(task, compute, own);
        return settings->run ? 0 : sq_error(task, "no memory for windows");
}

int
sq_windows_prepare(struct sq_task *task)
{
        const struct sq_aggregating *settings = sq_state(task);

        return prepare(task, &settings->compute, NULL);
}

int
sq_windowed_prepare(struct sq_task *task, const struct sq_windowed *windowed)
{
        return prepare(task, NULL, windowed);
}

void
sq_windows_cleanup(struct sq_task *task)
{
        struct sq_windows *settings = sq_state(task);

        if (settings->run)
                free_run(settings->run);
        settings->run = NULL;
}

/* ---- The key at hand --------------------------------------------------------------------------------- */

static void
take_in_hand(struct sqi_windows *run, struct sq_str by, struct sqi_window_key *key)
{
        size_t bytes = key->timeline.room * run->timelines.slot;

        run->by = by;
        run->key = key;
        run->timelines.slots = NULL;
        run->timelines.front = NULL;
        if (bytes > 0)
                run->timelines.slots = sq_map_at(run->task, key, SQI_SLOTS, (struct sq_str){"", 0}, bytes);
}

static struct sqi_window_key *
find(struct sqi_windows *run, struct sq_str by)
{
        struct sqi_window_key *key = sq_keyed(run->task, by);

        if (key->layout == 0)
                *key = (struct sqi_window_key){.layout = run->layout, .armed = SQI_NEVER, .early_armed = SQI_NEVER};
        take_in_hand(run, by, key);
        return key;
}

static void
set(struct sqi_windows *run, bool event_time, int64_t time)
{
        if (event_time)
                sq_event_timer_set(run->task, run->by, time);
        else
                sq_timer_set(run->task, run->by, sqi_windows_time(time));
}

static void
cancel(struct sqi_windows *run, bool event_time, int64_t time)
{
        if (event_time)
                sq_event_timer_cancel(run->task, run->by, time);
        else
                sq_timer_cancel(run->task, run->by, sqi_windows_time(time));
}

/* Moves a timer; `shared`: another of the kind is set at that time, and stays. */
static void
move(struct sqi_windows *run, bool event_time, int64_t *armed, int64_t due, int64_t shared)
{
        if (*armed == due)
                return;
        if (*armed != SQI_NEVER && *armed != shared)
                cancel(run, event_time, *armed);
        if (due != SQI_NEVER)
                set(run, event_time, due);
        *armed = due;
}

/* What the key's timeline wants to be called at. A key that has nothing more is forgotten. */
static void
settle(struct sqi_windows *run)
{
        const struct sqi_timeline *timeline = &run->key->timeline;
        bool event_time = run->timelines.rule.event_time;

        if (timeline->n == 0) {
                sq_keyed_forget(run->task, run->by);
                return;
        }
        move(run, event_time, &run->key->armed, timeline->due, event_time ? SQI_NEVER : run->key->early_armed);
        move(run, false, &run->key->early_armed, timeline->early_due, event_time ? SQI_NEVER : run->key->armed);
}

/* The time of day, which does not go back. */
static int64_t
wall_of(struct sqi_windows *run)
{
        struct sq_time wall = sq_wall(run->task);
        int64_t ns = wall.sec * 1000000000 + wall.nsec;

        if (ns > run->wall)
                run->wall = ns;
        return run->wall;
}

/* ---- A tuple ----------------------------------------------------------------------------------------- */

static bool
time_of_tuple(const struct sqi_windows *run, const struct sq_tuple *in, int64_t *ret_ns)
{
        struct sq_value value;

        if (sq_is_event_time(in, run->time_column))
                return sq_event_time(in, ret_ns);
        value = sq_get(in, run->time_column);
        return value.type == SQ_TIME && !__builtin_mul_overflow(value.as.i, 1000000000, ret_ns) &&
               !__builtin_add_overflow(*ret_ns, (int64_t)value.len, ret_ns);
}

/* By a field that `time` names it is not the event time of the topology. */
static enum sq_verdict
refuse_untimed(const struct sqi_windows *run, const struct sq_tuple *in)
{
        char held[256];

        if (sq_is_event_time(in, run->time_column))
                return sq_refuse_untimed(run->task, in);
        sq_json(sq_get(in, run->time_column), held, sizeof(held));
        return sq_refuse_tuple(run->task, in, "%s: the field `%s` holds no time: %s", sq_component(run->task),
                               sq_input_field(run->task, run->time_column).name, held);
}

/* Every window that it would be in takes none any more. */
static void
leave_out(struct sqi_windows *run, const struct sq_tuple *in)
{
        sq_count(run->task, "late", 1);
        sq_emit_tuple(run->task, 1, in);
}

/* All that may fail, before anything is written. False: it is not added, and this is the verdict. */
static bool
look(struct sqi_windows *run, int64_t time, enum sq_verdict *ret)
{
        const char *wrong = NULL;

        *ret = SQ_ACK;
        if (!run->own)
                wrong = sqi_aggregating_take(run, time);
        else if (run->own->check)
                *ret = run->own->check(run->task, run->in);
        if (wrong)
                *ret = sq_refuse_tuple(run->task, run->in, "%s: `%s` of a value that is no number",
                                       sq_component(run->task), wrong);
        return !wrong && *ret == SQ_ACK;
}

/* The fields before those of the key are packed before it. */
static struct sq_str
key_of(const struct sqi_windows *run, const struct sq_tuple *in)
{
        size_t before = run->key_column ? sq_key_of(in, run->key_column).len : 0;
        struct sq_str key = sq_key_of(in, run->key_column + (unsigned)run->settings->by.n);

        return (struct sq_str){key.ptr + before, key.len - before};
}

enum sq_verdict
sq_windows_execute(struct sq_task *task, const struct sq_tuple *in)
{
        struct sqi_windows *run = run_of(task);
        const struct sqi_rule *rule = &run->timelines.rule;
        struct sqi_now now = {.watermark = INT64_MIN};
        int64_t time;
        enum sq_verdict verdict;
        int r;

        run->in = in;
        if (!rule->event_time || rule->early_ns > 0)
                now.wall = wall_of(run);
        time = now.wall;
        if (rule->event_time) {
                now.watermark = sq_watermark(task);
                if (!time_of_tuple(run, in, &time))
                        return refuse_untimed(run, in);
                if (!sqi_rule_has_room(rule, time))
                        return sq_refuse_tuple(
                                task, in,
                                "%s: the time in the field `%s` is too near to an end of all times, 1677 and 2262, for its windows",
                                sq_component(task), sq_input_field(task, run->time_column).name);
        }
        if (!look(run, time, &verdict))
                return verdict;
        find(run, key_of(run, in));
        r = sqi_timeline_add(&run->timelines, &run->key->timeline, time, now);
        if (r == SQI_IS_LATE)
                leave_out(run, in);
        settle(run);
        return r >= 0 ? SQ_ACK : sq_fail(task, "no memory for a window");
}

/* ---- Time -------------------------------------------------------------------------------------------- */

static int
no_memory(struct sq_task *task)
{
        return sq_error(task, "no memory for a window");
}

int
sq_windows_event_timer(struct sq_task *task, struct sq_str by, int64_t time_ns)
{
        struct sqi_windows *run = run_of(task);
        struct sqi_window_key *key = find(run, by);
        int r;

        if (key->armed == time_ns)
                key->armed = SQI_NEVER;
        r = sqi_timeline_due(&run->timelines, &key->timeline, time_ns);
        settle(run);
        return r < 0 ? no_memory(task) : 0;
}

/* Both the end of a window by the time of day and what is sent early stand behind such a timer. */
int
sq_windows_timer(struct sq_task *task, struct sq_str by, struct sq_time time)
{
        struct sqi_windows *run = run_of(task);
        struct sqi_window_key *key = find(run, by);
        int64_t at = time.sec * 1000000000 + time.nsec;
        bool event_time = run->timelines.rule.event_time;
        int r = 0;

        if (!event_time && key->armed == at)
                key->armed = SQI_NEVER;
        if (key->early_armed == at)
                key->early_armed = SQI_NEVER;
        if (!event_time && key->timeline.due <= at)
                r = sqi_timeline_due(&run->timelines, &key->timeline, at);
        if (r == 0 && key->timeline.early_due <= at)
                r = sqi_timeline_early(&run->timelines, &key->timeline);
        settle(run);
        return r < 0 ? no_memory(task) : 0;
}

/* By the time of day: what has ended, then what has not. */
static bool
finish_key(struct sq_task *task, struct sq_str by, void *state, void *context)
{
        struct sqi_windows *run = run_of(task);
        struct sqi_window_key *key = state;
        int *r = context;

        take_in_hand(run, by, key);
        while (*r == 0 && key->timeline.due <= run->wall)
                *r = sqi_timeline_due(&run->timelines, &key->timeline, key->timeline.due);
        if (*r == 0)
                *r = sqi_timeline_finish(&run->timelines, &key->timeline);
        return *r == 0;
}

int
sq_windows_finish(struct sq_task *task)
{
        struct sqi_windows *run = run_of(task);
        int r = 0;

        if (run->timelines.rule.event_time)
                return 0; /* at the end of time all have fired, and before it, in a drain, none is to */
        (void)wall_of(run);
        sq_keyed_each(task, finish_key, &r);
        return r < 0 ? no_memory(task) : 0;
}

/* ---- State that was written down --------------------------------------------------------------------- */

int
sq_windows_migrate(struct sq_task *task, uint32_t version, struct sq_str by, const void *old, size_t size, void *state)
{
        (void)by;
        if (version != 0 || size < 3 * sizeof(int64_t))
                return sq_error(task, "it is state of version %u, of which this version makes nothing", version);
        sqi_windows_take_earlier(old, state);
        return 0;
}

/* Are its slots, and its fields, as the settings say? */
static bool
is_as_set(const struct sqi_windows *run, struct sq_str by, const struct sqi_window_key *key)
{
        const struct sqi_timeline *timeline = &key->timeline;
        bool stacked = sqi_rule_shares(&run->timelines.rule) && timeline->back + timeline->front > 0;

        if (sqi_windows_is_earlier(key))
                return key->layout == run->earlier_layout && sq_key_size(by) == run->settings->by.n;
        return key->layout == run->layout && !(stacked && !run->timelines.stacks);
}

static bool
restore_key(struct sq_task *task, struct sq_str by, void *state, void *context)
{
        struct sqi_windows *run = run_of(task);
        struct sqi_window_key *key = state;
        int *r = context;

        *r = is_as_set(run, by, key) ? 0 : -EINVAL;
        if (*r < 0 || !sqi_windows_is_earlier(key))
                return *r == 0;
        take_in_hand(run, by, key);
        *r = sqi_windows_convert(run);
        key->layout = run->layout;
        if (*r == 0)
                settle(run);
        return *r == 0;
}

int
sq_windows_restored(struct sq_task *task)
{
        int r = 0;

        sq_keyed_each(task, restore_key, &r);
        if (r == -EINVAL)
                return sq_error(
                        task,
                        "its keyed state is of windows with other settings (leave `by`, `size`, `slide`, "
                        "`gap`, `offset`, `early`, `lateness` and `compute` as they are, and the kind of time; or kill the "
                        "topology and submit it anew)");
        return r < 0 ? no_memory(task) : 0;
}

/* ---- Show -------------------------------------------------------------------------------------------- */

static int
show_values(struct sqi_windows *run, const struct sqi_fired *fired, const struct sq_value *values)
{
        const struct sqi_rule *rule = &run->timelines.rule;

        if (sqi_rule_ends_by_time(rule)) {
                sq_show(run->task, "start", sq_time(sqi_windows_time(fired->start)));
                sq_show(run->task, "end", sq_time(sqi_windows_time(fired->end)));
        } else if (rule->kind == SQI_OVER_COUNT) {
                sq_show(run->task, "seen", sq_int((int64_t)run->key->timeline.seen));
        }
        for (size_t i = 0; i < run->n; i++)
                sq_show(run->task, run->compute->names[i], values[i]);
        return 0;
}

/* It only looks: what is in the key's memory stays as it is. */
static void
show_key(struct sqi_windows *run, struct sq_str by, const struct sqi_window_key *key)
{
        const void *slots;
        struct sqi_fired fired;
        size_t size;

        run->by = by;
        run->key = (struct sqi_window_key *)(uintptr_t)key;
        slots = sq_map_peek(run->task, key, SQI_SLOTS, (struct sq_str){"", 0}, &size);
        run->timelines.slots = (uint8_t *)(uintptr_t)slots;
        run->timelines.front = (void *)(uintptr_t)sq_map_peek(run->task, key, SQI_FRONT, (struct sq_str){"", 0}, &size);
        if (slots && sqi_timeline_next(&run->timelines, &key->timeline, &fired))
                (void)sqi_aggregating_compute(run, &fired, show_values);
}

void
sq_windows_show(struct sq_task *task, struct sq_str by, const void *state)
{
        struct sqi_windows *prepared = run_of(task), *run = prepared;
        const struct sq_aggregating *settings = sq_state(task);
        const struct sqi_window_key *key = state;

        if (!run)
                run = make_run(task, &settings->compute, NULL);
        sq_show_packed(task, by, 0);
        if (run && key->layout == run->layout) /* else its slots are not as the settings say */
                show_key(run, by, key);
        if (!prepared && run)
                free_run(run);
}

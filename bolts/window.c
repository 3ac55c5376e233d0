/* SPDX-License-Identifier: Apache-2.0 */
/* The bolt `window`: aggregates over windows, for each combination of the fields `by`. runtime/windows/ does it. */
#include <squall-window.h>

SQ_BOLT(window) = {
        .about =
                "Aggregates over windows: tumbling, sliding, sessions, by number; by event time or by the time of day.",
        .state = sizeof(struct sq_aggregating),
        .key_state = sizeof(struct sq_window_key),
        .state_version = 1,
        .options =
                {
                        SQ_WINDOW_OPTIONS(struct sq_aggregating, windows),
                        SQ_REQ_MAP(
                                struct sq_aggregating, compute,
                                "output field: aggregate. count, or with a field: sum, avg, min, max, stddev, distinct, "
                                "p50, p99.9, top10, first, last, collect; with two: min_by, max_by; nil is left out"),
                },
        .streams = {{.id = "late"}},
        .declare = sq_windows_declare,
        .prepare = sq_windows_prepare,
        .execute = sq_windows_execute,
        .finish = sq_windows_finish,
        .cleanup = sq_windows_cleanup,
        .migrate = sq_windows_migrate,
        .timer = sq_windows_timer,
        .restored = sq_windows_restored,
        .show = sq_windows_show,
        .event_timer = sq_windows_event_timer,
};

/* SPDX-License-Identifier: Apache-2.0 */
/* The bolt `join`: rows of several inputs that have equal keys and go together in time. runtime/joins/ does it. */
#include <squall-window.h>

SQ_BOLT(join) = {
        .about = "Joins inputs by a key: within windows, where their times are no further apart, or with a table.",
        .state = sizeof(struct sq_joining),
        .key_state = sizeof(struct sq_join_key),
        .options =
                {
                        SQI_OPTION(
                                "by", struct sq_joining, by, NESTED, NULL, true, NULL,
                                "the fields that are equal in rows that are joined: a list, or `INPUT: FIELDS` where "
                                "inputs call them otherwise; INPUT is a component, or COMPONENT:STREAM; the first "
                                "is the left one, without names that of `streams`"),
                        SQ_OPT_ENUM(struct sq_joining, type, "inner|left|full", "inner",
                                    "what has no partner goes to the stream `unmatched`; left: that of the first input "
                                    "goes out with nulls; full: that of each"),
                        SQ_OPT_STR_AS("size", struct sq_joining, windows.size, NULL,
                                      "joins what is in one window of this length (500ms, 10s, 5m, 1h, 1d)"),
                        SQ_OPT_STR_AS("slide", struct sq_joining, windows.slide, NULL,
                                      "from window to window; default: the size, so that no two overlap"),
                        SQ_OPT_STR_AS("offset", struct sq_joining, windows.offset, NULL,
                                      "windows begin at this time after a multiple of `slide` since 1970 UTC"),
                        SQ_OPT_STR_AS("gap", struct sq_joining, windows.gap, NULL,
                                      "instead of `size`: joins what is in one session, which ends when nothing has "
                                      "come by any input for this time"),
                        SQ_OPT_LIST(struct sq_joining, between,
                                    "instead of windows: by how much the time of the second input may differ from that "
                                    "of the first: [-5s, 10m] is from 5 s before to 10 min after, both included"),
                        SQ_OPT_STR(struct sq_joining, stamp, NULL,
                                   "between: a field more, behind those of the key: the event time of what goes out, "
                                   "the later one of two rows that are joined"),
                        SQ_OPT_STR(
                                struct sq_joining, table, NULL,
                                "instead of windows: this input is a table, whose last row of each key goes out with "
                                "each row of the other input; one of nulls takes the key out"),
                        SQ_OPT_STR(struct sq_joining, wait, NULL,
                                   "table: how long a row is kept back that comes before that of its key (10s); "
                                   "default: not at all, it has no partner"),
                        SQ_OPT_ENUM(struct sq_joining, time, "event|wall", "event",
                                    "event: by `event-time` upstream; wall: by the time of day at which rows come"),
                        SQ_OPT_STR_AS("lateness", struct sq_joining, windows.lateness, NULL,
                                      "how much longer than the watermark says rows are waited for; what comes later "
                                      "goes to the stream `late`"),
                },
        .streams = {{.id = "unmatched"}, {.id = "late"}},
        .declare = sq_join_declare,
        .prepare = sq_join_prepare,
        .execute = sq_join_execute,
        .finish = sq_join_finish,
        .cleanup = sq_join_cleanup,
        .timer = sq_join_timer,
        .restored = sq_join_restored,
        .show = sq_join_show,
        .event_timer = sq_join_event_timer,
};

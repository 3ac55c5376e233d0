/* SPDX-License-Identifier: Apache-2.0 */
/* The bolt `alert`: a path that fails `errors` times (status 500 and above) within one minute of the log's own time,
 * told once a minute. */
#include <squall.h>

enum { TIME, PATH, STATUS };

struct alert {
        int64_t errors;
};

/* Of one path. */
struct minute {
        int64_t minute, errors;
};

static enum sq_verdict
execute(struct sq_task *task, const struct sq_tuple *in)
{
        const struct alert *self = sq_state(task);
        struct sq_time time = sq_get_time(in, TIME);
        struct minute *minute = sq_keyed(task, sq_get_str(in, PATH));

        if (sq_get_int(in, STATUS) < 500)
                return SQ_ACK;
        if (time.sec / 60 != minute->minute)
                *minute = (struct minute){.minute = time.sec / 60};
        if (++minute->errors == self->errors)
                sq_emit(task, sq_time((struct sq_time){minute->minute * 60, 0}), sq_get_str(in, PATH));
        return SQ_ACK;
}

SQ_BOLT(alert) = {
        .about = "Paths that fail too often within a minute.",
        .state = sizeof(struct alert),
        .key_state = sizeof(struct minute),
        .options = {SQ_OPT_INT(struct alert, errors, 5, "failures within a minute that are too many")},
        .in = {[TIME] = {"time", SQ_TIME}, [PATH] = {"path", SQ_STR}, [STATUS] = {"status", SQ_INT}},
        .out = {{"minute", SQ_TIME}, {"path", SQ_STR}},
        .execute = execute,
};

/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of a record that a spout cannot read: squall-formats.h has the policies. */
#include <errno.h>
#include <squall-kit.h>
#include <stdio.h>
#include <string.h>

enum { ERRORS = 1, CAUSE_MAX = 512 };

int
sq_refuse(struct sq_task *task, int64_t on_error, struct sq_value record, const char *format, ...)
{
        char cause[CAUSE_MAX];
        va_list arguments;
        int r;

        va_start(arguments, format);
        vsnprintf(cause, sizeof(cause), format, arguments);
        va_end(arguments);
        if (on_error == SQ_ON_ERROR_FAIL) {
                (void)sq_error_final(task, "%s", cause);
                return -ECANCELED;
        }
        r = sq_left_out(task, on_error == SQ_ON_ERROR_DEAD_LETTER, record, cause);
        if (r < 0)
                (void)sq_error_final(task, "%s; and its dead letter cannot be written: %s", cause, strerror(-r));
        if (on_error == SQ_ON_ERROR_STREAM)
                sq_emit_on(task, ERRORS, record, sq_text(cause));
        return r < 0 ? -ECANCELED : 0;
}

enum sq_verdict
sq_refuse_tuple(struct sq_task *task, const struct sq_tuple *in, const char *format, ...)
{
        struct sq_value pairs[2 * SQ_FIELDS_MAX];
        unsigned n = sq_tuple_size(in);
        char cause[CAUSE_MAX];
        va_list arguments;

        va_start(arguments, format);
        vsnprintf(cause, sizeof(cause), format, arguments);
        va_end(arguments);
        for (unsigned i = 0; i < n; i++) {
                pairs[2 * i] = sq_text(sq_tuple_name(in, i));
                pairs[2 * i + 1] = sq_tuple_get(in, i);
        }
        return sq_refuse(task, SQ_ON_ERROR_DEAD_LETTER, sq_map(pairs, n), "%s", cause) < 0 ? SQ_FAIL : SQ_ACK;
}

enum sq_verdict
sq_refuse_untimed(struct sq_task *task, const struct sq_tuple *in)
{
        struct sq_value value;
        const char *field = sq_event_time_field(in, &value);
        char held[CAUSE_MAX / 2];

        if (!field)
                return sq_refuse_tuple(task, in, "%s: no field has an event time", sq_component(task));
        sq_json(value, held, sizeof(held));
        return sq_refuse_tuple(task, in, "%s: the field `%s` holds no time: %s", sq_component(task), field, held);
}

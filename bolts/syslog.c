/* SPDX-License-Identifier: Apache-2.0 */
/* The bolt `syslog`: the parts of a message of syslog, by RFC 5424 or RFC 3164. */
#include <errno.h>
#include <squall-kit.h>
#include <stdlib.h>
#include <string.h>

struct syslog {
        struct sq_parsing parsing;
        int64_t format; /* enum sq_syslog_format */
        const char *zone;

        struct sq_value *room; /* of 2 * (size + 1) values, with as many bytes behind them */
        size_t size;
};

static const struct sq_field parts[] = {
        {"facility", SQ_STR}, {"severity", SQ_INT}, {"level", SQ_STR}, {"time", SQ_TIME}, {"host", SQ_STR},
        {"app", SQ_STR},      {"procid", SQ_STR},   {"msgid", SQ_STR}, {"data", SQ_MAP},  {"message", SQ_STR}};
enum { PARTS = sizeof(parts) / sizeof(parts[0]) };

static void
declare(struct sq_declaration *decl)
{
        const struct syslog *self = sq_declared_state(decl);

        sq_parsing_declare(&self->parsing, decl);
        if (self->format == SQ_SYSLOG_5424)
                sq_declare_unused(decl, "zone", "with `format: rfc5424`, whose times have theirs");
        if (!sq_syslog_zone(self->zone))
                sq_declare_error(decl, "zone", "is not UTC or an offset as +01:00");
        for (size_t i = 0; i < PARTS; i++)
                sq_declare_out(decl, 0, parts[i].name, parts[i].type);
}

static bool
make_room(struct syslog *self, size_t len)
{
        struct sq_value *room;

        if (self->room && len <= self->size)
                return true;
        room = realloc(self->room, 2 * (len + 1) * sizeof(*room) + len + 1);
        if (!room)
                return false;
        self->room = room;
        self->size = len;
        return true;
}

static enum sq_verdict
execute(struct sq_task *task, const struct sq_tuple *in)
{
        struct syslog *self = sq_state(task);
        struct sq_syslog message;
        struct sq_str text;
        const char *wrong;

        if (!sq_parsing_text(in, &text))
                return sq_parsing_refuse(task, &self->parsing, in, "not a text");
        if (!make_room(self, text.len))
                return sq_retry_later(task, "%s", strerror(ENOMEM));
        wrong = sq_syslog_read(text, (enum sq_syslog_format)self->format, sq_syslog_zone(self->zone), sq_wall(task),
                               self->room, (char *)(self->room + 2 * (text.len + 1)), &message);
        if (wrong)
                return sq_parsing_refuse(task, &self->parsing, in, wrong);
        memcpy(sq_parsing_values(&self->parsing),
               (const struct sq_value[PARTS]){message.facility, message.severity, message.level, message.time,
                                              message.host, message.app, message.procid, message.msgid, message.data,
                                              message.message},
               PARTS * sizeof(struct sq_value));
        return sq_parsing_emit(task, &self->parsing, in, PARTS);
}

static void
cleanup(struct sq_task *task)
{
        struct syslog *self = sq_state(task);

        free(self->room);
}

SQ_BOLT(syslog) = {
        .about = "Fields from a message of syslog.",
        .state = sizeof(struct syslog),
        .options =
                {
                        SQ_OPT_ENUM(struct syslog, format, "auto|rfc5424|rfc3164", "auto",
                                    "auto: RFC 5424 where `1 ` stands behind the priority, else RFC 3164"),
                        SQ_OPT_STR(struct syslog, zone, "UTC",
                                   "the zone of times of RFC 3164, which have none: UTC, or an offset: +01:00; their "
                                   "year is the last one in which they are not more than a day ahead of the clock"),
                        SQ_OPT_PARSING(struct syslog, parsing),
                },
        .streams = {SQ_ERRORS},
        .declare = declare,
        .execute = execute,
        .cleanup = cleanup,
};

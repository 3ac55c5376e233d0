/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/event_time.h"

#include <math.h>
#include <string.h>

#include "base/date.h"
#include "plan/plan.h"

static const struct {
        const char *name;
        int64_t ns;
} units[SQI_UNITS] = {
        [SQI_UNIT_NONE] = {"", 0},    [SQI_UNIT_S] = {"s", 1000000000}, [SQI_UNIT_MS] = {"ms", 1000000},
        [SQI_UNIT_US] = {"us", 1000}, [SQI_UNIT_NS] = {"ns", 1},        [SQI_UNIT_DATE] = {"", 0},
        [SQI_UNIT_UNTIL] = {"", 0},
};

const char *
sqi_time_unit_name(enum sqi_time_unit unit)
{
        return units[unit].name;
}

static bool
scale(int64_t number, int64_t by, int64_t *ret_ns)
{
        int64_t ns;

        if (by == 0 || __builtin_mul_overflow(number, by, &ns))
                return false;
        *ret_ns = ns;
        return true;
}

static bool
scale_real(double number, int64_t by, int64_t *ret_ns)
{
        double ns = number * (double)by;

        if (by == 0 || !(fabs(ns) < 0x1p63))
                return false;
        *ret_ns = (int64_t)ns;
        return true;
}

/* A number in text: of a source without types, say. */
static bool
read_text(struct sq_value value, int64_t by, int64_t *ret_ns)
{
        char text[32], *end;
        int64_t number;
        double real;

        if (value.len == 0 || value.len >= sizeof(text))
                return false;
        memcpy(text, value.as.ptr, value.len);
        text[value.len] = '\0';
        if (sqi_parse_int(text, &number) == 0)
                return scale(number, by, ret_ns);
        real = sq_strtod(text, &end);
        return end > text && *end == '\0' && scale_real(real, by, ret_ns);
}

static bool
read_time(struct sq_time time, int64_t *ret_ns)
{
        int64_t ns;

        if (!scale(time.sec, units[SQI_UNIT_S].ns, &ns) || __builtin_add_overflow(ns, (int64_t)time.nsec, &ns))
                return false;
        *ret_ns = ns;
        return true;
}

/* A year that a date does not have is 1970, as in the types of fields. */
static bool
read_date(const char *format, struct sq_value value, int64_t *ret_ns)
{
        struct sq_time time;

        return sqi_date_read((struct sq_str){value.as.ptr, value.len}, (struct sq_str){format, strlen(format)}, 1970,
                             &time) &&
               read_time(time, ret_ns);
}

/* What stands for something else on the wire, or for the end of time, is not a time. */
static bool
is_time(int64_t ns)
{
        return ns > INT64_MIN + 1 && ns < INT64_MAX;
}

bool
sqi_event_time_of(const struct sqi_time_format *format, struct sq_value value, int64_t *ret_ns)
{
        int64_t by = units[format->unit].ns, ns = 0;
        bool found = false;

        switch ((enum sq_type)value.type) {
        case SQ_TIME:
                found = read_time((struct sq_time){value.as.i, value.len}, &ns) && ns > INT64_MIN;
                ns -= format->unit == SQI_UNIT_UNTIL;
                break;
        case SQ_INT:
                found = scale(value.as.i, by, &ns);
                break;
        case SQ_UINT:
                found = value.as.u <= INT64_MAX && scale((int64_t)value.as.u, by, &ns);
                break;
        case SQ_FLOAT:
                found = scale_real(value.as.f, by, &ns);
                break;
        case SQ_STR:
                found = format->unit == SQI_UNIT_DATE ? read_date(format->date, value, &ns) : read_text(value, by, &ns);
                break;
        default:
                break;
        }
        if (!found || !is_time(ns))
                return false;
        *ret_ns = ns;
        return true;
}

static bool
comes_to(const struct sqi_plan *plan, uint32_t component)
{
        for (uint32_t e = 0; e < plan->nedges; e++) {
                const struct sqi_plan_edge *edge = &plan->edges[e];

                if (edge->to == component && !edge->feedback &&
                    plan->components[edge->from].streams[edge->stream].watermarks)
                        return true;
        }
        return false;
}

/* True: there are more than before. */
static bool
mark_streams_of(const struct sqi_plan *plan, uint32_t number)
{
        const struct sqi_plan_component *component = &plan->components[number];
        const struct sqi_event_time *own = component->event_time;
        bool passes = comes_to(plan, number), more = false;

        for (uint32_t s = 0; s < component->nstreams; s++) {
                bool watermarks = passes || (own && own->stream == s);

                more |= watermarks && !component->streams[s].watermarks;
                component->streams[s].watermarks = watermarks;
        }
        return more;
}

void
sqi_plan_mark_streams(struct sqi_plan *plan)
{
        bool more = true;

        while (more) {
                more = false;
                for (uint32_t c = 0; c < plan->ncomponents; c++)
                        more |= mark_streams_of(plan, c);
        }
}

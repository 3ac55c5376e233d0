/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The event time of a stream, as `event-time` of the topology file says it: which field has it, in which unit, how far
 * out of order the tuples may come, and after how long without any the stream is idle.
 *
 * Watermarks come in such a stream, and in each stream of a bolt that they come to otherwise than by a feedback edge.
 */
#ifndef SQI_EVENT_TIME_H
#define SQI_EVENT_TIME_H

#include <stdbool.h>
#include <stdint.h>

#include "squall.h"

struct sqi_plan;

/* What a number in the field counts; of text, that it is a date; of a time, that it is an end: the event time is the
 * last ns before it. Plans have the numbers. */
enum sqi_time_unit {
        SQI_UNIT_NONE,
        SQI_UNIT_S,
        SQI_UNIT_MS,
        SQI_UNIT_US,
        SQI_UNIT_NS,
        SQI_UNIT_DATE,
        SQI_UNIT_UNTIL,
        SQI_UNITS
};

struct sqi_time_format {
        enum sqi_time_unit unit;
        const char *date; /* SQI_UNIT_DATE: its format (base/date.h) */
};

struct sqi_event_time {
        uint32_t stream, place; /* of the field in it */
        struct sqi_time_format format;
        int64_t disorder_ns; /* a tuple may come so much later than one with a later time */
        uint64_t idle_ns;    /* 0: it is never idle */
};

/* Where the tuples of a stream have their event time, for who reads it. */
struct sqi_edge_time {
        bool known;
        uint8_t place; /* of the field */
        struct sqi_time_format format;
};

/* "s", "ms", "us", "ns"; of the others "". */
const char *sqi_time_unit_name(enum sqi_time_unit unit);

/* The time in ns since 1970 that the value of the field is. False: it is not one. */
bool sqi_event_time_of(const struct sqi_time_format *format, struct sq_value value, int64_t *ret_ns);

/* Looks in which streams watermarks come. */
void sqi_plan_mark_streams(struct sqi_plan *plan);

#endif

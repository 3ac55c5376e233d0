/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/events.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { STAMP_SIZE = 40 };
/* Of a line that a worker has printed, which may be a whole tuple. */
enum { LINE_MOST = 400 };

void
sqi_events_open(struct sqi_events *events, const char *state)
{
        char path[PATH_MAX];

        if (snprintf(path, sizeof(path), "%s/events.jsonl", state) < (int)sizeof(path))
                (void)sqi_log_file_open(path, &events->file);
}

void
sqi_events_reopen(struct sqi_events *events)
{
        char path[PATH_MAX];

        memcpy(path, events->file.path, sizeof(path));
        sqi_log_file_close(&events->file);
        (void)sqi_log_file_open(path, &events->file);
}

static void
clear(struct sqi_happening *it)
{
        free(it->topology);
        free(it->text);
        free(it->task);
        free(it->cause);
        free(it->lines);
        *it = (struct sqi_happening){0};
}

void
sqi_events_close(struct sqi_events *events)
{
        for (unsigned i = 0; i < SQI_EVENTS; i++)
                clear(&events->ring[i]);
        sqi_log_file_close(&events->file);
}

/* ---- Writing ----------------------------------------------------------------------------------------- */

static void
write_time(struct sqi_writer *writer, uint64_t id)
{
        time_t seconds = (time_t)(id / 1000000);
        char text[STAMP_SIZE];
        struct tm utc;

        gmtime_r(&seconds, &utc);
        size_t n = strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &utc);
        snprintf(text + n, sizeof(text) - n, ".%06uZ", (unsigned)(id % 1000000));
        sqi_write_text(writer, "time", text);
}

/* What task/crash.c has printed, among the rest of what the worker has. */
static const char *
crash_part(const char *line)
{
        static const char head[] = "error: crash: ";
        const char *at = strstr(line, head);

        return at ? at + sizeof(head) - 1 : NULL;
}

enum part { LOG, TUPLE, FRAME };

static enum part
part_of(const char *line)
{
        const char *crash = crash_part(line);

        if (!crash)
                return LOG;
        if (strncmp(crash, "tuple ", 6) == 0)
                return TUPLE;
        return crash[0] == ' ' ? FRAME : LOG;
}

static void
write_part(struct sqi_writer *writer, const char *key, const char *lines, enum part part)
{
        char line[LINE_MOST + 1];

        sqi_write_array(writer, key);
        for (const char *end; (end = strchr(lines, '\n')); lines = end + 1) {
                snprintf(line, sizeof(line), "%.*s", (int)(end - lines), lines);
                if (part_of(line) == part)
                        sqi_write_text(writer, NULL, part == LOG ? line : crash_part(line) + (part == TUPLE ? 6 : 0));
        }
        sqi_write_end(writer);
}

static void
write_death(struct sqi_writer *writer, const struct sqi_happening *it)
{
        sqi_write_text(writer, "task", it->task);
        sqi_write_uint(writer, "incarnation", it->incarnation);
        sqi_write_uint(writer, "deaths", it->deaths);
        sqi_write_text(writer, "cause", it->cause);
        sqi_write_real(writer, "restart_in_s", it->delay);
        write_part(writer, "tuple", it->lines, TUPLE);
        write_part(writer, "backtrace", it->lines, FRAME);
        write_part(writer, "log", it->lines, LOG);
}

static void
write_one(struct sqi_writer *writer, const char *key, const struct sqi_happening *it)
{
        sqi_write_map(writer, key);
        sqi_write_uint(writer, "id", it->id);
        write_time(writer, it->id);
        sqi_write_text(writer, "topology", it->topology);
        sqi_write_text(writer, "event", it->event);
        sqi_write_text(writer, "level", sqi_level_name(it->level));
        sqi_write_text(writer, "text", it->text);
        if (it->task)
                write_death(writer, it);
        sqi_write_end(writer);
}

static bool
is_of(const struct sqi_happening *it, const char *topology)
{
        return !topology || (it->topology && strcmp(it->topology, topology) == 0);
}

bool
sqi_events_know(const struct sqi_events *events, const char *topology)
{
        for (uint64_t i = events->n > SQI_EVENTS ? events->n - SQI_EVENTS : 0; i < events->n; i++) {
                const struct sqi_happening *it = &events->ring[i % SQI_EVENTS];

                if (it->topology && strcmp(it->topology, topology) == 0)
                        return true;
        }
        return false;
}

void
sqi_events_write(const struct sqi_events *events, const struct sqi_events_wanted *wanted, struct sqi_writer *writer)
{
        sqi_write_array(writer, NULL);
        for (uint64_t i = events->n > SQI_EVENTS ? events->n - SQI_EVENTS : 0; i < events->n; i++) {
                const struct sqi_happening *it = &events->ring[i % SQI_EVENTS];

                if (it->id > wanted->after && is_of(it, wanted->topology) &&
                    (!wanted->event || strcmp(it->event, wanted->event) == 0))
                        write_one(writer, NULL, it);
        }
        sqi_write_end(writer);
}

void
sqi_events_write_last_death(const struct sqi_events *events, const char *topology, const char *key,
                            struct sqi_writer *writer)
{
        for (uint64_t i = events->n; i > 0 && i + SQI_EVENTS > events->n; i--) {
                const struct sqi_happening *it = &events->ring[(i - 1) % SQI_EVENTS];

                if (it->task && is_of(it, topology)) {
                        write_one(writer, key, it);
                        return;
                }
        }
        sqi_write_nil(writer, key);
}

/* ---- Adding ------------------------------------------------------------------------------------------ */

/* Two in one microsecond, or a clock that was put back, get numbers that follow each other. */
static uint64_t
next_id(struct sqi_events *events)
{
        struct timespec now;

        clock_gettime(CLOCK_REALTIME, &now);
        uint64_t id = (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
        events->last_id = id > events->last_id ? id : events->last_id + 1;
        return events->last_id;
}

static void
write_down(struct sqi_events *events, const struct sqi_happening *it)
{
        struct sqi_writer writer = sqi_writer(SQI_JSON);
        void *bytes;
        size_t size;

        write_one(&writer, NULL, it);
        if (sqi_writer_take(&writer, &bytes, &size) < 0)
                return;
        ((char *)bytes)[size] = '\n'; /* in the place of its NUL */
        sqi_log_file_add_whole(&events->file, bytes, size + 1);
        free(bytes);
}

/* Takes over what it points to. */
static void
add(struct sqi_events *events, struct sqi_happening *it)
{
        struct sqi_happening *place = &events->ring[events->n % SQI_EVENTS];

        it->id = next_id(events);
        clear(place);
        *place = *it;
        events->n++;
        write_down(events, place);
}

static char *
copy(const char *text)
{
        return text ? strdup(text) : NULL;
}

void
sqi_events_add(struct sqi_events *events, const char *topology, const char *event, enum sq_level level,
               const char *text)
{
        struct sqi_happening it = {.topology = copy(topology), .level = level, .text = copy(text)};

        snprintf(it.event, sizeof(it.event), "%s", event);
        if (it.text && (it.topology || !topology))
                add(events, &it);
        else
                clear(&it);
}

/* NULL: no memory. */
static char *
join_lines(const struct sqi_lines *lines)
{
        size_t n = sqi_lines_kept(lines), len = 0;
        char *text = malloc(n * (LINE_MOST + 1) + 1);

        if (!text)
                return NULL;
        for (size_t i = 0; i < n; i++)
                len += (size_t)snprintf(text + len, LINE_MOST + 2, "%.*s\n", LINE_MOST, sqi_lines_get(lines, i));
        text[len] = '\0';
        return text;
}

void
sqi_events_add_death(struct sqi_events *events, const char *topology, const struct sqi_death *death)
{
        struct sqi_happening it = {.topology = copy(topology),
                                   .event = "died",
                                   .level = SQ_WARN,
                                   .text = copy(death->text),
                                   .task = copy(death->task),
                                   .cause = copy(death->cause),
                                   .lines = join_lines(death->lines),
                                   .incarnation = death->incarnation,
                                   .deaths = death->deaths,
                                   .delay = death->delay};

        if (it.topology && it.text && it.task && it.cause && it.lines)
                add(events, &it);
        else
                clear(&it);
}

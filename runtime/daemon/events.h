/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What happens to a daemon's topologies, in one stream: what was asked for (submit, kill, ...), deaths with all
 * there is to say of them, restarts, updates, warnings.
 *
 * The last SQI_EVENTS are kept in memory, to be asked for; every one is a line of JSON in events.jsonl of the state
 * directory, which outlives the daemon and is cut as logs are (log_file.h).
 */
#ifndef SQI_EVENTS_H
#define SQI_EVENTS_H

#include "daemon/log_file.h"
#include "supervisor/supervisor.h"
#include "tuple/writer.h"

enum { SQI_EVENTS = 256, SQI_EVENT_NAME = 16 };

struct sqi_happening {
        uint64_t id;                /* microseconds since 1970, no two the same: ask for what came after */
        char *topology;             /* NULL: the supervisor itself */
        char event[SQI_EVENT_NAME]; /* "submit", "died", "told", ... */
        enum sq_level level;
        char *text;
        /* died: */
        char *task, *cause, *lines; /* each line of its log ends with a newline */
        uint32_t incarnation, deaths;
        double delay; /* seconds until it is started again */
};

struct sqi_events {
        uint64_t n, last_id;
        struct sqi_happening ring[SQI_EVENTS]; /* the n-th at n modulo their number */
        struct sqi_log_file file;
};

/* In the folder `state`. Without the file they are kept in memory alone. Start with {0}. */
void sqi_events_open(struct sqi_events *events, const char *state);
void sqi_events_reopen(struct sqi_events *events); /* the file, which somebody has put elsewhere */
void sqi_events_close(struct sqi_events *events);

/* `topology` may be NULL. Texts are copied; what finds no memory is not kept. */
void sqi_events_add(struct sqi_events *events, const char *topology, const char *event, enum sq_level level,
                    const char *text);
void sqi_events_add_death(struct sqi_events *events, const char *topology, const struct sqi_death *death);

/* Those that came after `after`, oldest first, as an array; of one topology, and of one kind, unless those are NULL. */
struct sqi_events_wanted {
        const char *topology, *event;
        uint64_t after;
};
void sqi_events_write(const struct sqi_events *events, const struct sqi_events_wanted *wanted,
                      struct sqi_writer *writer);
/* Is there one of that topology? */
bool sqi_events_know(const struct sqi_events *events, const char *topology);
/* The last death of a topology as the member `key`; null: there was none. */
void sqi_events_write_last_death(const struct sqi_events *events, const char *topology, const char *key,
                                 struct sqi_writer *writer);

#endif

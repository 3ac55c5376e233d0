/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The configuration of a topology: Storm's keys where Storm has one. The one table of keys (type, default, range, help)
 * is in config.c; `squall check`, the docs and the JSON Schema read it from there.
 */
#ifndef SQI_CONFIG_H
#define SQI_CONFIG_H

#include <stddef.h>
#include <stdint.h>

enum sqi_delivery { SQI_AT_MOST_ONCE, SQI_AT_LEAST_ONCE, SQI_EXACTLY_ONCE };
enum sqi_metering { SQI_METRICS_ON, SQI_METRICS_OFF };

struct sqi_config {
        int64_t delivery;       /* topology.delivery (enum sqi_delivery); the default follows from the spouts */
        int64_t workers;        /* topology.workers; 0: a worker for each task */
        double flush_ms;        /* topology.flush.interval.ms */
        double tick_secs;       /* topology.tick.tuple.freq.secs; 0: no ticks */
        double message_timeout; /* topology.message.timeout.secs */
        int64_t max_pending;    /* topology.max.spout.pending, tuple trees per spout task; 0: adaptive */
        int64_t max_retries;    /* topology.spout.max.retries of one tuple tree before it is given up; -1: for ever */
        /* topology.spout.retry.delay.ms, the first back-off after a `fail`, doubled each time */
        double retry_delay_ms;
        const char *dead_letter;     /* topology.dead.letter.path: JSON lines; NULL: see sqi_plan_keep_letters() */
        int64_t batch_bytes;         /* topology.batch.bytes: a batch is sent when it holds as much */
        int64_t channel_batches;     /* topology.channel.batches: high-water mark of one channel end, in batches */
        int64_t channel_bytes;       /* topology.channel.bytes: on their way to one task, at most */
        int64_t worker_memory;       /* topology.worker.memory.mb; 0: no limit */
        double worker_cpu;           /* topology.worker.cpu, in cores; 0: no limit */
        int64_t topology_memory;     /* topology.memory.mb, of all workers together; 0: no limit */
        double topology_cpu;         /* topology.cpu, in cores, likewise */
        int64_t worker_files;        /* topology.worker.files; 0: the supervisor's limit */
        int64_t worker_nice;         /* topology.worker.nice */
        int64_t metrics;             /* topology.metrics (enum sqi_metering) */
        double checkpoint_ms;        /* topology.checkpoint.interval.ms */
        double checkpoint_timeout;   /* topology.checkpoint.timeout.secs */
        int64_t checkpoint_keep;     /* topology.checkpoint.keep: sealed epochs that are kept */
        int64_t checkpoint_recorded; /* topology.checkpoint.recorded.bytes, of one task */
        const char *checkpoint_dir;  /* topology.checkpoint.dir; NULL: see docs */
        double worker_timeout;       /* supervisor.worker.timeout.secs without heartbeat: killed and restarted */
        double start_timeout;        /* supervisor.worker.start.timeout.secs, in prepare: likewise */
        double adopt_timeout;        /* supervisor.adopt.timeout.secs */
};

enum sqi_config_type { SQI_CONFIG_INT, SQI_CONFIG_FLOAT, SQI_CONFIG_ENUM, SQI_CONFIG_PATH };

struct sqi_config_key {
        const char *name;
        enum sqi_config_type type;
        size_t offset;
        const char *fallback; /* as text; NULL: not set */
        double min, max;
        const char *choices; /* "a|b" */
        const char *help;
};

/* The table, ended by a NULL name. */
extern const struct sqi_config_key sqi_config_keys[];

/* Fills every key with its default. */
void sqi_config_defaults(struct sqi_config *config);

/* Sets one key from text. 0; -ENOENT: no such key; -EINVAL: not a value of its type; -ERANGE: out of range. A string
 * value is borrowed: the caller keeps it alive as long as the config. */
int sqi_config_set(struct sqi_config *config, const char *name, const char *text);

/* The same, with the cause in words. */
int sqi_config_try(struct sqi_config *config, const char *name, const char *text, char *error, size_t size);

/* The value of a key: a number, or a text, nil where there is none; it borrows from the config. */
struct sq_value;
void sqi_config_get(const struct sqi_config *config, const struct sqi_config_key *key, struct sq_value *ret);

const struct sqi_config_key *sqi_config_find(const char *name); /* NULL: no such key */

#endif

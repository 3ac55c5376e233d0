/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/nearest.h"
#include "component/settings.h"

#define KEY(key, kind, member, dflt, least, most, words, text) \
        { \
                key, SQI_CONFIG_##kind, offsetof(struct sqi_config, member), dflt, least, most, words, text \
        }

const struct sqi_config_key sqi_config_keys[] = {
        KEY("topology.delivery", ENUM, delivery, NULL, 0, 0, "at-most-once|at-least-once|exactly-once",
            "the guarantee; by default at-least-once if a spout can replay, else at-most-once"),
        KEY("topology.workers", INT, workers, "0", 0, 65535, NULL,
            "worker processes to pack the tasks into; 0: one for each task"),
        KEY("topology.flush.interval.ms", FLOAT, flush_ms, "5", 0, 60000, NULL,
            "how long a tuple may wait for its batch to fill"),
        KEY("topology.tick.tuple.freq.secs", FLOAT, tick_secs, "0", 0, 31536000, NULL,
            "seconds from tick to tick; 0: no ticks"),
        KEY("topology.message.timeout.secs", FLOAT, message_timeout, "30", 0.001, 604800, NULL,
            "a tuple tree that is not complete after this time has failed"),
        KEY("topology.max.spout.pending", INT, max_pending, "0", 0, 1e9, NULL,
            "tuple trees in flight of one spout task; 0: as many as the topology takes"),
        KEY("topology.spout.max.retries", INT, max_retries, "16", -1, 1e9, NULL,
            "replays of one tuple tree before it is given up; -1: for ever"),
        KEY("topology.spout.retry.delay.ms", FLOAT, retry_delay_ms, "100", 0, 3600000, NULL,
            "wait before the first replay of a failed tuple tree, doubled each time"),
        KEY("topology.dead.letter.path", PATH, dead_letter, NULL, 0, 0, NULL,
            "file for what was given up, as JSON lines; not set: NAME.dead-letters.jsonl in the working directory, or in the supervisor's state directory"),
        KEY("topology.batch.bytes", INT, batch_bytes, "131072", 64, 16777216, NULL,
            "a batch is sent when it holds as much"),
        KEY("topology.channel.batches", INT, channel_batches, "16", 1, 65536, NULL,
            "batches that one end of a channel holds before its producer waits"),
        KEY("topology.channel.bytes", INT, channel_bytes, "16777216", 65536, 1e12, NULL,
            "bytes on their way to one task before its producers wait; a larger tuple goes alone"),
        KEY("topology.checkpoint.interval.ms", FLOAT, checkpoint_ms, "1000", 10, 3600000, NULL,
            "exactly-once: how often an epoch is made"),
        KEY("topology.checkpoint.timeout.secs", FLOAT, checkpoint_timeout, "60", 0.1, 86400, NULL,
            "exactly-once: an epoch that is not there after this time is given up"),
        KEY("topology.checkpoint.keep", INT, checkpoint_keep, "2", 1, 1000, NULL,
            "exactly-once: epochs that are kept on disk"),
        KEY("topology.checkpoint.recorded.bytes", INT, checkpoint_recorded, "268435456", 65536, 1e12, NULL,
            "exactly-once: an epoch is given up for which one task would write down more of what is on its way to it"),
        KEY("topology.checkpoint.dir", PATH, checkpoint_dir, NULL, 0, 0, NULL,
            "exactly-once: folder for the epochs of squall run; not set: a temporary one (a supervisor has its state directory)"),
        KEY("topology.worker.memory.mb", INT, worker_memory, "0", 0, 1e9, NULL,
            "a worker with more resident memory is restarted; 0: no limit"),
        KEY("topology.worker.cpu", FLOAT, worker_cpu, "0", 0, 65536, NULL,
            "cores that a worker may use, by cgroup v2; 0: no limit"),
        KEY("topology.memory.mb", INT, topology_memory, "0", 0, 1e9, NULL,
            "memory that all workers together may use, by cgroup v2; 0: no limit"),
        KEY("topology.cpu", FLOAT, topology_cpu, "0", 0, 65536, NULL,
            "cores that all workers together may use, by cgroup v2; 0: no limit"),
        KEY("topology.worker.files", INT, worker_files, "0", 0, 1e9, NULL,
            "files that a worker may have open; 0: as many as the supervisor"),
        KEY("topology.worker.nice", INT, worker_nice, "0", 0, 19, NULL, "nice value of the workers"),
        KEY("topology.metrics", ENUM, metrics, "on", 0, 0, "on|off",
            "off: no histogram of times is kept, and what is counted is told at the end only"),
        KEY("supervisor.worker.timeout.secs", FLOAT, worker_timeout, "30", 0.1, 86400, NULL,
            "a worker that gave no heartbeat for as long is killed and restarted"),
        KEY("supervisor.worker.start.timeout.secs", FLOAT, start_timeout, "120", 0.1, 86400, NULL,
            "a worker whose component has not got through prepare by then is killed and restarted"),
        KEY("supervisor.adopt.timeout.secs", FLOAT, adopt_timeout, "600", 0, 604800, NULL,
            "how long a worker goes on without its supervisor"),
        {.name = NULL},
};

const struct sqi_config_key *
sqi_config_find(const char *name)
{

        for (const struct sqi_config_key *key = sqi_config_keys; key->name; key++)
                if (strcmp(key->name, name) == 0)
                        return key;
        return NULL;
}

static int
in_range(const struct sqi_config_key *key, double value)
{
        return value >= key->min && value <= key->max ? 0 : -ERANGE;
}

static int
set(struct sqi_config *config, const struct sqi_config_key *key, const char *text)
{
        char *at = (char *)config + key->offset;
        int64_t number = 0;
        double real = 0;
        int r = 0;

        switch (key->type) {
        case SQI_CONFIG_INT:
                r = sqi_parse_int(text, &number);
                r = r < 0 ? r : in_range(key, (double)number);
                break;
        case SQI_CONFIG_FLOAT:
                r = sqi_parse_float(text, &real);
                r = r < 0 ? r : in_range(key, real);
                break;
        case SQI_CONFIG_ENUM:
                r = sqi_parse_choice(key->choices, text, &number);
                break;
        case SQI_CONFIG_PATH:
                r = text[0] == '\0' ? -EINVAL : 0;
                break;
        }
        if (r < 0)
                return r;
        if (key->type == SQI_CONFIG_FLOAT)
                memcpy(at, &real, sizeof(real));
        else if (key->type == SQI_CONFIG_PATH)
                memcpy(at, &text, sizeof(text));
        else
                memcpy(at, &number, sizeof(number));
        return 0;
}

void
sqi_config_defaults(struct sqi_config *config)
{
        memset(config, 0, sizeof(*config));
        for (const struct sqi_config_key *key = sqi_config_keys; key->name; key++)
                if (key->fallback)
                        (void)set(config, key, key->fallback);
}

int
sqi_config_set(struct sqi_config *config, const char *name, const char *text)
{
        const struct sqi_config_key *key = sqi_config_find(name);

        return !key ? -ENOENT : set(config, key, text);
}

static void
explain_unknown(const char *name, char *error, size_t size)
{
        struct sqi_nearest nearest = sqi_nearest(name);
        const struct sqi_config_key *key;
        char hint[SQI_HINT_SIZE];

        for (key = sqi_config_keys; key->name; key++)
                sqi_nearest_offer(&nearest, key->name);
        snprintf(error, size, "unknown config key '%.200s'%s", name, sqi_nearest_hint(&nearest, hint));
}

static void
explain_value(const struct sqi_config_key *key, const char *text, char *error, size_t size)
{
        static const char *const needs[] = {
                [SQI_CONFIG_INT] = "a whole number",
                [SQI_CONFIG_FLOAT] = "a number",
                [SQI_CONFIG_ENUM] = "one of ",
                [SQI_CONFIG_PATH] = "a path",
        };
        const char *choices = key->choices ? key->choices : "";
        struct sqi_nearest nearest = sqi_nearest(text);
        char hint[SQI_HINT_SIZE];

        sqi_nearest_offer_choices(&nearest, choices);
        snprintf(error, size, "'%s' needs %s%s, not '%.200s'%s", key->name, needs[key->type], choices, text,
                 sqi_nearest_hint(&nearest, hint));
}

int
sqi_config_try(struct sqi_config *config, const char *name, const char *text, char *error, size_t size)
{
        const struct sqi_config_key *key = sqi_config_find(name);
        int r = !key ? -ENOENT : set(config, key, text);

        if (r == -ENOENT)
                explain_unknown(name, error, size);
        else if (r == -ERANGE)
                snprintf(error, size, "'%s' is out of range: %.10g to %.10g, not %.40s", name, key->min, key->max,
                         text);
        else if (r < 0)
                explain_value(key, text, error, size);
        return r;
}

/* Word number `place` of "a|b|c". */
static struct sq_value
choice(const char *choices, int64_t place)
{
        while (place-- > 0 && strchr(choices, '|'))
                choices = strchr(choices, '|') + 1;
        return sq_str((struct sq_str){choices, strcspn(choices, "|")});
}

void
sqi_config_get(const struct sqi_config *config, const struct sqi_config_key *key, struct sq_value *ret)
{
        const char *at = (const char *)config + key->offset, *text;
        int64_t number;
        double real;

        switch (key->type) {
        case SQI_CONFIG_INT:
        case SQI_CONFIG_ENUM:
                memcpy(&number, at, sizeof(number));
                *ret = key->type == SQI_CONFIG_INT ? sq_int(number) : choice(key->choices, number);
                break;
        case SQI_CONFIG_FLOAT:
                memcpy(&real, at, sizeof(real));
                *ret = sq_float(real);
                break;
        case SQI_CONFIG_PATH:
                memcpy(&text, at, sizeof(text));
                *ret = sq_text(text);
                break;
        }
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "storm/cluster.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/complain.h"
#include "storm/assembly.h"
#include "storm/jar.h"

/* ---- Nimbus' structs, by the ids of their fields ------------------------------------------------------ */

enum { SUMMARY_ID = 1, SUMMARY_NAME, SUMMARY_TASKS, SUMMARY_EXECUTORS, SUMMARY_WORKERS, SUMMARY_UPTIME, SUMMARY_STATE };
enum { INFO_ID = 1, INFO_NAME, INFO_UPTIME, INFO_EXECUTORS, INFO_STATE, INFO_ERRORS };
enum { EXECUTOR_TASKS = 1, EXECUTOR_COMPONENT, EXECUTOR_HOST, EXECUTOR_PORT, EXECUTOR_UPTIME };
enum { ERROR_TEXT = 1, ERROR_AT, ERROR_HOST, ERROR_PORT };
enum { PAGE_SPOUTS = 9, PAGE_BOLTS };
enum { TOTALS = 2, TOTAL_EXECUTORS = 1, TOTAL_TASKS, TOTAL_EMITTED, TOTAL_TRANSFERRED, TOTAL_ACKED, TOTAL_FAILED };
enum { SPECIFIC = 3, OF_BOLT = 1, OF_SPOUT, SPOUT_COMPLETE_MS = 1, BOLT_PROCESS_MS };

static void
write_int(struct sqi_writer *answer, const char *key, const struct sqi_thrift *value, int16_t id)
{
        sqi_write_int(answer, key, sqi_thrift_int(sqi_thrift_at(value, id)));
}

static void
write_text(struct sqi_writer *answer, const char *key, const struct sqi_thrift *value, int16_t id)
{
        sqi_write_str(answer, key, sqi_thrift_text(sqi_thrift_at(value, id)));
}

/* ACTIVE is "active" here. */
static void
write_state(struct sqi_writer *answer, const struct sqi_thrift *value, int16_t id)
{
        struct sq_str given = sqi_thrift_text(sqi_thrift_at(value, id));
        char state[32];
        size_t n = 0;

        for (; n < given.len && n + 1 < sizeof(state); n++)
                state[n] = (char)tolower((unsigned char)given.ptr[n]);
        state[n] = '\0';
        sqi_write_text(answer, "state", state);
}

/* ---- The list ----------------------------------------------------------------------------------------- */

static int
ask_summaries(struct sqi_nimbus *nimbus, const struct sqi_thrift **ret, char *error, size_t size)
{
        struct sqi_thrift_call call = sqi_thrift_call("getTopologySummaries");

        return sqi_nimbus_call(nimbus, &call, ret, error, size);
}

int
sqi_cluster_list(struct sqi_nimbus *nimbus, struct sqi_writer *answer, char *error, size_t size)
{
        const struct sqi_thrift *all;
        int r = ask_summaries(nimbus, &all, error, size);

        if (r < 0)
                return r;
        sqi_write_array(answer, NULL);
        for (const struct sqi_thrift *one = sqi_thrift_first(all); one; one = one->next) {
                sqi_write_map(answer, NULL);
                write_text(answer, "topology", one, SUMMARY_NAME);
                write_text(answer, "id", one, SUMMARY_ID);
                write_state(answer, one, SUMMARY_STATE);
                write_int(answer, "uptime_s", one, SUMMARY_UPTIME);
                write_int(answer, "tasks", one, SUMMARY_TASKS);
                write_int(answer, "executors", one, SUMMARY_EXECUTORS);
                write_int(answer, "workers", one, SUMMARY_WORKERS);
                sqi_write_end(answer);
        }
        sqi_write_end(answer);
        return 0;
}

static bool
is_named(const struct sqi_thrift *summary, const char *name)
{
        struct sq_str text = sqi_thrift_text(sqi_thrift_at(summary, SUMMARY_NAME));

        return text.len == strlen(name) && memcmp(text.ptr, name, text.len) == 0;
}

int
sqi_cluster_has(struct sqi_nimbus *nimbus, const char *name, char *error, size_t size)
{
        const struct sqi_thrift *all;
        int r = ask_summaries(nimbus, &all, error, size);

        if (r < 0)
                return r;
        for (const struct sqi_thrift *one = sqi_thrift_first(all); one; one = one->next)
                if (is_named(one, name))
                        return 1;
        return 0;
}

/* ---- The status of one -------------------------------------------------------------------------------- */

static void
write_executors(struct sqi_writer *answer, const struct sqi_thrift *executors)
{
        sqi_write_array(answer, "executors_at");
        for (const struct sqi_thrift *one = sqi_thrift_first(executors); one; one = one->next) {
                const struct sqi_thrift *tasks = sqi_thrift_at(one, EXECUTOR_TASKS);

                sqi_write_map(answer, NULL);
                write_text(answer, "component", one, EXECUTOR_COMPONENT);
                write_int(answer, "first_task", tasks, 1);
                write_int(answer, "last_task", tasks, 2);
                write_text(answer, "host", one, EXECUTOR_HOST);
                write_int(answer, "port", one, EXECUTOR_PORT);
                write_int(answer, "uptime_s", one, EXECUTOR_UPTIME);
                sqi_write_end(answer);
        }
        sqi_write_end(answer);
}

static void
write_errors(struct sqi_writer *answer, const struct sqi_thrift *errors)
{
        sqi_write_array(answer, "errors");
        for (const struct sqi_thrift *key = sqi_thrift_first(errors); key; key = key->next->next) {
                for (const struct sqi_thrift *one = sqi_thrift_first(key->next); one; one = one->next) {
                        sqi_write_map(answer, NULL);
                        sqi_write_str(answer, "component", sqi_thrift_text(key));
                        write_text(answer, "host", one, ERROR_HOST);
                        write_int(answer, "port", one, ERROR_PORT);
                        write_int(answer, "at_s", one, ERROR_AT);
                        write_text(answer, "error", one, ERROR_TEXT);
                        sqi_write_end(answer);
                }
        }
        sqi_write_end(answer);
}

static void
write_components(struct sqi_writer *answer, const struct sqi_thrift *components, bool spouts)
{
        for (const struct sqi_thrift *key = sqi_thrift_first(components); key; key = key->next->next) {
                const struct sqi_thrift *totals = sqi_thrift_at(key->next, TOTALS),
                                        *specific = sqi_thrift_at(key->next, SPECIFIC);

                sqi_write_map(answer, NULL);
                sqi_write_str(answer, "id", sqi_thrift_text(key));
                sqi_write_text(answer, "kind", spouts ? "spout" : "bolt");
                write_int(answer, "executors", totals, TOTAL_EXECUTORS);
                write_int(answer, "tasks", totals, TOTAL_TASKS);
                write_int(answer, "emitted", totals, TOTAL_EMITTED);
                write_int(answer, "transferred", totals, TOTAL_TRANSFERRED);
                write_int(answer, "acked", totals, TOTAL_ACKED);
                write_int(answer, "failed", totals, TOTAL_FAILED);
                sqi_write_real(answer, "latency_ms",
                               sqi_thrift_real(sqi_thrift_at(sqi_thrift_at(specific, spouts ? OF_SPOUT : OF_BOLT),
                                                             spouts ? SPOUT_COMPLETE_MS : BOLT_PROCESS_MS)));
                sqi_write_end(answer);
        }
}

static int
add_components(struct sqi_nimbus *nimbus, const char *id, struct sqi_writer *answer, char *error, size_t size)
{
        struct sqi_thrift_call call = sqi_thrift_call("getTopologyPageInfo");
        const struct sqi_thrift *page = NULL;
        int r;

        sqi_thrift_put_text(&call, 1, id);
        sqi_thrift_put_text(&call, 2, ":all-time");
        sqi_thrift_put_bool(&call, 3, false);
        r = sqi_nimbus_call(nimbus, &call, &page, error, size);
        sqi_write_array(answer, "components");
        if (r == 0) {
                write_components(answer, sqi_thrift_at(page, PAGE_SPOUTS), true);
                write_components(answer, sqi_thrift_at(page, PAGE_BOLTS), false);
        }
        sqi_write_end(answer);
        return r;
}

/* What its summary has and its info has not. */
static int
add_numbers(struct sqi_nimbus *nimbus, const char *name, struct sqi_writer *answer, char *error, size_t size)
{
        const struct sqi_thrift *one;
        int r = ask_summaries(nimbus, &one, error, size);

        if (r < 0)
                return r;
        for (one = sqi_thrift_first(one); one && !is_named(one, name);)
                one = one->next;
        write_int(answer, "tasks", one, SUMMARY_TASKS);
        write_int(answer, "executors", one, SUMMARY_EXECUTORS);
        write_int(answer, "workers", one, SUMMARY_WORKERS);
        return 0;
}

int
sqi_cluster_status(struct sqi_nimbus *nimbus, const char *name, struct sqi_writer *answer, char *error, size_t size)
{
        struct sqi_thrift_call call = sqi_thrift_call("getTopologyInfoByName");
        const struct sqi_thrift *info;
        char id[512];
        int r;

        sqi_thrift_put_text(&call, 1, name);
        r = sqi_nimbus_call(nimbus, &call, &info, error, size);
        if (r < 0)
                return r;
        snprintf(id, sizeof(id), "%.*s", (int)sqi_thrift_text(sqi_thrift_at(info, INFO_ID)).len,
                 sqi_thrift_text(sqi_thrift_at(info, INFO_ID)).ptr);
        sqi_write_map(answer, NULL);
        sqi_write_text(answer, "topology", name);
        write_text(answer, "id", info, INFO_ID);
        write_state(answer, info, INFO_STATE);
        write_int(answer, "uptime_s", info, INFO_UPTIME);
        write_executors(answer, sqi_thrift_at(info, INFO_EXECUTORS));
        write_errors(answer, sqi_thrift_at(info, INFO_ERRORS));
        r = add_components(nimbus, id, answer, error, size);
        if (r == 0)
                r = add_numbers(nimbus, name, answer, error, size);
        sqi_write_end(answer);
        return r;
}

/* ---- What changes it ---------------------------------------------------------------------------------- */

static int
change(struct sqi_nimbus *nimbus, struct sqi_thrift_call *call, char *error, size_t size)
{
        const struct sqi_thrift *nothing;

        return sqi_nimbus_call(nimbus, call, &nothing, error, size);
}

int
sqi_cluster_activate(struct sqi_nimbus *nimbus, const char *name, bool on, char *error, size_t size)
{
        struct sqi_thrift_call call = sqi_thrift_call(on ? "activate" : "deactivate");

        sqi_thrift_put_text(&call, 1, name);
        return change(nimbus, &call, error, size);
}

int
sqi_cluster_kill(struct sqi_nimbus *nimbus, const char *name, double wait_s, char *error, size_t size)
{
        struct sqi_thrift_call call = sqi_thrift_call("killTopologyWithOpts");

        sqi_thrift_put_text(&call, 1, name);
        sqi_thrift_put_struct(&call, 2);
        if (wait_s >= 0)
                sqi_thrift_put_i32(&call, 1, wait_s < INT32_MAX ? (int32_t)(wait_s + 0.999) : INT32_MAX);
        sqi_thrift_stop(&call);
        return change(nimbus, &call, error, size);
}

int
sqi_cluster_rebalance(struct sqi_nimbus *nimbus, const char *name, size_t n, const struct sqi_executors *executors,
                      char *error, size_t size)
{
        struct sqi_thrift_call call = sqi_thrift_call("rebalance");

        sqi_thrift_put_text(&call, 1, name);
        sqi_thrift_put_struct(&call, 2);
        sqi_thrift_put_map(&call, 3, SQI_THRIFT_STRING, SQI_THRIFT_I32, (uint32_t)n);
        for (size_t i = 0; i < n; i++) {
                sqi_thrift_item_text(&call, executors[i].component);
                sqi_thrift_item_i32(&call, (int32_t)executors[i].n);
        }
        sqi_thrift_stop(&call);
        return change(nimbus, &call, error, size);
}

/* ---- A new one ---------------------------------------------------------------------------------------- */

static int
begin_upload(struct sqi_nimbus *nimbus, char *ret, size_t room, char *error, size_t size)
{
        struct sqi_thrift_call call = sqi_thrift_call("beginFileUpload");
        const struct sqi_thrift *result;
        int r = sqi_nimbus_call(nimbus, &call, &result, error, size);
        struct sq_str where = r < 0 ? (struct sq_str){"", 0} : sqi_thrift_text(result);

        if (r == 0 && (where.len == 0 || where.len >= room))
                return sqi_complain(-EBADMSG, error, size, "Nimbus does not say where the jar goes");
        snprintf(ret, room, "%.*s", (int)where.len, where.ptr);
        return r;
}

static int
upload(struct sqi_nimbus *nimbus, const struct sqi_jar *jar, const char *where, char *error, size_t size)
{
        struct sqi_thrift_call call;
        int r = 0;

        for (size_t at = 0, n; at < jar->size && r == 0; at += n) {
                n = jar->size - at < SQI_CLUSTER_CHUNK ? jar->size - at : SQI_CLUSTER_CHUNK;
                call = sqi_thrift_call("uploadChunk");
                sqi_thrift_put_text(&call, 1, where);
                sqi_thrift_put_bytes(&call, 2, jar->bytes + at, n);
                r = change(nimbus, &call, error, size);
        }
        if (r < 0)
                return r;
        call = sqi_thrift_call("finishFileUpload");
        sqi_thrift_put_text(&call, 1, where);
        return change(nimbus, &call, error, size);
}

static struct sqi_thrift_call
submission(const struct sqi_plan *plan, const char *where)
{
        struct sqi_thrift_call call = sqi_thrift_call("submitTopology");
        char *config = sqi_assembly_config(plan);

        call.failed |= !config;
        sqi_thrift_put_text(&call, 1, plan->name);
        sqi_thrift_put_text(&call, 2, where);
        sqi_thrift_put_text(&call, 3, config ? config : "");
        sqi_assembly_put(&call, 4, plan);
        free(config);
        return call;
}

int
sqi_cluster_submit(struct sqi_nimbus *nimbus, const struct sqi_plan *plan, const struct sqi_jar *jar, char *error,
                   size_t size)
{
        struct sqi_thrift_call call;
        char where[4096];
        int r = sqi_cluster_has(nimbus, plan->name, error, size);

        if (r == 1)
                return sqi_complain(-EEXIST, error, size, "%s is alive already (kill it, or submit by another --name)",
                                    plan->name);
        call = submission(plan, "");
        if (r == 0 && call.size > SQI_CLUSTER_TOPOLOGY)
                r = sqi_complain(-EFBIG, error, size, "the topology has %zu bytes, and Nimbus takes %d", call.size,
                                 SQI_CLUSTER_TOPOLOGY);
        sqi_thrift_drop(&call);
        if (r == 0)
                r = begin_upload(nimbus, where, sizeof(where), error, size);
        if (r == 0)
                r = upload(nimbus, jar, where, error, size);
        if (r < 0)
                return r;
        call = submission(plan, where);
        return change(nimbus, &call, error, size);
}

int
sqi_cluster_is_up(struct sqi_nimbus *nimbus, const char *name, char *error, size_t size)
{
        struct sqi_thrift_call call = sqi_thrift_call("getTopologyInfoByName");
        const struct sqi_thrift *info, *errors, *one;
        size_t n = 0;
        int r;

        sqi_thrift_put_text(&call, 1, name);
        r = sqi_nimbus_call(nimbus, &call, &info, error, size);
        if (r < 0)
                return r;
        for (errors = sqi_thrift_first(sqi_thrift_at(info, INFO_ERRORS)); errors; errors = errors->next->next) {
                struct sq_str id = sqi_thrift_text(errors), text;

                one = sqi_thrift_first(errors->next);
                text = sqi_thrift_text(sqi_thrift_at(one, ERROR_TEXT));
                if (!one)
                        continue;
                return sqi_complain(-ECHILD, error, size, "%.*s: %.*s", (int)id.len, id.ptr,
                                    (int)(memchr(text.ptr, '\n', text.len)
                                                  ? (const char *)memchr(text.ptr, '\n', text.len) - text.ptr
                                                  : (long)text.len),
                                    text.ptr);
        }
        for (one = sqi_thrift_first(sqi_thrift_at(info, INFO_EXECUTORS)); one; one = one->next, n++)
                if (sqi_thrift_int(sqi_thrift_at(one, EXECUTOR_UPTIME)) < SQI_CLUSTER_UP_S)
                        return 0;
        return n > 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bolt `parse`: a line of an access log in the combined format, with the time it took in milliseconds behind it:
 *
 *     10.0.0.7 - - [22/Nov/2026:10:00:03 +0000] "GET /cart?id=7 HTTP/1.1" 200 5120 12.5
 *
 * The path goes out without its query. A line that is none goes out on the stream `malformed`.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* strptime() */
#endif
#include <squall.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { LINE };
enum { MALFORMED = 1 };
enum { LINE_MAX_BYTES = 8192 };

static enum sq_verdict
execute(struct sq_task *task, const struct sq_tuple *in)
{
        struct sq_str line = sq_get_str(in, LINE);
        char text[LINE_MAX_BYTES], client[64], when[64], method[16], path[4096], took[32], *end = took;
        long long bytes;
        struct tm tm = {0};
        double ms = 0;
        int status;

        snprintf(text, sizeof(text), "%.*s", (int)line.len, line.ptr);
        if (sscanf(text, "%63s %*s %*s [%63[^]]] \"%15s %4095[^ \"] %*[^\"]\" %3d %lld %31s", client, when, method,
                   path, &status, &bytes, took) != 7 ||
            (ms = sq_strtod(took, &end), end == took) || !strptime(when, "%d/%b/%Y:%H:%M:%S", &tm)) {
                sq_emit_on(task, MALFORMED, line);
                sq_count(task, "malformed", 1);
                return SQ_ACK;
        }
        path[strcspn(path, "?")] = '\0';
        sq_histogram(task, "ms", (uint64_t)ms);
        sq_emit(task, sq_time((struct sq_time){timegm(&tm), 0}), client, method, path, status, bytes, ms);
        return SQ_ACK;
}

SQ_BOLT(parse) = {
        .about = "The fields of an access log.",
        .in = {[LINE] = {"line", SQ_STR}},
        .out = {{"time", SQ_TIME},
                {"client", SQ_STR},
                {"method", SQ_STR},
                {"path", SQ_STR},
                {"status", SQ_INT},
                {"bytes", SQ_INT},
                {"ms", SQ_FLOAT}},
        .streams = {{"malformed", {{"line", SQ_STR}}}},
        .execute = execute,
};

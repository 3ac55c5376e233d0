/* SPDX-License-Identifier: Apache-2.0 */
#include "control/endpoint.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

/* The file of a socket: a word for the supervisor's own, a letter and the task's number for the others. */
static const struct {
        const char *word;
        bool numbered;
} files[] = {
        [SQI_INBOX] = {"t", true},        [SQI_FEEDBACK] = {"f", true}, [SQI_ACKS] = {"a", true},
        [SQI_BROADCAST] = {"b", true},    [SQI_TAP] = {"p", true},      [SQI_CONTROL] = {"control", false},
        [SQI_REPORT] = {"report", false},
};

int
sqi_endpoint(const char *rundir, enum sqi_endpoint_kind kind, uint32_t task, bool inproc, char ret[SQI_ENDPOINT_SIZE])
{
        const size_t longest = sizeof((struct sockaddr_un *)0)->sun_path - 1;
        char file[32], endpoint[SQI_ENDPOINT_SIZE];
        int n;

        if (files[kind].numbered)
                snprintf(file, sizeof(file), "%s%u", files[kind].word, task);
        else
                snprintf(file, sizeof(file), "%s", files[kind].word);
        n = inproc ? snprintf(endpoint, sizeof(endpoint), "inproc://%s", file)
                   : snprintf(endpoint, sizeof(endpoint), "ipc://%s/%s", rundir, file);
        if (n < 0 || (size_t)n >= sizeof(endpoint) || (!inproc && (size_t)n - strlen("ipc://") > longest))
                return -ENAMETOOLONG;
        memcpy(ret, endpoint, (size_t)n + 1);
        return 0;
}

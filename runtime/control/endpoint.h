/* SPDX-License-Identifier: Apache-2.0 */
/* Where the sockets of a topology are: one run directory, mode 0700, a file a socket. */
#ifndef SQI_ENDPOINT_H
#define SQI_ENDPOINT_H

#include <stdbool.h>
#include <stdint.h>

enum { SQI_ENDPOINT_SIZE = 128 };

enum sqi_endpoint_kind {
        SQI_INBOX,     /* t<task>: batches */
        SQI_FEEDBACK,  /* f<task>: batches that come round a cycle */
        SQI_ACKS,      /* a<task>: ack records for a spout task */
        SQI_BROADCAST, /* b<task>: batches of a producer with an `all` grouping */
        SQI_TAP,       /* p<task>: copies of its batches, while somebody taps it (channel/tap.h) */
        SQI_CONTROL,   /* control: supervisor PUB */
        SQI_REPORT,    /* report: supervisor PULL */
};

/* Writes "ipc://RUNDIR/t3" (or "inproc://t3") into `ret`. Returns 0, or -ENAMETOOLONG: the path does not fit a Unix
 * socket address (107 bytes). `task` is not looked at for the supervisor's own. */
int sqi_endpoint(const char *rundir, enum sqi_endpoint_kind kind, uint32_t task, bool inproc,
                 char ret[SQI_ENDPOINT_SIZE]);

#endif

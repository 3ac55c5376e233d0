/* SPDX-License-Identifier: Apache-2.0 */
/* Where `return` bolts send results to, for a task of a `drpc` spout: a datagram socket in the run folder. */
#ifndef SQI_DRPC_RESULTS_H
#define SQI_DRPC_RESULTS_H

#include <sys/un.h>

#include "drpc_request.h"

struct sqi_drpc_results {
        int fd; /* -1: not open */
        struct sockaddr_un at;
        char packet[sizeof(struct sqi_drpc_piece) + DRPC_PIECE];
};

/* In the place of what a task before this one, which was killed, has left there. 0 or a negative errno; it is to be
 * closed in any case. */
int sqi_drpc_results_open(struct sqi_drpc_results *results, const char *run_folder, unsigned task);
void sqi_drpc_results_close(struct sqi_drpc_results *results);

/* The next piece, a view that is good until the next call. False: there is none now. What is not a piece is dropped. */
bool sqi_drpc_results_next(struct sqi_drpc_results *results, struct sqi_drpc_piece *ret_head, struct sq_str *ret_bytes);

#endif

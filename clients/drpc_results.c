/* SPDX-License-Identifier: Apache-2.0 */
#include "drpc_results.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int
sqi_drpc_results_open(struct sqi_drpc_results *results, const char *run_folder, unsigned task)
{
        char path[512];
        int n = snprintf(path, sizeof(path), DRPC_RESULTS, run_folder, task);

        results->fd = -1;
        results->at = (struct sockaddr_un){.sun_family = AF_UNIX};
        if (n >= (int)sizeof(results->at.sun_path))
                return -ENAMETOOLONG;
        memcpy(results->at.sun_path, path, (size_t)n + 1);
        (void)unlink(path);
        results->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        return results->fd < 0 || bind(results->fd, (struct sockaddr *)&results->at, sizeof(results->at)) < 0 ? -errno
                                                                                                              : 0;
}

void
sqi_drpc_results_close(struct sqi_drpc_results *results)
{
        if (results->fd < 0)
                return;
        close(results->fd);
        (void)unlink(results->at.sun_path);
        results->fd = -1;
}

bool
sqi_drpc_results_next(struct sqi_drpc_results *results, struct sqi_drpc_piece *ret_head, struct sq_str *ret_bytes)
{
        ssize_t n;

        do
                n = recv(results->fd, results->packet, sizeof(results->packet), MSG_TRUNC);
        while (n < 0 ? errno == EINTR : n < (ssize_t)sizeof(*ret_head) || n > (ssize_t)sizeof(results->packet));
        if (n < 0)
                return false;
        memcpy(ret_head, results->packet, sizeof(*ret_head));
        *ret_bytes = (struct sq_str){results->packet + sizeof(*ret_head), (size_t)n - sizeof(*ret_head)};
        return true;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* What the supervisor's loop waits for: the deaths, the logs and the reports of workers. */
#include "supervisor/running.h"

#include <errno.h>
#include <sys/epoll.h>

int
sqi_watch(struct sqi_supervisor *supervisor, int fd, uint32_t events, struct sqi_watch *what)
{
        struct epoll_event event = {.events = events, .data.ptr = what};

        return epoll_ctl(supervisor->epoll, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

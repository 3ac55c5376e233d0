/* SPDX-License-Identifier: Apache-2.0 */
#include "base/descriptors.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

int
sqi_descriptors_check(int n)
{
        int fds[SQI_DESCRIPTORS_SOCKET], got = 0, r;

        while (got < n && (fds[got] = eventfd(0, EFD_CLOEXEC)) >= 0)
                got++;
        r = got < n ? -errno : 0;
        while (got > 0)
                close(fds[--got]);
        return r;
}

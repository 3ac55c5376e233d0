/* SPDX-License-Identifier: Apache-2.0 */
#include "base/descriptors.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

int
sqi_descriptors_check(void)
{
        int fds[SQI_DESCRIPTORS_SOCKET], n = 0, r;

        while (n < SQI_DESCRIPTORS_SOCKET && (fds[n] = eventfd(0, EFD_CLOEXEC)) >= 0)
                n++;
        r = n < SQI_DESCRIPTORS_SOCKET ? -errno : 0;
        while (n > 0)
                close(fds[--n]);
        return r;
}

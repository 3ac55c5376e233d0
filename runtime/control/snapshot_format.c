/* SPDX-License-Identifier: Apache-2.0 */
#include "control/snapshot_format.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* By the version. */
static size_t
head_size(uint8_t version)
{
        if (version == SQI_SNAPSHOT_FIRST)
                return offsetof(struct file_head, state_version);
        return version < SQI_SNAPSHOT_PIECES_SINCE ? offsetof(struct file_head, ngone) : sizeof(struct file_head);
}

int
sqi_snapshot_head(const void *bytes, size_t size, struct file_head *ret, size_t *ret_size)
{
        const uint8_t *at = bytes;

        if (size < sizeof(ret->magic) || memcmp(at, "SQK", 3) != 0 || at[3] < SQI_SNAPSHOT_FIRST)
                return -EBADMSG;
        if (at[3] > SQI_SNAPSHOT_VERSION)
                return -EPROTO;
        if (size < head_size(at[3]))
                return -EBADMSG;
        *ret = (struct file_head){0};
        memcpy(ret, at, head_size(at[3]));
        *ret_size = head_size(at[3]);
        return 0;
}

int
sqi_snapshot_look(int at, const char *name, struct file_head *ret)
{
        uint8_t bytes[sizeof(struct file_head)];
        int fd = openat(at, name, O_RDONLY | O_CLOEXEC);
        ssize_t n = fd < 0 ? -1 : read(fd, bytes, sizeof(bytes));
        int r = n < 0 ? -errno : 0;
        size_t size;

        if (fd >= 0)
                close(fd);
        return r < 0 ? r : sqi_snapshot_head(bytes, (size_t)n, ret, &size);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "state/part_log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const double LONG = 2; /* times its first piece */

struct sqi_part_log *
sqi_part_log_new(int fd)
{
        struct sqi_part_log *log = calloc(1, sizeof(*log));

        if (log && !(log->sum = XXH3_createState())) {
                free(log);
                log = NULL;
        }
        if (!log)
                return NULL;
        XXH3_64bits_reset(log->sum);
        log->fd = fd;
        return log;
}

void
sqi_pieces_free(struct piece **pieces)
{
        while (*pieces) {
                struct piece *piece = *pieces;

                *pieces = piece->next;
                free(piece);
        }
}

void
sqi_part_log_free(struct sqi_part_log **log)
{
        if (!*log)
                return;
        sqi_pieces_free(&(*log)->spare);
        if ((*log)->fd >= 0)
                close((*log)->fd);
        XXH3_freeState((*log)->sum);
        free(*log);
        *log = NULL;
}

int
sqi_part_log_name_again(int fd, const char *path)
{
        char now[64];

        snprintf(now, sizeof(now), "/proc/self/fd/%d", fd);
        return linkat(AT_FDCWD, now, AT_FDCWD, path, AT_SYMLINK_FOLLOW) < 0 ? -errno : 0;
}

bool
sqi_part_log_is_full(const struct sqi_part_log *log, double share)
{
        return log->first && (double)log->size > (LONG - share) * (double)log->first;
}

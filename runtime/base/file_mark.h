/* SPDX-License-Identifier: Apache-2.0 */
/* What a file of ours begins with: three letters that say of which format it is, and a byte, its version from 1 on. */
#ifndef SQI_FILE_MARK_H
#define SQI_FILE_MARK_H

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { SQI_FILE_MARK = 4 };

/* Of the `n` bytes that are there: 0: they begin with `mark`; -EPROTO: with that of a later version, which is not to be
 * written over; -EBADMSG: with neither. */
static inline int
sqi_file_mark_check(const void *bytes, size_t n, const char mark[SQI_FILE_MARK])
{
        if (n < SQI_FILE_MARK || memcmp(bytes, mark, SQI_FILE_MARK - 1) != 0)
                return -EBADMSG;
        uint8_t found = ((const uint8_t *)bytes)[SQI_FILE_MARK - 1], known = (uint8_t)mark[SQI_FILE_MARK - 1];

        return found == known ? 0 : found > known ? -EPROTO : -EBADMSG;
}

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/begun.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/file_mark.h"
#include "base/sealed.h"

enum { TEXT_SIZE = 32 };

struct begun {
        char magic[SQI_FILE_MARK]; /* "SQO" and the version */
        uint32_t unused;
        uint64_t epoch;
};
static const struct begun blank = {.magic = {'S', 'Q', 'O', 1}};

int
sqi_begun_write(int folder, uint64_t epoch)
{
        struct begun begun = blank;

        begun.epoch = epoch;
        return sqi_sealed_write(folder, "from", &begun, sizeof(begun));
}

static int
take(const char *bytes, size_t size, uint64_t *ret_epoch)
{
        struct begun begun;
        int r = sqi_file_mark_check(bytes, size, blank.magic);

        if (r < 0 || size != sizeof(begun))
                return r < 0 ? r : -EBADMSG;
        memcpy(&begun, bytes, sizeof(begun));
        *ret_epoch = begun.epoch;
        return 0;
}

/* Of a supervisor before this format, whose workers are still there: the number as text. */
static int
read_text(int folder, uint64_t *ret_epoch)
{
        char *text = NULL;
        size_t size, digits;
        int r = sqi_file_read(folder, "from", TEXT_SIZE, &text, &size);

        if (r < 0)
                return r == -EFBIG ? -EBADMSG : r;
        digits = strspn(text, "0123456789");
        errno = 0;
        uint64_t epoch = strtoull(text, NULL, 10);
        r = digits > 0 && digits == size && errno == 0 ? 0 : -EBADMSG;
        free(text);
        if (r == 0)
                *ret_epoch = epoch;
        return r;
}

int
sqi_begun_read(int folder, uint64_t *ret_epoch)
{
        void *bytes;
        size_t size;
        bool torn;
        int r = sqi_sealed_read(folder, "from", &bytes, &size, &torn);

        if (r == -EBADMSG)
                return read_text(folder, ret_epoch);
        if (r < 0)
                return r;
        r = take(bytes, size, ret_epoch);
        free(bytes);
        return r;
}

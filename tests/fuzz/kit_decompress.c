/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a compressed file: at most so much is written as was asked for, and what was read once is read again. */
#include <squall-kit.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PIECE = 4096, PIECES = 64 };

static void
read_all(struct sq_decompressor *from)
{
        char bytes[PIECE], first = 0, again = 0;
        uint64_t offset = 0;
        ssize_t n = 1;

        for (int i = 0; n > 0 && i < PIECES; i++) {
                n = sq_decompressor_read(from, bytes, sizeof(bytes), offset);
                if (n > (ssize_t)sizeof(bytes))
                        abort();
                if (n > 0 && offset == 0)
                        first = bytes[0];
                offset += n > 0 ? (uint64_t)n : 0;
        }
        if (offset > 0 && (sq_decompressor_read(from, &again, 1, 0) != 1 || again != first))
                abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct sq_decompressor *from = NULL;
        int fd = memfd_create("fuzz", MFD_CLOEXEC);

        if (fd < 0 || write(fd, data, size) != (ssize_t)size)
                abort();
        if (sq_decompressor_open(fd, &from) == 0)
                read_all(from);
        sq_decompressor_close(&from);
        close(fd);
        return 0;
}

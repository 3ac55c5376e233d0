/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a file that members of gzip are appended to: it is refused as it is, or ends with what was appended,
 * which a writer that knows nothing of it finds. */
#include <fcntl.h>
#include <squall-kit.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t
size_of(int fd)
{
        struct stat about;

        if (fstat(fd, &about) < 0)
                abort();
        return (uint64_t)about.st_size;
}

static int
append(struct sq_gzip *gzip, int fd, uint64_t *end)
{
        const struct sq_str none = {"", 0}, line = {"line\n", 5};

        return sq_gzip_append(gzip, fd, end, none, line);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct sq_gzip *gzip;
        uint64_t end = 0, again = 0;
        int fd = memfd_create("fuzz", MFD_CLOEXEC);

        if (fd < 0 || write(fd, data, size) != (ssize_t)size || fcntl(fd, F_SETFL, O_APPEND) < 0 ||
            sq_gzip_new(&gzip) < 0)
                abort();
        if (append(gzip, fd, &end) == 0) {
                if (end != size_of(fd) || append(gzip, fd, &again) < 0 || again != size_of(fd) || again <= end)
                        abort();
        } else if (size_of(fd) != size) {
                abort();
        }
        sq_gzip_free(&gzip);
        close(fd);
        return 0;
}

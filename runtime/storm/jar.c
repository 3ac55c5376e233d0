/* SPDX-License-Identifier: Apache-2.0 */
#include "storm/jar.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NAME_MAX_LENGTH = 1024, VERSION_NEEDED = 20, FIRST_OF_JANUARY_1980 = 0x21 };

/* As zip has it (reflected, 0xedb88320), four bits at a time. */
static uint32_t
crc32_of(const uint8_t *bytes, size_t size)
{
        static const uint32_t table[16] = {0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4,
                                           0x4db26158, 0x5005713c, 0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
                                           0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c};
        uint32_t crc = UINT32_MAX;

        for (size_t i = 0; i < size; i++) {
                crc = table[(crc ^ bytes[i]) & 15] ^ crc >> 4;
                crc = table[(crc ^ bytes[i] >> 4) & 15] ^ crc >> 4;
        }
        return ~crc;
}

static void
append(struct sqi_jar *jar, uint8_t **bytes, size_t *size, size_t *room, const void *more, size_t n)
{
        if (jar->error == 0 && *room - *size < n) {
                size_t wanted = 2 * *room + n + 4096;
                uint8_t *grown = realloc(*bytes, wanted);

                if (!grown) {
                        jar->error = -ENOMEM;
                        return;
                }
                *bytes = grown;
                *room = wanted;
        }
        if (jar->error || n == 0)
                return;
        (void)memcpy(*bytes + *size, more, n);
        *size += n;
}

static void
put(struct sqi_jar *jar, const void *bytes, size_t n)
{
        append(jar, &jar->bytes, &jar->size, &jar->room, bytes, n);
}

static void
put_in_directory(struct sqi_jar *jar, const void *bytes, size_t n)
{
        append(jar, &jar->directory, &jar->directory_size, &jar->directory_room, bytes, n);
}

/* What an entry's head has in both places; integers are little-endian, and this machine is. */
struct __attribute__((packed)) head {
        uint16_t needed, flags, method, time, date;
        uint32_t crc, packed_size, size;
        uint16_t name, extra;
};

void
sqi_jar_add(struct sqi_jar *jar, const char *name, const void *bytes, size_t size)
{
        size_t length = strnlen(name, NAME_MAX_LENGTH), at = jar->size;
        struct head head = {.needed = VERSION_NEEDED,
                            .date = FIRST_OF_JANUARY_1980,
                            .crc = crc32_of(bytes, size),
                            .packed_size = (uint32_t)size,
                            .size = (uint32_t)size,
                            .name = (uint16_t)length};
        struct __attribute__((packed)) {
                uint16_t comment, disk, internal;
                uint32_t external, at;
        } rest = {.at = (uint32_t)at};
        uint16_t made = VERSION_NEEDED;

        if (at + size > INT32_MAX || jar->n == UINT16_MAX)
                jar->error = jar->error ? jar->error : -EFBIG;
        put(jar, "PK\3\4", 4);
        put(jar, &head, sizeof(head));
        put(jar, name, length);
        put(jar, bytes, size);
        put_in_directory(jar, "PK\1\2", 4);
        put_in_directory(jar, &made, sizeof(made));
        put_in_directory(jar, &head, sizeof(head));
        put_in_directory(jar, &rest, sizeof(rest));
        put_in_directory(jar, name, length);
        jar->n++;
}

static int
read_all(int fd, uint8_t *bytes, size_t size)
{
        for (size_t at = 0; at < size;) {
                ssize_t n = read(fd, bytes + at, size - at);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        return n < 0 ? -errno : -EIO; /* it has got shorter */
                at += (size_t)n;
        }
        return 0;
}

int
sqi_jar_add_file(struct sqi_jar *jar, const char *name, const char *path)
{
        int fd = open(path, O_RDONLY | O_CLOEXEC), r = fd < 0 ? -errno : 0;
        uint8_t *bytes = NULL;
        struct stat stat;

        if (r == 0 && fstat(fd, &stat) < 0)
                r = -errno;
        if (r == 0 && !S_ISREG(stat.st_mode))
                r = S_ISDIR(stat.st_mode) ? -EISDIR : -EINVAL;
        if (r == 0 && !(bytes = malloc((size_t)stat.st_size + 1)))
                r = -ENOMEM;
        if (r == 0)
                r = read_all(fd, bytes, (size_t)stat.st_size);
        if (r == 0)
                sqi_jar_add(jar, name, bytes, (size_t)stat.st_size);
        free(bytes);
        if (fd >= 0)
                (void)close(fd);
        return r;
}

int
sqi_jar_end(struct sqi_jar *jar)
{
        struct __attribute__((packed)) {
                uint16_t disk, start, here, all;
                uint32_t size, at;
                uint16_t comment;
        } end = {.here = jar->n, .all = jar->n, .size = (uint32_t)jar->directory_size, .at = (uint32_t)jar->size};

        put(jar, jar->directory, jar->directory_size);
        put(jar, "PK\5\6", 4);
        put(jar, &end, sizeof(end));
        return jar->error;
}

void
sqi_jar_free(struct sqi_jar *jar)
{
        free(jar->bytes);
        free(jar->directory);
        *jar = (struct sqi_jar){.bytes = NULL};
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Any stream, in any framing: cut into pieces it has the same records as in one piece, up to the first that ends it;
 * and so have its lines when some are taken at once. */
#include <errno.h>
#include <squall-kit.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { LIMIT = 64, SOME = 3 };

static uint64_t
add(uint64_t sum, struct sq_str record)
{
        if (record.len > LIMIT)
                abort();
        sum = sum * 31 + record.len + 1;
        for (size_t i = 0; i < record.len; i++)
                sum = sum * 31 + (unsigned char)record.ptr[i];
        return sum;
}

/* A number that stands for all records and errors, in their order. */
static uint64_t
read_all(const uint8_t *data, size_t size, int64_t framing, size_t step)
{
        struct sq_frames frames = {.limit = LIMIT};
        struct sq_str records[SOME];
        uint64_t sum = 0;
        size_t some;
        int rc = 0;

        for (size_t at = 0; at <= size && (rc >= 0 || frames.skipping); at += step) {
                size_t n = size - at < step ? size - at : step, room;

                memcpy(sq_frames_room(&frames, &room), data + at, n);
                frames.fill += n;
                for (;;) {
                        some = step <= size / 2 ? sq_frames_lines(&frames, framing, SOME, records) : 0;
                        for (size_t i = 0; i < some; i++)
                                sum = add(sum, records[i]);
                        rc = sq_frames_next(&frames, framing, at + n == size, records);
                        if (rc == 0)
                                break;
                        sum = rc > 0 ? add(sum, records[0]) : sum * 31 + 7;
                        if (rc < 0 && !frames.skipping)
                                break;
                }
                if (n < step)
                        break;
        }
        sq_frames_free(&frames);
        return sum;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        int64_t framing;
        uint64_t whole;

        if (size < 2)
                return 0;
        framing = data[0] % 3;
        whole = read_all(data + 2, size - 2, framing, size);
        if (read_all(data + 2, size - 2, framing, (size_t)data[1] % 16 + 1) != whole)
                abort();
        return 0;
}

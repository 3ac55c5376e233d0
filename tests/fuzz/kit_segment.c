/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes behind the head of a segment: what is read of them as records is what it would have been written as; whole
 * or byte by byte it comes to the same; and what is cut off as torn leaves what is whole.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "kit/segment.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(bool holds)
{
        if (!holds)
                abort();
}

/* All records, each looked at with more and more bytes. Where they end, and *ret_r how. */
static size_t
read_all(const char *bytes, size_t size, uint64_t first, int *ret_r)
{
        char head[SQI_RECORD_HEAD];
        struct sq_str record;
        size_t at = 0, seen, need;
        int r;

        for (uint64_t number = first;; number++) {
                seen = at;
                while ((r = sqi_record_look(bytes + at, seen - at, seen == size, number, &record, &need)) == -EAGAIN) {
                        check(seen < size && need > seen - at);
                        seen = need < size - at ? at + need : size;
                }
                if (r != 1)
                        break;
                sqi_record_put(head, number, record);
                check(memcmp(head, bytes + at, sizeof(head)) == 0 && record.ptr == bytes + at + sizeof(head));
                at += sizeof(head) + record.len;
                check(at <= size);
        }
        *ret_r = r;
        return at;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        const char *bytes = (const char *)data;
        struct sqi_segment_head head;
        struct sq_str record;
        size_t end, need, room = size + 2 * SQI_RECORD_HEAD;
        char *written;
        int r;

        (void)sqi_segment_check(bytes, size, 0, 0, &head);
        end = read_all(bytes, size, 1, &r);
        check(r == 0 || r == -EPIPE || r == -EBADMSG);
        check((r == 0) == (end == size));
        check(read_all(bytes, end, 1, &r) == end && r == 0);

        /* as a record, and once more behind it: cut anywhere, or damaged, it is not taken for another */
        written = malloc(2 * room);
        record = (struct sq_str){bytes, size};
        sqi_record_put(written, 7, record);
        if (size > 0)
                memcpy(written + SQI_RECORD_HEAD, bytes, size);
        end = SQI_RECORD_HEAD + size;
        sqi_record_put(written + end, 8, (struct sq_str){"", 0});
        check(read_all(written, end + SQI_RECORD_HEAD, 7, &r) == end + SQI_RECORD_HEAD && r == 0);
        need = size > 1 ? (size_t)data[0] * 256 + data[1] : 0;
        check(read_all(written, need % end, 7, &r) == 0 && (r == -EPIPE || r == 0));
        written[need % end] ^= 1;
        check(read_all(written, end + SQI_RECORD_HEAD, 7, &r) == 0 && r == -EBADMSG);
        free(written);
        return 0;
}

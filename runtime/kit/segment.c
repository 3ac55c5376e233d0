/* SPDX-License-Identifier: Apache-2.0 */
#include "kit/segment.h"

#include <errno.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/file_mark.h"

static const char magic[4] = {'S', 'Q', 'J', 1};

struct record_head {
        uint32_t len, check;
        uint64_t hash;
};
_Static_assert(sizeof(struct record_head) == SQI_RECORD_HEAD, "no padding: it is written to disk");

static uint64_t
hash_of_head(const struct sqi_segment_head *head)
{
        return XXH3_64bits(head, offsetof(struct sqi_segment_head, hash));
}

void
sqi_segment_seal(struct sqi_segment_head *head)
{
        memcpy(head->magic, magic, sizeof(magic));
        head->hash = hash_of_head(head);
}

int
sqi_segment_check(const char *bytes, size_t n, uint64_t owner, uint32_t task, struct sqi_segment_head *ret)
{
        struct sqi_segment_head head;
        int r = sqi_file_mark_check(bytes, n, magic);

        if (r < 0 || n < sizeof(head))
                return r < 0 ? r : -EBADMSG;
        memcpy(&head, bytes, sizeof(head));
        if (head.hash != hash_of_head(&head))
                return -EBADMSG;
        if (head.owner != owner || head.task != task)
                return -EXDEV;
        *ret = head;
        return 0;
}

/* So that a length that was damaged is not believed. */
static uint32_t
check_of(uint64_t number, uint32_t len)
{
        return (uint32_t)sq_mix(sq_mix(number) + len + 1);
}

void
sqi_record_put(char *to, uint64_t number, struct sq_str record)
{
        struct record_head head = {.len = (uint32_t)record.len,
                                   .check = check_of(number, (uint32_t)record.len),
                                   .hash = XXH3_64bits_withSeed(record.ptr, record.len, number)};

        memcpy(to, &head, sizeof(head));
}

static bool
is_blank(const char *bytes, size_t n)
{
        while (n > 0 && bytes[n - 1] == 0)
                n--;
        return n == 0;
}

int
sqi_record_look(const char *bytes, size_t n, bool last, uint64_t number, struct sq_str *ret, size_t *ret_need)
{
        struct record_head head;
        size_t whole;

        if (n == 0 && last)
                return 0;
        *ret_need = sizeof(head);
        if (n < sizeof(head))
                return last ? -EPIPE : -EAGAIN;
        memcpy(&head, bytes, sizeof(head));
        if (head.len > SQI_RECORD_MAX || head.check != check_of(number, head.len)) {
                *ret_need = 2 * n;
                if (!is_blank(bytes, n))
                        return -EBADMSG;
                return last ? -EPIPE : -EAGAIN;
        }
        whole = sizeof(head) + head.len;
        *ret_need = whole;
        if (n < whole)
                return last ? -EPIPE : -EAGAIN;
        if (head.hash != XXH3_64bits_withSeed(bytes + sizeof(head), head.len, number)) {
                *ret_need = 2 * n; /* is it the last one? */
                if (!is_blank(bytes + whole, n - whole))
                        return -EBADMSG;
                return last ? -EPIPE : -EAGAIN;
        }
        *ret = (struct sq_str){bytes + sizeof(head), head.len};
        return 1;
}

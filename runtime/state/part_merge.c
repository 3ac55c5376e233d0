/* SPDX-License-Identifier: Apache-2.0 */
#include "state/part_merge.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>

#include "control/snapshot_format.h"
#include "state/keyed.h"
#include "state/part_writer.h"

struct merging {
        const uint8_t *begin, *at, *end;
        struct file_head head; /* of the piece under way; then of the last one */
        struct sqi_keyed *later;
        struct sqi_part_writer *out; /* NULL: the first look */
        const uint8_t *sections;     /* of the last piece, up to the end */
};

/* Of a key of a later piece. Offsets; 0: none. */
struct fate {
        uint64_t gone, last;
        bool copied;
};

static uint64_t
offset_of(const struct merging *merging, const uint8_t *at)
{
        return (uint64_t)(at - merging->begin);
}

/* The next bytes; NULL: the file ends before. */
static const uint8_t *
take(struct merging *merging, uint64_t size)
{
        const uint8_t *at = merging->at;

        if ((uint64_t)(merging->end - at) < size)
                return NULL;
        merging->at += size;
        return at;
}

static bool
read_into(struct merging *merging, void *ret, size_t size)
{
        const uint8_t *at = take(merging, size);

        if (at)
                memcpy(ret, at, size);
        return at;
}

/* ---- Passing over what is there ---------------------------------------------------------------------- */

static int
pass_part(struct merging *merging)
{
        struct part_head part;
        struct block_head block;

        if (!read_into(merging, &part, sizeof(part)))
                return -EBADMSG;
        for (uint64_t i = 0; i < part.nblocks; i++)
                if (!read_into(merging, &block, sizeof(block)) || !take(merging, block.len) ||
                    !take(merging, block.size))
                        return -EBADMSG;
        return 0;
}

/* -ENODATA: there is none any more. */
static int
pass_key(struct merging *merging, struct sq_str *ret)
{
        struct key_head head;
        const uint8_t *key;
        int r = 0;

        if (!read_into(merging, &head, sizeof(head)))
                return -EBADMSG;
        if (head.len == SQI_KEYS_END)
                return -ENODATA;
        key = take(merging, head.len);
        if (!key || !take(merging, merging->head.state_size))
                return -EBADMSG;
        for (uint32_t i = 0; i < head.nparts && r == 0; i++)
                r = pass_part(merging);
        *ret = (struct sq_str){(const char *)key, head.len};
        return r;
}

static int
pass_sections(struct merging *merging)
{
        struct section_head head;

        merging->sections = merging->at;
        do {
                if (!read_into(merging, &head, sizeof(head)) || !take(merging, head.size))
                        return -EBADMSG;
        } while (head.kind != SQI_SECTION_END);
        return 0;
}

/* ---- What becomes of a key --------------------------------------------------------------------------- */

static int
note_gone(struct merging *merging, uint64_t at, struct sq_str key)
{
        struct fate *fate = sqi_keyed_get(merging->later, key);

        if (!fate)
                return -ENOMEM;
        fate->gone = at;
        return 0;
}

static int
note_key(struct merging *merging, uint64_t at, struct sq_str key)
{
        struct fate *fate = sqi_keyed_get(merging->later, key);

        if (!fate)
                return -ENOMEM;
        fate->last = at;
        return 0;
}

/* What stands from `at` on, up to where the next one begins. */
static int
copy_at(struct merging *merging, uint64_t at)
{
        const uint8_t *back = merging->at;
        struct sq_str key;
        int r;

        merging->at = merging->begin + at;
        r = pass_key(merging, &key);
        if (r == 0)
                sqi_part_writer_put(merging->out, merging->begin + at, offset_of(merging, merging->at) - at);
        merging->at = back;
        return r;
}

static int
copy_key(struct merging *merging, uint64_t at, struct sq_str key)
{
        struct fate *fate = sqi_keyed_find(merging->later, key);

        if (!fate)
                return copy_at(merging, at);
        if (at < fate->gone || fate->copied)
                return 0;
        fate->copied = true;
        return copy_at(merging, fate->last > fate->gone ? fate->last : at);
}

/* ---- The pieces -------------------------------------------------------------------------------------- */

static int
pass_gone(struct merging *merging)
{
        for (uint64_t i = 0; i < merging->head.ngone; i++) {
                uint64_t at = offset_of(merging, merging->at);
                const uint8_t *key;
                uint32_t len;
                int r;

                key = read_into(merging, &len, sizeof(len)) ? take(merging, len) : NULL;
                if (!key)
                        return -EBADMSG;
                r = merging->out ? 0 : note_gone(merging, at, (struct sq_str){(const char *)key, len});
                if (r < 0)
                        return r;
        }
        return 0;
}

static int
pass_keys(struct merging *merging, bool first)
{
        for (;;) {
                uint64_t at = offset_of(merging, merging->at);
                struct sq_str key;
                int r = pass_key(merging, &key);

                if (r == 0 && merging->out)
                        r = copy_key(merging, at, key);
                else if (r == 0 && !first)
                        r = note_key(merging, at, key);
                if (r < 0)
                        return r == -ENODATA ? 0 : r;
        }
}

static int
pass_piece(struct merging *merging)
{
        bool first = merging->at == merging->begin;
        int r;

        if (!read_into(merging, &merging->head, sizeof(merging->head)) || memcmp(merging->head.magic, "SQK", 3) != 0 ||
            merging->head.magic[3] != SQI_SNAPSHOT_VERSION)
                return -EBADMSG;
        r = pass_gone(merging);
        if (r == 0)
                r = pass_keys(merging, first);
        return r == 0 ? pass_sections(merging) : r;
}

static int
pass_all(struct merging *merging)
{
        int r = 0;

        merging->at = merging->begin;
        while (r == 0 && merging->at < merging->end)
                r = pass_piece(merging);
        return r;
}

static int
copy_all(struct merging *merging)
{
        struct key_head end = {.len = SQI_KEYS_END};
        int r;

        merging->head.ngone = 0;
        sqi_part_writer_put(merging->out, &merging->head, sizeof(merging->head));
        r = pass_all(merging);
        sqi_part_writer_put(merging->out, &end, sizeof(end));
        sqi_part_writer_put(merging->out, merging->sections, (size_t)(merging->end - merging->sections));
        sqi_part_writer_end(merging->out);
        return r;
}

static int
merge_into(struct merging *merging, const char *path, struct sqi_part_log **ret)
{
        uint64_t size, sum;
        int r = sqi_part_writer_new(path, &merging->out);

        if (r < 0)
                return r;
        r = copy_all(merging);
        if (r == 0)
                return sqi_part_writer_close(&merging->out, &size, &sum, ret);
        sqi_part_writer_drop(&merging->out);
        return r;
}

int
sqi_part_merge(int fd, uint64_t size, const char *path, struct sqi_part_log **ret)
{
        void *bytes = mmap(NULL, (size_t)size, PROT_READ, MAP_SHARED, fd, 0);
        struct merging merging = {.begin = bytes, .end = (const uint8_t *)bytes + size};
        int r;

        if (bytes == MAP_FAILED)
                return -errno;
        merging.later = sqi_keyed_new(sizeof(struct fate));
        r = merging.later ? pass_all(&merging) : -ENOMEM;
        if (r == 0)
                r = merge_into(&merging, path, ret);
        sqi_keyed_free(&merging.later);
        munmap(bytes, (size_t)size);
        return r;
}

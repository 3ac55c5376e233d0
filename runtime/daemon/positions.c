/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/positions.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/complain.h"
#include "base/file_mark.h"
#include "base/sealed.h"

/* Then a struct sqi_position for each task. */
struct positions_head {
        char magic[4]; /* "SQP" and the version */
        uint32_t ntasks;
        uint64_t base;
};
static const struct positions_head blank = {.magic = {'S', 'Q', 'P', 1}};

int
sqi_positions_write(int folder, uint64_t base, const struct sqi_position *positions, uint32_t ntasks)
{
        size_t size = ntasks * sizeof(*positions);
        struct positions_head head = blank;
        char *bytes = malloc(sizeof(head) + size);
        int r;

        if (!bytes)
                return -ENOMEM;
        head.ntasks = ntasks;
        head.base = base;
        memcpy(bytes, &head, sizeof(head));
        memcpy(bytes + sizeof(head), positions, size);
        r = sqi_sealed_write(folder, "positions", bytes, sizeof(head) + size);
        free(bytes);
        return r;
}

int
sqi_positions_put(struct sqi_state *state, const char *name, uint64_t base, const struct sqi_position *positions,
                  uint32_t ntasks)
{
        int folder = sqi_folder_open(state->topologies, name), r = folder;

        if (folder < 0)
                return r;
        sqi_desk_aside(state->desk);
        r = sqi_positions_write(folder, base, positions, ntasks);
        sqi_desk_back(state->desk);
        close(folder);
        return r;
}

static int
take_positions(const char *bytes, size_t size, uint64_t *ret_base, struct sqi_position *positions, uint32_t ntasks)
{
        struct positions_head head;

        if (size == ntasks * sizeof(uint64_t)) { /* of 0.1: numbers alone */
                *ret_base = 0;
                memset(positions, 0, ntasks * sizeof(*positions));
                for (uint32_t t = 0; t < ntasks; t++) {
                        memcpy(&positions[t].number, bytes + t * sizeof(uint64_t), sizeof(uint64_t));
                        positions[t].known = positions[t].number != SQI_NEVER;
                }
                return 0;
        }
        int r = sqi_file_mark_check(bytes, size, blank.magic);
        if (r < 0 || size != sizeof(head) + ntasks * sizeof(*positions))
                return r < 0 ? r : -EBADMSG;
        memcpy(&head, bytes, sizeof(head));
        if (head.ntasks != ntasks)
                return -EBADMSG;
        *ret_base = head.base;
        memcpy(positions, bytes + sizeof(head), size - sizeof(head));
        return 0;
}

int
sqi_positions_get(struct sqi_state *state, const char *name, uint64_t *ret_base, struct sqi_position *positions,
                  uint32_t ntasks, bool *ret_older, char *error, size_t size)
{
        int folder = sqi_folder_open(state->topologies, name), r = folder;
        char path[PATH_MAX];
        size_t length;
        void *bytes;
        bool torn = false;

        if (folder >= 0) {
                r = sqi_sealed_read(folder, "positions", &bytes, &length, &torn);
                close(folder);
                if (r == 0) {
                        r = take_positions(bytes, length, ret_base, positions, ntasks);
                        free(bytes);
                }
        }
        if (r == -ENOENT && folder >= 0) {
                memset(positions, 0, ntasks * sizeof(*positions));
                *ret_base = SQI_NEVER;
                *ret_older = false;
                return 0;
        }
        if (r == -EBADMSG)
                return sqi_complain(
                        r, error, size,
                        "%s is damaged: where its spouts were is not known (remove it and positions.old, and they begin from the "
                        "last snapshot, or from the beginning; or kill the topology)",
                        sqi_state_path(state, name, "positions", path));
        if (r < 0)
                return sqi_complain(r, error, size, "cannot read %s: %s",
                                    sqi_state_path(state, name, "positions", path), sqi_sealed_reason(r));
        *ret_older = torn;
        return 0;
}

int
sqi_positions_drop(struct sqi_state *state, const char *name)
{
        int folder = sqi_folder_open(state->topologies, name), r = folder;

        if (folder < 0)
                return r;
        sqi_desk_aside(state->desk);
        r = sqi_sealed_remove(folder, "positions");
        if (r == 0 && fsync(folder) < 0)
                r = -errno;
        sqi_desk_back(state->desk);
        close(folder);
        return r;
}

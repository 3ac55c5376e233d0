/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records of a pipe, which can be read once only. What is not done yet is kept, in the order it was read in, to be
 * emitted again:
 *
 *     records  [ free | done | kept | done | kept | kept | free ]
 *                       first                             first + n
 */
#include <errno.h>
#include <squall-kit.h>
#include <stdlib.h>
#include <string.h>

struct sq_pipe_record {
        uint64_t position;
        char *bytes; /* NULL: done */
        size_t len;
        const char *wrong;
};

/* Room for one more at the end. */
static bool
make_room(struct sq_pipe *pipe)
{
        size_t room = pipe->room ? 2 * pipe->room : 64;
        struct sq_pipe_record *grown;

        if (pipe->first + pipe->n < pipe->room)
                return true;
        if (pipe->first > pipe->room / 2) {
                memmove(pipe->records, pipe->records + pipe->first, pipe->n * sizeof(*pipe->records));
                pipe->first = 0;
                return true;
        }
        grown = realloc(pipe->records, room * sizeof(*grown));
        if (!grown)
                return false;
        pipe->records = grown;
        pipe->room = room;
        return true;
}

int
sq_pipe_keep(struct sq_pipe *pipe, uint64_t position, struct sq_str record, const char *wrong)
{
        struct sq_pipe_record *to;

        if (!make_room(pipe))
                return -ENOMEM;
        to = &pipe->records[pipe->first + pipe->n];
        to->bytes = malloc(record.len + 1);
        if (!to->bytes)
                return -ENOMEM;
        memcpy(to->bytes, record.ptr, record.len);
        to->position = position;
        to->len = record.len;
        to->wrong = wrong;
        pipe->bytes += record.len;
        pipe->n++;
        return 0;
}

static struct sq_pipe_record *
find(const struct sq_pipe *pipe, uint64_t position)
{
        size_t low = pipe->first, high = pipe->first + pipe->n;
        uint64_t guess = low < high ? low + (position - pipe->records[low].position) : high;

        /* Positions are mostly those of messages, one behind the other. */
        if (guess < high && pipe->records[guess].position == position)
                low = high = (size_t)guess;
        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (pipe->records[middle].position < position)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low < pipe->first + pipe->n && pipe->records[low].position == position && pipe->records[low].bytes
                       ? &pipe->records[low]
                       : NULL;
}

bool
sq_pipe_find(const struct sq_pipe *pipe, uint64_t position, struct sq_str *ret, const char **ret_wrong)
{
        const struct sq_pipe_record *record = find(pipe, position);

        if (!record)
                return false;
        *ret = (struct sq_str){record->bytes, record->len};
        *ret_wrong = record->wrong;
        return true;
}

void
sq_pipe_done(struct sq_pipe *pipe, uint64_t position)
{
        struct sq_pipe_record *record = find(pipe, position);

        if (!record)
                return;
        pipe->bytes -= record->len;
        free(record->bytes);
        record->bytes = NULL;
        while (pipe->n > 0 && !pipe->records[pipe->first].bytes) {
                pipe->first++;
                pipe->n--;
        }
}

void
sq_pipe_close(struct sq_pipe *pipe)
{
        for (size_t i = 0; i < pipe->n; i++)
                free(pipe->records[pipe->first + i].bytes);
        free(pipe->records);
        *pipe = (struct sq_pipe){0};
}

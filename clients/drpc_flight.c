/* SPDX-License-Identifier: Apache-2.0 */
#include "drpc_flight.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { BUCKETS_MIN = 64, BUCKETS_MAX = 1 << 16 };

int
sqi_drpc_flight_open(struct sqi_drpc_flight *flight, uint64_t most)
{
        *flight = (struct sqi_drpc_flight){.most = most, .next_ns = UINT64_MAX, .nbuckets = BUCKETS_MIN};
        while (flight->nbuckets < most && flight->nbuckets < BUCKETS_MAX)
                flight->nbuckets *= 2;
        flight->buckets = calloc(flight->nbuckets, sizeof(struct sqi_drpc_asked *));
        return flight->buckets ? 0 : -ENOMEM;
}

void
sqi_drpc_flight_close(struct sqi_drpc_flight *flight)
{
        free(flight->buckets);
        *flight = (struct sqi_drpc_flight){0};
}

static struct sq_str
keep(char *at, struct sq_str text)
{
        if (text.len)
                memcpy(at, text.ptr, text.len);
        return (struct sq_str){text.ptr ? at : NULL, text.len};
}

struct sqi_drpc_asked *
sqi_drpc_flight_add(struct sqi_drpc_flight *flight, const struct sqi_drpc_request *request, int fd, uint64_t due_ns)
{
        struct sqi_drpc_asked *asked = NULL, **bucket;

        if (flight->n < flight->most)
                asked = malloc(sizeof(*asked) + request->client.len + request->tag.len + 1);
        if (!asked)
                return NULL;
        *asked = (struct sqi_drpc_asked){.serial = ++flight->serials, .due_ns = due_ns, .fd = fd};
        asked->client = keep(asked->bytes, request->client);
        asked->tag = keep(asked->bytes + request->client.len, request->tag);
        bucket = &flight->buckets[asked->serial & (flight->nbuckets - 1)];
        asked->next = *bucket;
        asked->at = bucket;
        if (asked->next)
                asked->next->at = &asked->next;
        *bucket = asked;
        flight->n++;
        if (due_ns < flight->next_ns)
                flight->next_ns = due_ns;
        return asked;
}

struct sqi_drpc_asked *
sqi_drpc_flight_find(const struct sqi_drpc_flight *flight, uint64_t serial)
{
        struct sqi_drpc_asked *asked = flight->buckets[serial & (flight->nbuckets - 1)];

        while (asked && asked->serial != serial)
                asked = asked->next;
        return asked;
}

int
sqi_drpc_flight_add_piece(struct sqi_drpc_asked *asked, const struct sqi_drpc_piece *head, struct sq_str bytes)
{
        char *grown;

        if (head->at == 0) {
                asked->sender = head->sender;
                asked->result_len = 0;
        }
        if (asked->sender != head->sender || asked->result_len != head->at)
                return -EPROTO;
        grown = realloc(asked->result, asked->result_len + bytes.len + 1);
        if (!grown)
                return -ENOMEM;
        memcpy(grown + asked->result_len, bytes.ptr, bytes.len);
        asked->result = grown;
        asked->result_len += bytes.len;
        return 0;
}

void
sqi_drpc_flight_remove(struct sqi_drpc_flight *flight, struct sqi_drpc_asked *asked)
{
        *asked->at = asked->next;
        if (asked->next)
                asked->next->at = asked->at;
        flight->n--;
        free(asked->result);
        free(asked);
}

/* ---- Many at a time ---------------------------------------------------------------------------------- */

/* What they are chosen by. */
struct choice {
        uint64_t due_ns; /* not later than this */
        int fd;          /* -1: any */
        struct sq_str client, tag;
};

static bool
is_same(struct sq_str a, struct sq_str b)
{
        return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static bool
is_chosen(const struct sqi_drpc_asked *asked, const struct choice *choice)
{
        if (choice->fd >= 0 && asked->fd != choice->fd)
                return false;
        if (choice->client.ptr && !(is_same(choice->client, asked->client) && is_same(choice->tag, asked->tag)))
                return false;
        return asked->due_ns <= choice->due_ns;
}

static void
each(struct sqi_drpc_flight *flight, struct choice choice, sqi_drpc_over *over, void *context)
{
        flight->next_ns = UINT64_MAX;
        for (size_t b = 0; b < flight->nbuckets; b++)
                for (struct sqi_drpc_asked *asked = flight->buckets[b], *next; asked; asked = next) {
                        next = asked->next;
                        if (is_chosen(asked, &choice))
                                over(context, asked);
                        else if (asked->due_ns < flight->next_ns)
                                flight->next_ns = asked->due_ns;
                }
}

void
sqi_drpc_flight_expire(struct sqi_drpc_flight *flight, uint64_t now_ns, sqi_drpc_over *over, void *context)
{
        if (now_ns >= flight->next_ns)
                each(flight, (struct choice){.due_ns = now_ns, .fd = -1}, over, context);
}

void
sqi_drpc_flight_hang_up(struct sqi_drpc_flight *flight, int fd, sqi_drpc_over *over, void *context)
{
        if (fd >= 0 && flight->n > 0)
                each(flight, (struct choice){.due_ns = UINT64_MAX, .fd = fd}, over, context);
}

void
sqi_drpc_flight_cancel(struct sqi_drpc_flight *flight, const struct sqi_drpc_request *request, sqi_drpc_over *over,
                       void *context)
{
        const struct choice choice = {UINT64_MAX, -1, request->client, request->tag};

        if (flight->n > 0)
                each(flight, choice, over, context);
}

void
sqi_drpc_flight_end(struct sqi_drpc_flight *flight, sqi_drpc_over *over, void *context)
{
        if (flight->buckets)
                each(flight, (struct choice){.due_ns = UINT64_MAX, .fd = -1}, over, context);
}

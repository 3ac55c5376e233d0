/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The requests in flight of a `drpc` spout: from when one is taken to when it is answered. No socket, no clock, no
 * thread.
 */
#ifndef SQI_DRPC_FLIGHT_H
#define SQI_DRPC_FLIGHT_H

#include "drpc_request.h"

struct sqi_drpc_waiting; /* drpc_line.h */

/* One request in flight. `client` and `tag` are its own copies. */
struct sqi_drpc_asked {
        struct sqi_drpc_asked *next, **at; /* of its bucket */
        uint64_t serial, due_ns;
        int fd; /* of the client's connection; -1: not known */
        struct sq_str client, tag;
        struct sqi_drpc_waiting *waiting; /* NULL: it was emitted */
        /* of a result that comes in pieces: what is there of it, malloc'd, and who sends it */
        char *result;
        size_t result_len;
        uint32_t sender;
        char bytes[];
};

struct sqi_drpc_flight {
        uint64_t most, n, serials; /* the last serial given */
        uint64_t next_ns;          /* nothing is due before; UINT64_MAX: never */
        size_t nbuckets;           /* a power of two */
        struct sqi_drpc_asked **buckets;
};

/* For so many at a time, at most. 0 or -ENOMEM. */
int sqi_drpc_flight_open(struct sqi_drpc_flight *flight, uint64_t most);
/* There are none left in it. */
void sqi_drpc_flight_close(struct sqi_drpc_flight *flight);

/* NULL: there are too many, or there is no memory. It has the next serial. */
struct sqi_drpc_asked *sqi_drpc_flight_add(struct sqi_drpc_flight *flight, const struct sqi_drpc_request *request,
                                           int fd, uint64_t due_ns);
/* NULL: it is over. */
struct sqi_drpc_asked *sqi_drpc_flight_find(const struct sqi_drpc_flight *flight, uint64_t serial);
/* More of its result. A piece that begins one begins it anew: whoever sent the one before may have died in the middle
 * of it, or sends it once more. 0; -EPROTO: it is not the next piece of what was begun last; or -ENOMEM. */
int sqi_drpc_flight_add_piece(struct sqi_drpc_asked *asked, const struct sqi_drpc_piece *head, struct sq_str bytes);
/* Takes it out and frees it; what of it waits is the caller's. */
void sqi_drpc_flight_remove(struct sqi_drpc_flight *flight, struct sqi_drpc_asked *asked);

/* Calls `over` for each whose time is over; it removes the request. */
typedef void sqi_drpc_over(void *context, struct sqi_drpc_asked *asked);
void sqi_drpc_flight_expire(struct sqi_drpc_flight *flight, uint64_t now_ns, sqi_drpc_over *over, void *context);
/* For each that came by this connection; */
void sqi_drpc_flight_hang_up(struct sqi_drpc_flight *flight, int fd, sqi_drpc_over *over, void *context);
/* of this client with this tag; */
void sqi_drpc_flight_cancel(struct sqi_drpc_flight *flight, const struct sqi_drpc_request *request, sqi_drpc_over *over,
                            void *context);
/* and for all. */
void sqi_drpc_flight_end(struct sqi_drpc_flight *flight, sqi_drpc_over *over, void *context);

#endif

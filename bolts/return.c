/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bolt `return`: gives results to those who have asked a `drpc` spout for them. A result goes straight to the
 * spout's task, by a socket in the run folder; who has asked stands in the tuple.
 */
#include <errno.h>
#include <squall-kit.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#include "../clients/drpc_request.h"

enum { REQUEST, RESULT };
enum { HELD = 65536, LINGER_MS = 1000, ENDPOINT_SIZE = 256 };

/* To one task of a `drpc` spout. */
struct way {
        unsigned task;
        void *socket;
};

struct return_bolt {
        void *context;
        char folder[ENDPOINT_SIZE]; /* that the ways lead to */
        struct way *ways;
        size_t n;
        char *json;
        size_t size;
};

static int
prepare(struct sq_task *task)
{
        struct return_bolt *self = sq_state(task);

        self->context = zmq_ctx_new();
        return self->context ? 0 : sq_error(task, "%s", zmq_strerror(errno));
}

static void
close_ways(struct return_bolt *self)
{
        for (size_t i = 0; i < self->n; i++)
                zmq_close(self->ways[i].socket);
        free(self->ways);
        self->ways = NULL;
        self->n = 0;
}

static void *
connect_to(struct return_bolt *self, unsigned task)
{
        void *socket = zmq_socket(self->context, ZMQ_PUSH);
        int held = HELD, linger = LINGER_MS;
        char endpoint[ENDPOINT_SIZE + 32];

        snprintf(endpoint, sizeof(endpoint), SQ_DRPC_RESULTS, self->folder, task);
        if (socket && zmq_setsockopt(socket, ZMQ_SNDHWM, &held, sizeof(held)) == 0 &&
            zmq_setsockopt(socket, ZMQ_LINGER, &linger, sizeof(linger)) == 0 && zmq_connect(socket, endpoint) == 0)
                return socket;
        if (socket)
                zmq_close(socket);
        return NULL;
}

/* NULL: there is none, as errno says. */
static void *
find_way(struct sq_task *task, struct return_bolt *self, unsigned to)
{
        const char *folder = sq_run_folder(task);
        struct way *ways;
        void *socket;

        if (strcmp(folder, self->folder) != 0) { /* the topology goes on in another one */
                close_ways(self);
                snprintf(self->folder, sizeof(self->folder), "%s", folder);
        }
        for (size_t i = 0; i < self->n; i++)
                if (self->ways[i].task == to)
                        return self->ways[i].socket;
        socket = connect_to(self, to);
        ways = socket ? realloc(self->ways, (self->n + 1) * sizeof(*ways)) : NULL;
        if (!ways) {
                if (socket)
                        zmq_close(socket);
                return NULL;
        }
        self->ways = ways;
        self->ways[self->n++] = (struct way){to, socket};
        return socket;
}

/* A text as it is, anything else as JSON. False: there is no memory. */
static bool
write_result(struct return_bolt *self, struct sq_value result, struct sq_str *ret)
{
        char *json;

        if (result.type == SQ_STR || result.type == SQ_BIN) {
                *ret = (struct sq_str){result.as.ptr, result.len};
                return true;
        }
        ret->len = sq_json(result, self->json, self->size);
        if (ret->len >= self->size) {
                json = realloc(self->json, ret->len + 1);
                if (!json)
                        return false;
                self->json = json;
                self->size = ret->len + 1;
                sq_json(result, self->json, self->size);
        }
        ret->ptr = self->json;
        return true;
}

static enum sq_verdict
execute(struct sq_task *task, const struct sq_tuple *in)
{
        struct return_bolt *self = sq_state(task);
        struct sq_str request = sq_get_str(in, REQUEST), result;
        struct sqi_drpc_token token;
        void *way;

        if (!sqi_drpc_token_read(request, &token))
                return sq_fail(task, "'%.*s' is not a request of a `drpc` spout: hand its field `request` on as it is",
                               request.len < DRPC_TOKEN ? (int)request.len : DRPC_TOKEN, request.ptr);
        if (!write_result(self, sq_get(in, RESULT), &result))
                return sq_retry_later(task, "no memory for a result");
        if (sq_stepped(task))
                return SQ_ACK;
        way = find_way(task, self, token.task);
        if (!way)
                return sq_retry_later(task, "no way to the spout: %s", zmq_strerror(errno));
        if (zmq_send(way, request.ptr, request.len, ZMQ_DONTWAIT | ZMQ_SNDMORE) < 0 ||
            zmq_send(way, result.ptr, result.len, ZMQ_DONTWAIT) < 0)
                return sq_retry_later(task, "the spout does not take results: %s", zmq_strerror(errno));
        return SQ_ACK;
}

static void
cleanup(struct sq_task *task)
{
        struct return_bolt *self = sq_state(task);

        close_ways(self);
        if (self->context)
                zmq_ctx_term(self->context);
        free(self->json);
}

SQ_BOLT(return ) = {
        .about = "Gives results to those who have asked a `drpc` spout for them.",
        .state = sizeof(struct return_bolt),
        .in = {[REQUEST] = {"request", SQ_STR}, [RESULT] = {"result", SQ_ANY}},
        .prepare = prepare,
        .execute = execute,
        .cleanup = cleanup,
};

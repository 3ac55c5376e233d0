/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bolt `return`: gives results to those who have asked a `drpc` spout for them. A result goes straight to the
 * spout's task, by a socket in the run folder; who has asked stands in the tuple.
 */
#include <errno.h>
#include <squall-kit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "../clients/drpc_request.h"

enum { REQUEST, RESULT };
enum { FOLDER_SIZE = 256 };

/* To one task of a `drpc` spout. */
struct way {
        unsigned task;
        int fd;
};

struct return_bolt {
        char folder[FOLDER_SIZE]; /* that the ways lead to */
        struct way *ways;
        size_t n;
        uint32_t sender;
        char *json;
        size_t size;
};

static int
prepare(struct sq_task *task)
{
        struct return_bolt *self = sq_state(task);

        return getrandom(&self->sender, sizeof(self->sender), 0) == sizeof(self->sender)
                       ? 0
                       : sq_error(task, "%s", strerror(errno));
}

static void
close_ways(struct return_bolt *self)
{
        for (size_t i = 0; i < self->n; i++)
                close(self->ways[i].fd);
        free(self->ways);
        self->ways = NULL;
        self->n = 0;
}

/* It waits for the spout's thread at most a second. A descriptor, or -1 and errno. */
static int
connect_to(const struct return_bolt *self, unsigned task)
{
        const struct timeval patience = {.tv_sec = 1};
        struct sockaddr_un at = {.sun_family = AF_UNIX};
        int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

        if (snprintf(at.sun_path, sizeof(at.sun_path), DRPC_RESULTS, self->folder, task) >= (int)sizeof(at.sun_path))
                errno = ENAMETOOLONG;
        else if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) == 0 &&
                 connect(fd, (struct sockaddr *)&at, sizeof(at)) == 0)
                return fd;
        if (fd >= 0)
                close(fd);
        return -1;
}

/* NULL: there is none, as errno says. */
static struct way *
find_way(struct sq_task *task, struct return_bolt *self, unsigned to)
{
        const char *folder = sq_run_folder(task);
        struct way *ways;
        int fd;

        if (strcmp(folder, self->folder) != 0) { /* the topology goes on in another one */
                close_ways(self);
                snprintf(self->folder, sizeof(self->folder), "%s", folder);
        }
        for (size_t i = 0; i < self->n; i++)
                if (self->ways[i].task == to)
                        return &self->ways[i];
        fd = connect_to(self, to);
        if (fd < 0)
                return NULL;
        ways = realloc(self->ways, (self->n + 1) * sizeof(*ways));
        if (!ways) {
                close(fd);
                return NULL;
        }
        self->ways = ways;
        self->ways[self->n] = (struct way){to, fd};
        return &self->ways[self->n++];
}

/* 0, or -1 and errno. */
static int
send_piece(int fd, const struct sqi_drpc_piece *head, struct sq_str bytes)
{
        struct iovec parts[] = {{.iov_base = (void *)(uintptr_t)head, .iov_len = sizeof(*head)},
                                {.iov_base = (void *)(uintptr_t)bytes.ptr, .iov_len = bytes.len}};
        const struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
        ssize_t n;

        do
                n = sendmsg(fd, &message, MSG_NOSIGNAL);
        while (n < 0 && errno == EINTR);
        return n < 0 ? -1 : 0;
}

static int
send_result(const struct return_bolt *self, int fd, const struct sqi_drpc_token *token, struct sq_str result)
{
        struct sqi_drpc_piece head = {.nonce = token->nonce, .serial = token->serial, .sender = self->sender};

        while (!head.last) {
                size_t n = result.len < DRPC_PIECE ? result.len : DRPC_PIECE;

                head.last = n == result.len;
                if (send_piece(fd, &head, (struct sq_str){result.ptr, n}) < 0)
                        return -1;
                head.at += n;
                result.ptr += n;
                result.len -= n;
        }
        return 0;
}

/* The spout's task that has asked is not there any more: nobody waits. */
static bool
is_gone(int error)
{
        return error == ECONNREFUSED || error == ENOENT || error == ECONNRESET || error == ENOTCONN;
}

/* A way that is known leads to a task of the spout that may have died since: then by a new one, to the one that is
 * there now and may have asked. 0, or -1 and errno. */
static int
deliver(struct sq_task *task, struct return_bolt *self, const struct sqi_drpc_token *token, struct sq_str result)
{
        struct way *way = find_way(task, self, token->task);

        if (way && send_result(self, way->fd, token, result) == 0)
                return 0;
        if (!way || !is_gone(errno))
                return -1;
        close_ways(self);
        way = find_way(task, self, token->task);
        return way ? send_result(self, way->fd, token, result) : -1;
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

        if (!sqi_drpc_token_read(request, &token))
                return sq_fail(task, "'%.*s' is not a request of a `drpc` spout: hand its field `request` on as it is",
                               request.len < DRPC_TOKEN ? (int)request.len : DRPC_TOKEN, request.ptr);
        if (!write_result(self, sq_get(in, RESULT), &result))
                return sq_retry_later(task, "no memory for a result");
        if (sq_stepped(task))
                return SQ_ACK;
        if (deliver(task, self, &token, result) < 0 && !is_gone(errno))
                return sq_retry_later(task, "the spout does not take the result: %s", strerror(errno));
        return SQ_ACK;
}

static void
cleanup(struct sq_task *task)
{
        struct return_bolt *self = sq_state(task);

        close_ways(self);
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

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hostile SEED ROUNDS DIRECTORY...: a client that means harm. In each round it picks one of the sockets in the
 * directories (a topology's, the supervisor's for commands) and sends something corrupt, truncated, oversized or deeply
 * nested: as a ZeroMQ message, or as raw bytes that are no ZeroMQ at all. It knows the wire format, but sends nothing
 * that is valid: whoever may write to the run directory (mode 0700) could do that. Prints the name of each socket and
 * how many messages it got.
 */
#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <zmq.h>

#include "tuple/wire.h"

enum { SOCKETS_MAX = 64, OVERSIZE = 32 << 20, NESTED = 100000, PATH_SIZE = 512 };

struct hostile {
        uint64_t random;
        char paths[SOCKETS_MAX][PATH_SIZE];
        void *sockets[SOCKETS_MAX];
        long sent[SOCKETS_MAX];
        size_t n;
        uint8_t *bytes;
};

static uint64_t
draw(struct hostile *hostile, uint64_t n)
{
        hostile->random += UINT64_C(0x9e3779b97f4a7c15);
        return sq_mix(hostile->random) % n;
}

static void
scribble(struct hostile *hostile, size_t size)
{
        for (size_t i = 0; i < size; i++)
                hostile->bytes[i] = (uint8_t)draw(hostile, 256);
}

/* A header that is right but for what it says of the bytes behind it. */
static struct sqi_header
header(struct hostile *hostile)
{
        return (struct sqi_header){
                .magic = "SQB",
                .version = SQI_WIRE_VERSION,
                .kind = SQI_BATCH_DATA,
                .count = 1,
                .bytes = (uint32_t)draw(hostile, 1000),
                .nruns = 1,
                .run_bytes = sizeof(struct sqi_run),
        };
}

typedef size_t harm(struct hostile *hostile);

static size_t
noise(struct hostile *hostile)
{
        size_t size = draw(hostile, 300);

        scribble(hostile, size);
        if (size > 3 && draw(hostile, 2))
                memcpy(hostile->bytes, draw(hostile, 2) ? "SQB" : "SQA", 3);
        return size;
}

static size_t
truncated(struct hostile *hostile)
{
        struct sqi_header whole = header(hostile);

        whole.bytes = 500;
        memcpy(hostile->bytes, &whole, sizeof(whole));
        scribble(hostile, 0);
        return draw(hostile, sizeof(whole) + 400);
}

/* Lengths that overflow when they are added up. */
static size_t
lying(struct hostile *hostile)
{
        struct sqi_header lie = header(hostile);

        lie.count = UINT32_MAX - (uint32_t)draw(hostile, 3);
        lie.bytes = UINT32_MAX - (uint32_t)draw(hostile, 100);
        lie.nruns = (uint32_t)draw(hostile, 2) ? UINT32_MAX : 0;
        lie.run_bytes = UINT32_MAX;
        lie.task = (uint32_t)draw(hostile, 2) ? UINT32_MAX : 0;
        memcpy(hostile->bytes, &lie, sizeof(lie));
        return sizeof(lie) + draw(hostile, 100);
}

static size_t
oversized(struct hostile *hostile)
{
        struct sqi_header big = header(hostile);

        big.bytes = 7;
        memcpy(hostile->bytes, &big, sizeof(big));
        return OVERSIZE;
}

/* A tuple of arrays in arrays, with everything around it as it should be. */
static size_t
nested(struct hostile *hostile)
{
        struct sqi_header deep = header(hostile);
        struct sqi_run run = {.count = 1};

        deep.bytes = NESTED;
        memcpy(hostile->bytes, &deep, sizeof(deep));
        memset(hostile->bytes + sizeof(deep), 0x91, NESTED);
        memcpy(hostile->bytes + sizeof(deep) + NESTED, &run, sizeof(run));
        return sizeof(deep) + NESTED + sizeof(run);
}

static size_t
false_acks(struct hostile *hostile)
{
        struct sqi_ack_header lie = {
                .magic = "SQA", .version = SQI_WIRE_VERSION, .count = (uint32_t)draw(hostile, 1u << 30)};

        if (draw(hostile, 2))
                lie.task = UINT32_MAX;
        memcpy(hostile->bytes, &lie, sizeof(lie));
        return sizeof(lie) + 1 + draw(hostile, 100);
}

static harm *const harms[] = {noise, truncated, lying, oversized, nested, false_acks};

/* The other end of what listens there. */
static int
type_for(const char *name)
{
        if (strcmp(name, "control") == 0 || name[0] == 'b')
                return ZMQ_XSUB;
        return strcmp(name, "commands") == 0 ? ZMQ_DEALER : ZMQ_PUSH;
}

static void
add_socket(struct hostile *hostile, const char *directory, const char *name, void *context)
{
        const int zero = 0, quick = 100;
        char endpoint[PATH_SIZE + 8];
        void *socket = zmq_socket(context, type_for(name));

        snprintf(hostile->paths[hostile->n], sizeof(hostile->paths[0]), "%s/%s", directory, name);
        snprintf(endpoint, sizeof(endpoint), "ipc://%s", hostile->paths[hostile->n]);
        zmq_setsockopt(socket, ZMQ_LINGER, &zero, sizeof(zero));
        zmq_setsockopt(socket, ZMQ_SNDTIMEO, &quick, sizeof(quick));
        zmq_connect(socket, endpoint);
        hostile->sockets[hostile->n++] = socket;
}

static void
find_sockets(struct hostile *hostile, const char *path, void *context)
{
        DIR *directory = opendir(path);
        const struct dirent *entry;

        while (directory && (entry = readdir(directory)) && hostile->n < SOCKETS_MAX)
                if (entry->d_type == DT_SOCK)
                        add_socket(hostile, path, entry->d_name, context);
        if (directory)
                closedir(directory);
}

/* Bytes on the bare socket: no greeting, half a greeting, or one and then nonsense. */
static bool
send_raw(struct hostile *hostile, size_t which, size_t size)
{
        static const uint8_t greeting[64] = {0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 3, 0, 'N', 'U', 'L', 'L'};
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        bool sent;

        memcpy(address.sun_path, hostile->paths[which], strnlen(hostile->paths[which], sizeof(address.sun_path) - 1));
        if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
                if (fd >= 0)
                        close(fd);
                return false;
        }
        sent = send(fd, greeting, draw(hostile, sizeof(greeting) + 1), MSG_NOSIGNAL) >= 0;
        sent &= send(fd, hostile->bytes, size < 100000 ? size : 100000, MSG_NOSIGNAL) >= 0;
        close(fd);
        return sent;
}

static void
do_harm(struct hostile *hostile)
{
        size_t which = draw(hostile, hostile->n),
               size = harms[draw(hostile, sizeof(harms) / sizeof(harms[0]))](hostile);

        if (size == OVERSIZE && draw(hostile, 8)) /* now and then is enough */
                size = 100000;
        if (draw(hostile, 4) == 0)
                hostile->sent[which] += send_raw(hostile, which, size);
        else
                hostile->sent[which] += zmq_send(hostile->sockets[which], hostile->bytes, size, 0) >= 0;
}

int
main(int argc, char **argv)
{
        struct hostile hostile = {0};
        void *context = zmq_ctx_new();
        long rounds;

        if (argc < 4 || !(hostile.bytes = calloc(1, OVERSIZE)))
                return 2;
        hostile.random = strtoull(argv[1], NULL, 10);
        rounds = strtol(argv[2], NULL, 10);
        for (int i = 3; i < argc; i++)
                find_sockets(&hostile, argv[i], context);
        for (long i = 0; i < rounds && hostile.n; i++)
                do_harm(&hostile);
        for (size_t i = 0; i < hostile.n; i++) {
                printf("%s %ld\n", strrchr(hostile.paths[i], '/') + 1, hostile.sent[i]);
                zmq_close(hostile.sockets[i]);
        }
        zmq_ctx_term(context);
        free(hostile.bytes);
        return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connections that others make to a spout: squall-connect.h says how it is used.
 *
 * Descriptors are watched by one epoll, level-triggered, which the task sleeps on. A connection of which a whole record
 * waits in its buffer is `ready` and goes first. Without room for a tuple nothing is read, so the kernel's buffers fill
 * and the senders wait. Without a descriptor for another connection nobody is let in until one ends, or for a while:
 * those that knock wait in the kernel, and the listening socket, which stays ready for them, is not watched.
 */
#include <errno.h>
#include <netdb.h>
#include <squall-kit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { EVENTS = 64, BACKLOG = 128, HEAD = 200 };
static const uint64_t REST_NS = 1000000000, WARN_NS = 60000000000;

struct sq_peer {
        int fd;
        bool ended, ready;
        struct sq_frames frames;
};

/* ---- Opening ----------------------------------------------------------------------------------------- */

const char *
sq_address_read(const char *text, struct sq_url *ret)
{
        char whole[512];

        if (snprintf(whole, sizeof(whole), "tcp://%s", text) >= (int)sizeof(whole))
                return "is too long";
        if (sq_url_read(whole, ret) || ret->port == 0 || ret->path[0] || ret->user[0])
                return "is not HOST:PORT";
        return NULL;
}

/* NULL, or what is wrong. */
static const char *
bind_to(const char *listen_at, int type, bool shared, int *ret_fd)
{
        struct addrinfo hints = {.ai_socktype = type, .ai_flags = AI_PASSIVE}, *found = NULL;
        struct sq_url at;
        char port[8];
        int fd, r, error, on = 1;

        if (sq_address_read(listen_at, &at))
                return "is not HOST:PORT";
        snprintf(port, sizeof(port), "%u", at.port);
        r = getaddrinfo(at.host[0] && strcmp(at.host, "*") != 0 ? at.host : NULL, port, &hints, &found);
        if (r != 0)
                return gai_strerror(r);
        fd = socket(found->ai_family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        r = fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
            (shared && setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) < 0) ||
            bind(fd, found->ai_addr, found->ai_addrlen) < 0;
        error = errno;
        freeaddrinfo(found);
        if (!r) {
                *ret_fd = fd;
                return NULL;
        }
        if (fd >= 0)
                close(fd);
        return strerror(error);
}

/* Binds to HOST:PORT. 0, or -1 after sq_error(). */
int
sq_bind_inet(struct sq_task *task, const char *listen_at, int type, int *ret_fd)
{
        const char *wrong = bind_to(listen_at, type, sq_parallelism(task) > 1, ret_fd);

        return wrong ? sq_error(task, "%s: %s", listen_at, wrong) : 0;
}

void
sq_probe_listening(struct sq_declaration *decl, const char *option, const char *listen_at, int type)
{
        int fd = -1;
        const char *wrong = bind_to(listen_at, type, sq_declared_parallelism(decl) > 1, &fd);

        /* only what listens is in the way of one that wants to */
        if (!wrong && type == SOCK_STREAM && listen(fd, 1) < 0)
                wrong = strerror(errno);
        if (wrong)
                sq_declare_error(decl, option, "%s: %s", listen_at, wrong);
        if (fd >= 0)
                close(fd);
}

int
sq_bind_unix(struct sq_task *task, const char *path, int type, int *ret_fd)
{
        struct sockaddr_un at = {.sun_family = AF_UNIX};
        struct stat there;
        int fd, r;

        if (strlen(path) >= sizeof(at.sun_path))
                return sq_error(task, "%s: is longer than %zu bytes", path, sizeof(at.sun_path) - 1);
        memcpy(at.sun_path, path, strlen(path) + 1);
        if (lstat(path, &there) == 0 && !S_ISSOCK(there.st_mode))
                return sq_error_final(task, "%s: there is a file, and no socket: name another path", path);
        fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd >= 0 && connect(fd, (struct sockaddr *)&at, sizeof(at)) < 0 && errno == ECONNREFUSED)
                unlink(path); /* of one that was killed */
        if (fd >= 0 && bind(fd, (struct sockaddr *)&at, sizeof(at)) == 0) {
                *ret_fd = fd;
                return 0;
        }
        r = sq_error(task, "%s: %s", path, strerror(errno));
        if (fd >= 0)
                close(fd);
        return r;
}

static int
watch(const struct sq_inlet *inlet, int fd, struct sq_peer *peer)
{
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = peer};

        return epoll_ctl(inlet->watch, EPOLL_CTL_ADD, fd, &event);
}

void
sq_inlet_declare(const struct sq_inlet *inlet, struct sq_declaration *decl)
{
        if (inlet->limit < 1 || inlet->limit > INT32_MAX)
                sq_declare_error(decl, "limit", "must be from 1 to %d", INT32_MAX);
        sq_messages_declare(&inlet->messages, decl);
}

int
sq_inlet_open(struct sq_task *task, const char *name, int fd)
{
        struct sq_inlet *inlet = sq_state(task);

        inlet->listening = fd;
        inlet->watch = epoll_create1(EPOLL_CLOEXEC);
        if (inlet->watch < 0 || listen(fd, BACKLOG) < 0 || watch(inlet, fd, NULL) < 0)
                return sq_error(task, "%s: %s", name, strerror(errno));
        return sq_messages_begin(task, name);
}

/* ---- Connections ------------------------------------------------------------------------------------- */

static void
rest(struct sq_task *task, struct sq_inlet *inlet, int error)
{
        struct epoll_event nothing = {.events = 0};
        uint64_t now = sq_now(task);

        if (inlet->rested_ns == 0 || now >= inlet->rested_ns + WARN_NS)
                sq_log(task, SQ_WARN,
                       "%s: %s at %zu connections: others wait until one ends (`ulimit -n` sets how many there may be)",
                       inlet->messages.decoder.source, strerror(error), inlet->npeers);
        (void)epoll_ctl(inlet->watch, EPOLL_CTL_MOD, inlet->listening, &nothing);
        inlet->rest_ns = now + REST_NS;
}

static void
end_rest(struct sq_task *task, struct sq_inlet *inlet)
{
        struct epoll_event event = {.events = EPOLLIN};

        if (inlet->rest_ns == 0)
                return;
        (void)epoll_ctl(inlet->watch, EPOLL_CTL_MOD, inlet->listening, &event);
        inlet->rest_ns = 0;
        inlet->rested_ns = sq_now(task);
}

static void
let_go(struct sq_task *task, struct sq_inlet *inlet, size_t i)
{
        struct sq_peer *peer = inlet->peers[i];

        close(peer->fd);
        end_rest(task, inlet);
        sq_frames_free(&peer->frames);
        free(peer);
        inlet->peers[i] = inlet->peers[--inlet->npeers];
}

static bool
add(struct sq_inlet *inlet, int fd)
{
        struct sq_peer **grown = realloc(inlet->peers, (inlet->npeers + 1) * sizeof(struct sq_peer *)), *peer;

        if (!grown)
                return false;
        inlet->peers = grown;
        peer = calloc(1, sizeof(*peer));
        if (!peer || watch(inlet, fd, peer) < 0) {
                free(peer);
                return false;
        }
        peer->fd = fd;
        peer->frames.limit = (size_t)inlet->limit;
        inlet->peers[inlet->npeers++] = peer;
        return true;
}

static void
welcome(struct sq_task *task, struct sq_inlet *inlet)
{
        int fd = accept4(inlet->listening, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

        if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM))
                rest(task, inlet, errno);
        if (fd < 0)
                return;
        if (!add(inlet, fd)) {
                sq_log(task, SQ_ERROR, "%s: a connection is refused: %s", inlet->messages.decoder.source,
                       strerror(errno));
                close(fd);
        }
        sq_gauge(task, "connections", (int64_t)inlet->npeers);
}

/* What a connection brings that is not a record: it is left out, and where nothing can follow, so is the connection. */
static void
complain(struct sq_task *task, struct sq_inlet *inlet, struct sq_peer *peer, int r)
{
        struct sq_frames *frames = &peer->frames;
        size_t n = frames->fill - frames->at;
        struct sq_str head = {frames->bytes + frames->at, n < HEAD ? n : HEAD};
        const char *cause = r == -EMSGSIZE ? "is longer than `limit`" : "was cut short by the sender";

        sq_decoder_refuse(task, &inlet->messages.decoder, head, inlet->messages.next, cause);
        if (r == -EMSGSIZE && frames->skipping)
                return;
        peer->ended = true;
        frames->at = frames->fill;
}

/* Emits at most `most` records of what was read. How many. */
static uint64_t
emit_read(struct sq_task *task, struct sq_inlet *inlet, struct sq_peer *peer, uint64_t most)
{
        uint64_t n = 0;
        int r = 1;

        while (n < most && r != 0) {
                n += sq_frames_emit(task, &peer->frames, inlet->framing, peer->ended, most - n, &r);
                if (r < 0 && n < most) {
                        complain(task, inlet, peer, r);
                        n++;
                }
        }
        peer->ready = r != 0;
        return n;
}

static void
read_some(struct sq_peer *peer)
{
        size_t room = 0;
        char *to = sq_frames_room(&peer->frames, &room);
        ssize_t n = to ? recv(peer->fd, to, room, MSG_DONTWAIT) : -1;

        if (n > 0)
                peer->frames.fill += (size_t)n;
        else if (n == 0 || (errno != EAGAIN && errno != EINTR))
                peer->ended = true;
}

static uint64_t
emit_ready(struct sq_task *task, struct sq_inlet *inlet, uint64_t most)
{
        uint64_t n = 0;

        for (size_t i = inlet->npeers; i-- > 0;) {
                struct sq_peer *peer = inlet->peers[i];

                if (peer->ready)
                        n += emit_read(task, inlet, peer, most - n);
                if (peer->ended && !peer->ready)
                        let_go(task, inlet, i);
        }
        return n;
}

static uint64_t
emit_arriving(struct sq_task *task, struct sq_inlet *inlet, uint64_t most)
{
        struct epoll_event events[EVENTS];
        int found = epoll_wait(inlet->watch, events, EVENTS, 0);
        uint64_t n = 0;

        for (int i = 0; i < found; i++) {
                struct sq_peer *peer = events[i].data.ptr;

                if (!peer) {
                        welcome(task, inlet);
                        n += n < most;
                        continue;
                }
                if (!peer->ready)
                        read_some(peer);
                peer->ready = true;
                n += emit_read(task, inlet, peer, most - n);
        }
        return n;
}

enum sq_next
sq_inlet_next(struct sq_task *task)
{
        struct sq_inlet *inlet = sq_state(task);
        uint64_t most = sq_messages_room(task), n;

        if (inlet->rest_ns > 0 && sq_now(task) >= inlet->rest_ns)
                end_rest(task, inlet);
        if (most == 0)
                return SQ_IDLE;
        n = emit_ready(task, inlet, most);
        if (n < most)
                n += emit_arriving(task, inlet, most - n);
        if (sq_messages_flush(task) < 0)
                return SQ_IDLE;
        if (n > 0)
                return SQ_MORE;
        sq_wake_on(task, inlet->watch);
        if (inlet->rest_ns > 0)
                sq_wake_at(task, inlet->rest_ns);
        return SQ_IDLE;
}

/* Nobody new; what has been sent so far is emitted, or waits in the journal. */
int
sq_inlet_finish(struct sq_task *task)
{
        struct sq_inlet *inlet = sq_state(task);

        (void)epoll_ctl(inlet->watch, EPOLL_CTL_DEL, inlet->listening, NULL);
        close(inlet->listening);
        inlet->listening = -1;
        inlet->messages.untracked = true;
        for (size_t i = inlet->npeers; i-- > 0;) {
                (void)shutdown(inlet->peers[i]->fd, SHUT_RD);
                while (!inlet->peers[i]->ended) {
                        (void)emit_read(task, inlet, inlet->peers[i], UINT64_MAX);
                        read_some(inlet->peers[i]);
                }
                (void)emit_read(task, inlet, inlet->peers[i], UINT64_MAX);
        }
        return sq_messages_flush(task) < 0 ? sq_error(task, "the last messages are not in the journal") : 0;
}

void
sq_inlet_close(struct sq_task *task)
{
        struct sq_inlet *inlet = sq_state(task);

        if (inlet->messages.journalled && inlet->listening > 0 && inlet->watch > 0)
                (void)sq_inlet_finish(task); /* who goes on as another plan has not finished */
        while (inlet->npeers > 0)
                let_go(task, inlet, inlet->npeers - 1);
        free(inlet->peers);
        if (inlet->listening > 0)
                close(inlet->listening);
        if (inlet->watch > 0)
                close(inlet->watch);
        sq_messages_end(task);
}

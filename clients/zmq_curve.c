/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libzmq asks about each client by ZAP (RFC 27), at an endpoint of the socket's own context, and its handshake waits
 * for the answer while the task may be busy with tuples: so a thread of its own answers. The folder is read for each
 * question, so a file that is put there or taken away counts from then on.
 *
 * czmq's zauth serves the sockets of czmq's global context alone, and asserts when two files have the same key. Of czmq
 * there is zcert here, which needs neither context nor thread.
 */
#include "zmq_curve.h"

#include <czmq.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { KEY_SIZE = 41, RAW_KEY = 32, FRAME_SIZE = 256 };

static const char suffix[] = "_secret";

struct keys {
        char public_key[KEY_SIZE], secret_key[KEY_SIZE];
};

/* ---- Certificates ------------------------------------------------------------------------------------ */

/* 0; or -1, and `why`. */
static int
load(const char *path, bool with_secret, struct keys *ret, char *why, size_t size)
{
        struct keys keys = {"", ""};
        zcert_t *cert = NULL;

        if (access(path, R_OK) < 0) {
                snprintf(why, size, "%s: %s", path, strerror(errno));
                return -1;
        }
        cert = zcert_load(path);
        if (cert) {
                snprintf(keys.public_key, sizeof(keys.public_key), "%s", zcert_public_txt(cert));
                snprintf(keys.secret_key, sizeof(keys.secret_key), "%s", zcert_secret_txt(cert));
        }
        zcert_destroy(&cert);
        if (!keys.public_key[0] || (with_secret && strspn(keys.secret_key, "0") == strlen(keys.secret_key))) {
                snprintf(why, size, "%s is not a CURVE certificate%s (squall cert makes them)", path,
                         with_secret ? " with a secret key" : "");
                return -1;
        }
        *ret = keys;
        return 0;
}

/* Our own: the file with the secret key, which nobody else may read. */
static int
load_own(const char *path, struct keys *ret, char *why, size_t size)
{
        size_t len = strlen(path), tail = sizeof(suffix) - 1;
        bool named = len > tail && strcmp(path + len - tail, suffix) == 0;
        char own[PATH_MAX];
        struct stat about;

        if (snprintf(own, sizeof(own), "%s%s", path, named ? "" : suffix) >= (int)sizeof(own))
                snprintf(why, size, "%s is too long a path", path);
        else if (stat(own, &about) < 0)
                snprintf(why, size, "%s: %s", own, strerror(errno));
        else if (about.st_mode & 077)
                snprintf(why, size, "%s can be read by others (chmod 600 %s)", own, own);
        else
                return load(own, true, ret, why, size);
        return -1;
}

/* What the settings name. `server` is "" for the server itself. */
static int
load_all(const struct sqi_zmq_curve *curve, struct keys *own, struct keys *server, char *why, size_t size)
{
        *server = (struct keys){"", ""};
        if (load_own(curve->cert, own, why, size) < 0)
                return -1;
        if (curve->server_cert)
                return load(curve->server_cert, false, server, why, size);
        if (access(curve->clients, R_OK | X_OK) < 0) {
                snprintf(why, size, "the folder of the clients' certificates, %s: %s", curve->clients, strerror(errno));
                return -1;
        }
        return 0;
}

static bool
is_client(const char *folder, const char *public_key)
{
        DIR *files = opendir(folder);
        const struct dirent *entry;
        bool found = false;

        while (!found && files && (entry = readdir(files))) {
                char path[PATH_MAX], why[PATH_MAX + 256];
                struct keys keys;

                if (entry->d_name[0] == '.' || strstr(entry->d_name, suffix) ||
                    snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name) >= (int)sizeof(path))
                        continue;
                found = load(path, false, &keys, why, sizeof(why)) == 0 && strcmp(keys.public_key, public_key) == 0;
        }
        if (files)
                closedir(files);
        return found;
}

/* ---- The door ---------------------------------------------------------------------------------------- */

/* The frames of a question; CURVE has the client's public key behind them. */
enum { VERSION, ID, DOMAIN, ADDRESS, IDENTITY, MECHANISM, KEY, FRAMES };

/* Reads a question as a whole. How many frames it has, negative: the context ends. */
static int
hear(void *door, char frames[FRAMES][FRAME_SIZE], int sizes[FRAMES])
{
        int n = 0, more = 1, len;
        size_t size = sizeof(more);
        char rest[1] = {0};

        while (more) {
                len = zmq_recv(door, n < FRAMES ? frames[n] : rest, n < FRAMES ? FRAME_SIZE : sizeof(rest), 0);
                if (len < 0 && errno == EINTR)
                        continue;
                if (len < 0 || zmq_getsockopt(door, ZMQ_RCVMORE, &more, &size) < 0)
                        return -1;
                if (n < FRAMES)
                        sizes[n] = len < FRAME_SIZE ? len : FRAME_SIZE;
                n++;
        }
        return n;
}

static bool
may_enter(const char *folder, int n, char frames[FRAMES][FRAME_SIZE], const int sizes[FRAMES])
{
        char key[KEY_SIZE];

        return n == FRAMES && sizes[MECHANISM] == 5 && memcmp(frames[MECHANISM], "CURVE", 5) == 0 &&
               sizes[KEY] == RAW_KEY && zmq_z85_encode(key, (const uint8_t *)frames[KEY], RAW_KEY) &&
               is_client(folder, key);
}

static void *
keep_door(void *arg)
{
        const struct sqi_zmq_curve *curve = arg;
        char frames[FRAMES][FRAME_SIZE];
        int sizes[FRAMES] = {0}, n;

        while ((n = hear(curve->door, frames, sizes)) >= 0) {
                bool enters = may_enter(curve->clients, n, frames, sizes);
                const char *code = enters ? "200" : "400", *text = enters ? "OK" : "no certificate of this key";

                zmq_send(curve->door, "1.0", 3, ZMQ_SNDMORE);
                zmq_send(curve->door, frames[ID], n > ID ? (size_t)sizes[ID] : 0, ZMQ_SNDMORE);
                zmq_send(curve->door, code, strlen(code), ZMQ_SNDMORE);
                zmq_send(curve->door, text, strlen(text), ZMQ_SNDMORE);
                zmq_send(curve->door, "", 0, ZMQ_SNDMORE);
                zmq_send(curve->door, "", 0, 0);
        }
        zmq_close(curve->door); /* zmq_ctx_term() waits for it */
        return NULL;
}

/* Signals are the worker's. 0 or -1 and errno. */
static int
open_door(struct sqi_zmq_curve *curve, void *context)
{
        sigset_t all, before;
        int r;

        curve->door = zmq_socket(context, ZMQ_REP);
        if (!curve->door)
                return -1;
        if (zmq_bind(curve->door, "inproc://zeromq.zap.01") == 0) {
                sigfillset(&all);
                pthread_sigmask(SIG_SETMASK, &all, &before);
                r = pthread_create(&curve->keeper, NULL, keep_door, curve);
                pthread_sigmask(SIG_SETMASK, &before, NULL);
                curve->is_kept = r == 0;
                if (r == 0)
                        return 0;
                errno = r;
        }
        r = errno;
        zmq_close(curve->door);
        errno = r;
        return -1;
}

/* ---- Settings ---------------------------------------------------------------------------------------- */

void
sqi_zmq_curve_declare(const struct sqi_zmq_curve *curve, struct sq_declaration *decl)
{
        if (!curve->cert && (curve->server_cert || curve->clients))
                sq_declare_error(decl, curve->clients ? "clients" : "server-cert",
                                 "needs `cert` too, a certificate of our own (squall cert makes them)");
        else if (curve->cert && !curve->server_cert == !curve->clients)
                sq_declare_error(decl, "cert",
                                 "needs either `server-cert`, the other side's certificate, or `clients`, the folder "
                                 "of those who may connect");
}

void
sqi_zmq_curve_probe(const struct sqi_zmq_curve *curve, struct sq_declaration *decl)
{
        struct keys own, server;
        char why[PATH_MAX + 256];

        if (curve->cert && load_all(curve, &own, &server, why, sizeof(why)) < 0)
                sq_declare_error(decl, "cert", "%s", why);
        explicit_bzero(&own, sizeof(own));
}

static int
set_keys(void *socket, const struct keys *own, const struct keys *server)
{
        const int is_server = 1;

        if (!server->public_key[0])
                return zmq_setsockopt(socket, ZMQ_CURVE_SERVER, &is_server, sizeof(is_server)) < 0 ||
                                       zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, own->secret_key, KEY_SIZE) < 0 ||
                                       zmq_setsockopt(socket, ZMQ_ZAP_DOMAIN, "squall", strlen("squall")) < 0
                               ? -1
                               : 0;
        return zmq_setsockopt(socket, ZMQ_CURVE_SERVERKEY, server->public_key, KEY_SIZE) < 0 ||
                               zmq_setsockopt(socket, ZMQ_CURVE_PUBLICKEY, own->public_key, KEY_SIZE) < 0 ||
                               zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, own->secret_key, KEY_SIZE) < 0
                       ? -1
                       : 0;
}

int
sqi_zmq_curve_open(struct sqi_zmq_curve *curve, void *context, void *socket, char *why, size_t size)
{
        struct keys own, server;
        int r;

        if (!curve->cert)
                return 0;
        r = load_all(curve, &own, &server, why, size);
        if (r == 0) {
                r = set_keys(socket, &own, &server);
                if (r == 0 && curve->clients)
                        r = open_door(curve, context);
                if (r < 0)
                        snprintf(why, size, "CURVE: %s", zmq_strerror(errno));
        }
        explicit_bzero(&own, sizeof(own));
        return r;
}

void
sqi_zmq_curve_close(struct sqi_zmq_curve *curve)
{
        if (curve->is_kept)
                pthread_join(curve->keeper, NULL);
        curve->is_kept = false;
}

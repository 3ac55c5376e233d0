/* SPDX-License-Identifier: Apache-2.0 */
#include "talk.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "command/server.h"
#include "foreground.h"
#include "plan/plan.h"
#include "tuple/unpack.h"

struct sq_str
cli_str(const char *text)
{
        return (struct sq_str){text, text ? strlen(text) : 0};
}

const char *
cli_socket(const struct cli_args *args, char *buffer, size_t size)
{
        const char *given = cli_text(args, "socket");
        char path[SQI_SOCKET_PATH];

        if (!given && sqi_server_path(path) == 0)
                given = path;
        if (!given || strlen(given) >= size || strlen(given) >= SQI_SOCKET_PATH) {
                cli_error(CLI_USAGE,
                          "the path of the supervisor's socket is too long (give a shorter one with --socket)");
                return NULL;
        }
        (void)strcpy(buffer, given);
        return buffer;
}

/* --OPTION, or the environment. */
static const char *
given_file(const struct cli_args *args, const char *option, const char *variable)
{
        const char *given = cli_text(args, option), *fallback = getenv(variable);

        return given ? given : fallback && *fallback != '\0' ? fallback : NULL;
}

static int
load_keys(const struct cli_args *args, const char *address, struct sqi_client_keys *ret)
{
        const char *own = given_file(args, "cert", "SQUALL_CERT"),
                   *server = given_file(args, "server-cert", "SQUALL_SERVER_CERT");
        struct sqi_cert cert;
        char error[512];

        if (!own || !server)
                return cli_error(CLI_USAGE,
                                 "%s wants --cert FILE and --server-cert FILE (squall cert makes certificates)",
                                 address);
        if (sqi_cert_load_own(own, &ret->own, error, sizeof(error)) < 0 ||
            sqi_cert_load(server, &cert, error, sizeof(error)) < 0)
                return cli_error(CLI_USAGE, "%s", error);
        (void)memcpy(ret->server, cert.public_key, sizeof(ret->server));
        return CLI_DONE;
}

static int
explain(const char *address, int r)
{
        switch (r) {
        case -EACCES:
        case -EPERM:
                return cli_error(CLI_UNREACHED, "the supervisor at %s is not ours: %s", address, strerror(-r));
        case -EMFILE:
        case -ENFILE:
                return cli_error(CLI_FAILED, "cannot ask the supervisor at %s: %s (raise the limit with `ulimit -n`)",
                                 address, strerror(-r));
        case -EKEYREJECTED:
                return cli_error(
                        CLI_UNREACHED,
                        "the supervisor at %s refuses our certificate, or has another one than --server-cert says "
                        "(is ours in its --clients folder?)",
                        address);
        case -ETIMEDOUT:
                return cli_error(CLI_UNREACHED, "what listens at %s does not answer as a supervisor", address);
        case -EINVAL:
                return cli_error(CLI_USAGE, "%s is no address (tcp://HOST:PORT)", address);
        default:
                return cli_error(CLI_UNREACHED, "no supervisor answers at %s (start one with squall supervisor)",
                                 address);
        }
}

/* Whoever names a socket means that one. */
static bool
is_in_foreground(const struct cli_args *args, const char *name, char ret_socket[SQI_SOCKET_PATH])
{
        const char *given = getenv("SQUALL_SOCKET");

        return name && *name && !cli_text(args, "socket") && !(given && *given) &&
               cli_foreground_find(name, ret_socket);
}

static void
say_what_it_waits_for(const char *what)
{
        fprintf(stderr, "squall: the supervisor is at it: %s (Ctrl-C ends the wait, and not what was asked for)\n",
                what);
}

int
cli_talk_open(const struct cli_args *args, const char *name, struct cli_talk *talk)
{
        static char path[SQI_SOCKET_PATH];
        struct sqi_client_keys keys;
        int r, status = CLI_DONE;

        *talk = (struct cli_talk){.path = path};
        if (!is_in_foreground(args, name, path))
                talk->path = cli_socket(args, path, sizeof(path));
        if (!talk->path)
                return CLI_USAGE;
        if (sqi_server_is_remote(talk->path))
                status = load_keys(args, talk->path, &keys);
        if (status != CLI_DONE)
                return status;
        r = sqi_client_open(talk->path, &keys, &talk->client);
        if (r < 0)
                return explain(talk->path, r);
        sqi_client_on_wait(talk->client, say_what_it_waits_for);
        return CLI_DONE;
}

bool
cli_is_near(const struct cli_talk *talk, const char *what)
{
        if (!sqi_server_is_remote(talk->path))
                return true;
        cli_error(CLI_USAGE, "%s works on the supervisor's own machine only (ssh)", what);
        return false;
}

/* A supervisor that has ended does not listen; one that has not is asked again, a little later. */
void
cli_talk_await_end(const struct cli_args *args, const struct cli_talk *talk)
{
        const struct timespec pause = {.tv_nsec = 50 * 1000 * 1000};
        struct sqi_client_keys keys;
        struct sqi_client *client;

        if (load_keys(args, talk->path, &keys) != CLI_DONE)
                return;
        while (sqi_client_open(talk->path, &keys, &client) == 0) {
                sqi_client_close(&client);
                (void)nanosleep(&pause, NULL);
        }
}

void
cli_talk_close(struct cli_talk *talk)
{
        sqi_client_close(&talk->client);
}

/* One that has died meanwhile, and was not started again, is not there. */
static int
explain_silence(const char *path, bool changes)
{
        struct sqi_client *client;
        int r = sqi_server_is_remote(path) ? 0 : sqi_client_open(path, NULL, &client);

        if (r < 0)
                return explain(path, r);
        if (!sqi_server_is_remote(path))
                sqi_client_close(&client);
        return cli_error(
                CLI_UNREACHED, "the supervisor at %s has said nothing for %d s: it is stopped, or stuck (%s)", path,
                SQI_CLIENT_PATIENCE,
                changes ? "what was asked for may still be done when it goes on: look by squall list; or end that "
                          "process, and start another one"
                        : "let it go on, or end that process, and start another one");
}

int
cli_ask(struct cli_talk *talk, struct sqi_request *request)
{
        int r = sqi_client_ask(talk->client, request, &talk->reply);

        if (r == -EPROTO)
                return cli_error(CLI_UNREACHED, "the supervisor at %s is of another version", talk->path);
        if (r == -ETIMEDOUT)
                return explain_silence(talk->path, sqi_command_changes(request->command));
        if (r < 0)
                return cli_error(CLI_FAILED, "cannot ask the supervisor: %s", strerror(-r));
        talk->value = sqi_reply_value(&talk->reply);
        switch (talk->reply.status) {
        case SQI_STATUS_FAILED:
                return cli_error(CLI_FAILED, "%.*s", (int)talk->reply.error.len, talk->reply.error.ptr);
        case SQI_STATUS_REFUSED:
                return cli_error(CLI_USAGE, "%.*s", (int)talk->reply.error.len, talk->reply.error.ptr);
        default:
                return CLI_DONE;
        }
}

int
cli_ask_once(const struct cli_args *args, struct sqi_request *request,
             void (*show)(const struct cli_args *args, struct sq_value answer))
{
        char name[SQI_ID_MAX + 1] = "";
        struct cli_talk talk;

        if (!sqi_command_changes(request->command) && request->name.len < sizeof(name))
                snprintf(name, sizeof(name), "%.*s", (int)request->name.len,
                         request->name.len ? request->name.ptr : "");
        int status = cli_talk_open(args, name, &talk);

        if (status == CLI_DONE)
                status = cli_ask(&talk, request);
        if (status == CLI_DONE && show)
                show(args, talk.value);
        cli_talk_close(&talk);
        return status;
}

int
cli_await(struct cli_talk *talk, struct sq_str name, struct sq_str serial, const char *until)
{
        char names[2][SQI_ID_MAX + 1];
        struct sqi_request request;
        int status;

        /* the strings may be views into the answer, which goes */
        snprintf(names[0], sizeof(names[0]), "%.*s", (int)name.len, name.ptr);
        snprintf(names[1], sizeof(names[1]), "%.*s", (int)serial.len, serial.ptr);
        do {
                request = (struct sqi_request){.command = SQI_COMMAND_AWAIT, .seconds = -1};
                request.name = cli_str(names[0]);
                request.serial = cli_str(names[1]);
                request.until = cli_str(until);
                status = cli_ask(talk, &request);
        } while (status == CLI_DONE && talk->reply.status == SQI_STATUS_PENDING);
        return status;
}

struct sq_value
cli_get(struct sq_value map, const char *key)
{
        return sqi_map_get(map, key);
}

struct sq_str
cli_get_str(struct sq_value map, const char *key)
{
        struct sq_value value = cli_get(map, key);

        return value.type == SQ_STR ? (struct sq_str){value.as.ptr, value.len} : (struct sq_str){"", 0};
}

bool
cli_get_flag(struct sq_value map, const char *key)
{
        struct sq_value value = cli_get(map, key);

        return value.type == SQ_BOOL && value.as.b;
}

uint64_t
cli_get_uint(struct sq_value map, const char *key)
{
        struct sq_value value = cli_get(map, key);

        return value.type == SQ_INT || value.type == SQ_UINT ? value.as.u : 0;
}

double
cli_get_real(struct sq_value map, const char *key)
{
        struct sq_value value = cli_get(map, key);

        return value.type == SQ_FLOAT ? value.as.f : value.type == SQ_INT ? (double)value.as.i : 0;
}

void
cli_print_value(struct sq_value value)
{
        size_t size = sq_json(value, NULL, 0) + 1;
        char *text = malloc(size);

        if (!text)
                return;
        (void)sq_json(value, text, size);
        puts(text);
        free(text);
}

const char *
cli_duration_text(double seconds, char *buffer, size_t size)
{
        unsigned long long s = seconds > 0 ? (unsigned long long)seconds : 0;

        if (s < 60)
                snprintf(buffer, size, "%llu s", s);
        else if (s < 3600)
                snprintf(buffer, size, "%llu m %llu s", s / 60, s % 60);
        else if (s < 86400)
                snprintf(buffer, size, "%llu h %llu m", s / 3600, s / 60 % 60);
        else
                snprintf(buffer, size, "%llu d %llu h", s / 86400, s / 3600 % 24);
        return buffer;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Talking to a supervisor, as every verb that does so does it:
 *
 *     struct sqi_request request = {.command = SQI_COMMAND_LIST, .seconds = -1};
 *     struct cli_talk talk;
 *     int status = cli_talk_open(args, NULL, &talk);     by --socket
 *     if (status == CLI_DONE)
 *             status = cli_ask(&talk, &request);         what goes wrong is said; talk.value is the answer
 *     cli_talk_close(&talk);
 *
 * CLI_UNREACHED: no supervisor answers; CLI_FAILED, CLI_USAGE: it says no.
 */
#ifndef CLI_TALK_H
#define CLI_TALK_H

#include "command/client.h"
#include "verb.h"

struct cli_talk {
        const char *path; /* or tcp://HOST:PORT */
        struct sqi_client *client;
        struct sqi_reply reply;
        struct sq_value value;
};

/* To the `squall run` that has the topology `name` in the foreground, if there is one; NULL, or else: to the
 * supervisor. */
int cli_talk_open(const struct cli_args *args, const char *name, struct cli_talk *talk);
void cli_talk_close(struct cli_talk *talk);
void cli_talk_await_end(const struct cli_args *args, const struct cli_talk *talk); /* until nobody listens there */
int cli_ask(struct cli_talk *talk, struct sqi_request *request);

/* For a verb that only asks once: opens, asks, hands the answer on (`show` may be NULL), closes. */
int cli_ask_once(const struct cli_args *args, struct sqi_request *request,
                 void (*show)(const struct cli_args *args, struct sq_value answer));

/* For what is done on the supervisor's own machine. False: it is another one's, and that is said. */
bool cli_is_near(const struct cli_talk *talk, const char *what);

/* Waits until the topology `name` with `serial` is "running" or "gone". */
int cli_await(struct cli_talk *talk, struct sq_str name, struct sq_str serial, const char *until);

/* The path of the socket: --socket, or the default. NULL: too long, and that is said. */
const char *cli_socket(const struct cli_args *args, char *buffer, size_t size);

/* Reading an answer: what is not there, or of another type, is nothing. */
struct sq_value cli_get(struct sq_value map, const char *key);
struct sq_str cli_get_str(struct sq_value map, const char *key);
bool cli_get_flag(struct sq_value map, const char *key);
uint64_t cli_get_uint(struct sq_value map, const char *key);
double cli_get_real(struct sq_value map, const char *key);

/* The answer as one line of JSON on stdout. */
void cli_print_value(struct sq_value value);

struct sq_str cli_str(const char *text);

/* "3 d 4 h", "12 s" */
const char *cli_duration_text(double seconds, char *buffer, size_t size);

#endif

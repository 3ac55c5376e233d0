/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a client asks of a supervisor: one table of commands, one version, one codec. docs/commands.md says the same for
 * clients in other languages.
 *
 *     request   [version, id, command, {argument: value, ...}]
 *     reply     [version, id, status, error, result]
 *
 * each one msgpack array in one ZeroMQ message, REQ to ROUTER. The id is 16 random bytes of the client's: who hears no
 * answer asks again with the same id, and what was done already is not done twice. A reader skips arguments that it
 * does not know.
 */
#ifndef SQI_COMMAND_H
#define SQI_COMMAND_H

#include <stdbool.h>
#include <stdint.h>

#include "squall.h"

enum { SQI_COMMAND_VERSION = 1 };

/* Bytes of the id of a request. */
enum { SQI_REQUEST_ID = 16 };

/* The most bytes of a request: a plan of a large topology is some megabytes. */
enum { SQI_REQUEST_MAX = 64 << 20 };

/*      command      changes  arguments and what it does */
#define SQI_COMMANDS(X) \
        X(PING, false, "who is there: pid, version, state directory") \
        X(SUBMIT, true, \
          "name, plan, source, path: start a topology, and keep it running; with a path, from the savepoint that is there") \
        X(LIST, false, "all topologies") \
        X(STATUS, false, "name: one topology, with its components and tasks") \
        X(ACTIVATE, true, "name: spouts on") \
        X(DEACTIVATE, true, "name: spouts off") \
        X(KILL, true, "name, seconds: drain and end it; seconds below 0: for at most the message timeout; 0: at once") \
        X(PLAN, false, "name: its plan and the file it was made from") \
        X(UPDATE, true, \
          "name, plan, source: drain it, and go on with another plan; rolled back if that does not come up") \
        X(AWAIT, false, \
          "name, serial, until: answered when it runs ('running'), is gone ('gone'), its update has proved itself ('settled') or its savepoint is there ('saved'), or after a second; then status is PENDING") \
        X(LOGS, false, "name: where its log is") \
        X(EVENTS, false, \
          "name, until, after: what has happened since the event `after`; of one topology, and of one kind (`until`)") \
        X(LEVEL, true, "name, component, level, seconds: what is logged by a component, or by all, for a time") \
        X(STOP, true, \
          "leave: end the supervisor, and drain all topologies; with leave, they go on and wait for the next one") \
        X(TAP, false, \
          "name, component: for five seconds its tasks publish copies of what they send; where, says the run directory") \
        X(TRACE, false, \
          "name: for five seconds its tasks follow some tuple trees, and publish what becomes of them; where, says the run directory") \
        X(SAVEPOINT, true, \
          "name, path, leave: keep its state and its positions in a new folder; with leave, the topology ends with that") \
        X(QUERY, false, \
          "name, component, index, key, after, limit: keyed state of one of its tasks, of one key or a page; or, until 'last', where the newest snapshot is; after a second without an answer status is PENDING")

enum sqi_command_type {
#define X(name, changes, sense) SQI_COMMAND_##name,
        SQI_COMMANDS(X)
#undef X
                SQI_COMMAND_TYPES
};

/* What may stand in the map of arguments: struct sqi_request's members. */
#define SQI_ARGUMENTS(X) \
        X(name, STR) \
        X(serial, STR) \
        X(until, STR) \
        X(component, STR) \
        X(level, STR) \
        X(path, STR) \
        X(plan, BIN) \
        X(source, BIN) \
        X(key, BIN) \
        X(seconds, FLOAT) \
        X(after, FLOAT) \
        X(index, FLOAT) \
        X(limit, FLOAT) \
        X(leave, BOOL) \
        X(patient, BOOL)

typedef struct sq_str sqi_argument_STR;
typedef struct sq_str sqi_argument_BIN;
typedef double sqi_argument_FLOAT;
typedef bool sqi_argument_BOOL;

struct sqi_request {
        uint8_t id[SQI_REQUEST_ID];
        enum sqi_command_type command;
#define X(name, type) sqi_argument_##type name;
        SQI_ARGUMENTS(X)
#undef X
};

enum sqi_status {
        SQI_STATUS_DONE,
        SQI_STATUS_FAILED,  /* it was tried */
        SQI_STATUS_REFUSED, /* the request was wrong, nothing was done */
        SQI_STATUS_PENDING, /* ask again; to a patient one `error` says what it waits for, if it does */
};

struct sqi_reply {
        uint8_t id[SQI_REQUEST_ID];
        enum sqi_status status;
        struct sq_str error;  /* in words, for the user */
        struct sq_str result; /* one packed value */
};

const char *sqi_command_name(enum sqi_command_type command); /* "submit" */
bool sqi_command_changes(enum sqi_command_type command);

/* 0 and a malloc'd buffer, or -ENOMEM. */
int sqi_request_encode(const struct sqi_request *request, void **ret_bytes, size_t *ret_size);
int sqi_reply_encode(const struct sqi_reply *reply, void **ret_bytes, size_t *ret_size);

/* Views into the bytes. 0; -EPROTO: another version, id is set; -ENOSYS: no such command, id is set; -EBADMSG. */
int sqi_request_decode(const void *bytes, size_t size, struct sqi_request *ret);
int sqi_reply_decode(const void *bytes, size_t size, struct sqi_reply *ret);

/* An argument as a C string; false: it is not there, or too long for `size`. */
bool sqi_argument_copy(struct sq_str argument, char *ret, size_t size);

#endif

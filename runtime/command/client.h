/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A client of a supervisor: asks, and asks again with the same id when no answer comes, so that a supervisor that is
 * started anew meanwhile is not a failure.
 *
 *     struct sqi_client *client;
 *     sqi_client_open(address, NULL, &client)  -ECONNREFUSED, -ENOENT: nobody listens there
 *     sqi_client_ask(client, &request, &reply) reply is good until the next call
 *     sqi_client_close(&client)
 */
#ifndef SQI_CLIENT_H
#define SQI_CLIENT_H

#include "command/cert.h"
#include "command/command.h"

struct sqi_client;

/* Who we are, and who has to answer: for TCP. */
struct sqi_client_keys {
        struct sqi_cert own;
        char server[SQI_KEY_SIZE];
};

/*
 * `address`: the path of a socket, or "tcp://HOST:PORT", which wants `keys`. 0; -ECONNREFUSED, -ENOENT: nobody listens
 * there; -EACCES: we may not; -EKEYREJECTED: the handshake failed, one of the keys is wrong; -ETIMEDOUT: whoever
 * listens there says nothing; -EINVAL: no such address; or another errno.
 */
int sqi_client_open(const char *address, const struct sqi_client_keys *keys, struct sqi_client **ret);
void sqi_client_close(struct sqi_client **client);

/* Who is told, once, what a supervisor waits for before it does what is asked. NULL, as at first: nobody. */
void sqi_client_on_wait(struct sqi_client *client, void (*tell)(const char *what));

/* Fills in the id if it is zero, and that we are patient: a supervisor that says what it waits for is waited for. 0;
 * -ETIMEDOUT: nothing was heard for SQI_CLIENT_PATIENCE seconds; -EPROTO: a supervisor of another version; -ENOMEM. */
enum { SQI_CLIENT_PATIENCE = 10 };
int sqi_client_ask(struct sqi_client *client, struct sqi_request *request, struct sqi_reply *ret);

/* What a reply says, as a view into it. */
struct sq_value sqi_reply_value(const struct sqi_reply *reply);

#endif

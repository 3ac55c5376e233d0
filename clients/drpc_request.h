/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a client of a `drpc` spout sends over ZeroMQ, from a REQ or a DEALER, as the spout's ROUTER has it:
 *
 *     CLIENT  [TAG]  ""  FUNCTION  ARGS  [TIMEOUT]     a request; TIMEOUT: milliseconds, as text
 *     CLIENT  [TAG]  ""                                what was asked with this TAG is not wanted any more
 *
 * and what it gets:
 *
 *     CLIENT  [TAG]  ""  STATUS  TEXT                  as HTTP's: 200 and the result, else why there is none
 *
 * CLIENT is the ROUTER's own, a TAG what a DEALER knows its requests by.
 */
#ifndef SQI_DRPC_REQUEST_H
#define SQI_DRPC_REQUEST_H

#include <squall-kit.h>

enum { DRPC_FRAMES = 6, DRPC_TAG = 64, DRPC_CLIENT = 255 };

/* Views into the frames. */
struct sqi_drpc_request {
        struct sq_str client, tag; /* tag.ptr is NULL: there is none */
        struct sq_str function, args;
        uint64_t timeout_ms; /* 0: not said */
        bool cancels;
};

/* 0; or the status that it is refused with, as *ret_wrong says. What was understood stands in `ret` in any case, so
 * that it can be answered; without a `client` it cannot. */
unsigned sqi_drpc_request_read(const struct sq_str *frames, size_t n, struct sqi_drpc_request *ret,
                               const char **ret_wrong);

/*
 * Who has asked for what, as tuples carry it: TASK.NONCE.SERIAL, the number of the spout's task, of this run of it, and
 * of the request. The first is where the answer goes to; by the others whoever sits there knows his own.
 */
struct sqi_drpc_token {
        unsigned task;
        uint64_t nonce, serial;
};
enum { DRPC_TOKEN = 48 };
void sqi_drpc_token_write(const struct sqi_drpc_token *token, char ret[DRPC_TOKEN]);
bool sqi_drpc_token_read(struct sq_str text, struct sqi_drpc_token *ret);

/*
 * A result, from a `return` bolt to the spout's task, by a datagram socket in the run folder: with a hop of ZeroMQ less
 * the answer is there sooner. In pieces, each behind this head, of one sender in their order; one that could not send
 * all of them begins anew. For printf(): the folder, the number of the task.
 */
#define DRPC_RESULTS "%s/result%u"
enum { DRPC_PIECE = 32 << 10 };
struct sqi_drpc_piece {
        uint64_t nonce, serial;
        uint64_t at;     /* of its first byte in the result; 0 begins one */
        uint32_t sender; /* of all pieces of a result the same, and that of nobody else */
        uint32_t last;   /* 1: no more of this result comes */
};

#endif

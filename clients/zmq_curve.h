/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CURVE for the components with a ZeroMQ socket: encrypted, and both sides known by their keys. The keys stand in the
 * files of czmq's certificates, which `squall cert` and pyzmq make: FILE has the public key, for others; FILE_secret
 * both. One side of a connection, whoever binds, is the server of CURVE: it knows its clients by a folder of their
 * public certificates. The clients know it by its public one.
 *
 *     .options = { SQI_OPT_CURVE(struct self, curve), ... }
 *     sqi_zmq_curve_declare(&self->curve, decl);                      in `.declare`, sqi_zmq_curve_probe() in `.probe`
 *     sqi_zmq_curve_open(&curve, context, socket, why, size)          before the socket binds or connects
 *     zmq_close(socket), zmq_ctx_term(context);
 *     sqi_zmq_curve_close(&curve);                                    behind them
 */
#ifndef SQI_CLIENT_ZMQ_CURVE_H
#define SQI_CLIENT_ZMQ_CURVE_H

#include <pthread.h>
#include <squall-kit.h>

struct sqi_zmq_curve {
        const char *cert, *server_cert, *clients; /* settings; without `cert` nothing is encrypted */

        void *door; /* of a server: it answers ZAP, in a thread of its own */
        pthread_t keeper;
        bool is_kept;
};

#define SQI_OPT_CURVE(state, member) \
        SQ_OPT_PATH_AS( \
                "cert", state, member.cert, NULL, \
                "our certificate for CURVE, as `squall cert` makes them: the keys stand in CERT_secret; default: " \
                "nothing is encrypted"), \
                SQ_OPT_PATH_AS("server-cert", state, member.server_cert, NULL, \
                               "the public certificate of the other side, which is the server of CURVE"), \
                SQ_OPT_PATH_AS("clients", state, member.clients, NULL, \
                               "we are the server of CURVE, and let in whose public certificates are in this folder")

void sqi_zmq_curve_declare(const struct sqi_zmq_curve *curve, struct sq_declaration *decl);
void sqi_zmq_curve_probe(const struct sqi_zmq_curve *curve, struct sq_declaration *decl);
/* Gives the socket its keys. 0; or -1, and `why` says what is wrong. */
int sqi_zmq_curve_open(struct sqi_zmq_curve *curve, void *context, void *socket, char *why, size_t size);
/* After zmq_ctx_term() of the context. */
void sqi_zmq_curve_close(struct sqi_zmq_curve *curve);

#endif

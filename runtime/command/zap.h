/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who may connect over TCP: libzmq asks by ZAP (RFC 27) about each connection that has got through the CURVE handshake,
 * and we let in those whose public key is in a folder of certificates. The folder is read for each of them, so a file
 * put there or taken away counts from then on.
 *
 * czmq's zauth cannot do it: it keeps the folder in a zcertstore, which ends the process by an assertion when two files
 * have the same key (a copy under another name; 4.2.1), and which notices a change by time in seconds, number and size
 * alone.
 */
#ifndef SQI_ZAP_H
#define SQI_ZAP_H

#include <czmq.h>
#include <limits.h>

struct sqi_zap {
        zsock_t *socket; /* REP; NULL: nobody comes in by TCP */
        char clients[PATH_MAX];
};

#define SQI_ZAP_DOMAIN "squall"

/* Of all sockets of czmq's context, none of which may listen yet. 0 or a negative errno. */
int sqi_zap_open(const char *clients, struct sqi_zap *ret);
void sqi_zap_close(struct sqi_zap *zap);

/* Edge-triggered: after it fires, serve. -1: nobody is asked. */
int sqi_zap_fd(const struct sqi_zap *zap);
void sqi_zap_serve(struct sqi_zap *zap);

#endif

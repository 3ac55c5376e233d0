/* SPDX-License-Identifier: Apache-2.0 */
/* Where HTTP is served, and who may be meant by a request: this machine alone. */
#ifndef SQI_ADDRESS_H
#define SQI_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

enum { SQI_ADDRESS_TEXT = 64 };

struct sqi_address {
        struct sockaddr_storage at;
        socklen_t size;
};

/* "127.0.0.1:8080", "[::1]:8080", "localhost:8080"; port 0: one that is free. 0 or -EINVAL. */
int sqi_address_parse(const char *text, struct sqi_address *ret);
bool sqi_address_is_loopback(const struct sqi_address *address);
void sqi_address_text(const struct sqi_address *address, char ret[SQI_ADDRESS_TEXT]);
/* A socket that listens there, or a negative errno with the cause in `error`. */
int sqi_address_listen(const struct sqi_address *address, char *error, size_t size);

/*
 * A header Host: does it name this machine by a loopback address or as localhost, with or without a port? A page of
 * another site whose name is made to lead here (DNS rebinding) sends its own name.
 */
bool sqi_host_is_ours(const char *host);
/* A header Origin: is it a page that this very Host has served? */
bool sqi_origin_is_host(const char *origin, const char *host);

/* Parses the text, which has to be an address on loopback, and listens there. The descriptor, or a negative errno with
 * the cause in `error`: as sqi_http_open(). */
int sqi_address_serve(const char *text, struct sqi_address *ret, char *error, size_t size);

#endif

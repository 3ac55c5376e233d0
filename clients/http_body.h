/* SPDX-License-Identifier: Apache-2.0 */
/* What is posted, and what is said of it. */
#ifndef SQI_CLIENT_HTTP_BODY_H
#define SQI_CLIENT_HTTP_BODY_H

#include <squall-kit.h>

/* A JSON array of objects becomes JSON Lines, in place. False: it is none, and stays as it is. */
bool sqi_http_array(struct sq_json_reader *json, char *text, size_t n);

/* What a client is told that a server refuses by a status, or nothing. */
const char *sqi_http_reason(unsigned status);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A connection to the Nimbus of an Apache Storm cluster: calls by Thrift, one at a time, in clear, as its
 * SimpleTransportPlugin has it.
 *
 *     sqi_nimbus_open("storm1:6627,storm2", &nimbus, error, size)       connects to the one that leads
 *     struct sqi_thrift_call call = sqi_thrift_call("activate");
 *     sqi_thrift_put_text(&call, 1, name);
 *     sqi_nimbus_call(nimbus, &call, &result, error, size)              `result` lives until the next call
 *     sqi_nimbus_close(&nimbus)
 *
 * Every wait has an end. Errors are a negative errno with the cause in `error`:
 *
 *     -EINVAL      the address is none
 *     -ENOTCONN    nobody answers there
 *     -ETIMEDOUT   whoever answers there does not speak this protocol, or takes longer than SQI_NIMBUS_MS
 *     -EREMOTEIO   Nimbus refuses, in its own words
 *     -ENOENT      the same, for there is no such topology
 *     -EBADMSG     what came is not Thrift
 */
#ifndef SQI_NIMBUS_H
#define SQI_NIMBUS_H

#include "storm/thrift.h"

enum {
        SQI_NIMBUS_PORT = 6627,
        SQI_NIMBUS_MS = 30000,
        SQI_NIMBUS_CONNECT_MS = 5000,
        SQI_NIMBUS_REPLY_MAX = 64 << 20, /* bytes */
};

struct sqi_nimbus;

/* `seeds`: HOST[:PORT], comma between them, tried in this order; the leader that one of them names is followed. */
int sqi_nimbus_open(const char *seeds, struct sqi_nimbus **ret, char *error, size_t size);
void sqi_nimbus_close(struct sqi_nimbus **nimbus);
/* HOST:PORT of whom it is connected to. */
const char *sqi_nimbus_address(const struct sqi_nimbus *nimbus);

/* Ends and drops the call. The result is what the method returns, NULL for nothing. */
int sqi_nimbus_call(struct sqi_nimbus *nimbus, struct sqi_thrift_call *call, const struct sqi_thrift **ret_result,
                    char *error, size_t size);

#endif

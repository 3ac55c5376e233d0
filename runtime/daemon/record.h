/* SPDX-License-Identifier: Apache-2.0 */
/* The record of a topology (struct sqi_record) as a sealed file, `record` in its folder: msgpack, with a version. */
#ifndef SQI_RECORD_H
#define SQI_RECORD_H

#include "daemon/state.h"

/* `folder` is an fd. 0 or a negative errno; read: -EBADMSG: there is none that is whole; -EPROTO: a later version of
 * Squall wrote it. *ret_torn: as sqi_sealed_read(). */
int sqi_record_write(int folder, const struct sqi_record *record);
int sqi_record_read(int folder, struct sqi_record *ret, bool *ret_torn);
/* Why it cannot be read, for a message: of such a negative errno. */
const char *sqi_record_reason(int r);

#endif

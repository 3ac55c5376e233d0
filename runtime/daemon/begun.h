/* SPDX-License-Identifier: Apache-2.0 */
/* Which snapshot the run in a run directory began from: the file `from`, which is there before all others. */
#ifndef SQI_BEGUN_H
#define SQI_BEGUN_H

#include <stdint.h>

/* `folder`: an fd of the run directory. 0 or a negative errno. */
int sqi_begun_write(int folder, uint64_t epoch);
/* 0; -ENOENT: there is no run in it; -EBADMSG: it is damaged; -EPROTO: a later version wrote it; or another errno. */
int sqi_begun_read(int folder, uint64_t *ret_epoch);

#endif

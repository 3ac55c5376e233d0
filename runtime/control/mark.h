/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which version a squall-worker is: bytes in its file, so that the supervisor knows before it starts one, and at no
 * cost. Both are built of the same sources; what differs between two builds of them stands here.
 */
#ifndef SQI_MARK_H
#define SQI_MARK_H

#include <stdint.h>

#include "control/message.h"
#include "squall.h"

#ifndef SQI_VERSION
#define SQI_VERSION "?"
#endif

#define SQI_WORKER_PROGRAM "squall-worker"
#define SQI_MARK_MAGIC "@(#)squall-worker "

struct sqi_mark {
        char magic[24];
        char version[24];
        uint32_t abi, control; /* SQ_ABI, SQI_MESSAGE_VERSION */
};

#define SQI_MARK \
        { \
                SQI_MARK_MAGIC, SQI_VERSION, SQ_ABI, SQI_MESSAGE_VERSION \
        }

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* A topology that was handed over is sealed: what its tasks have reported becomes its newest snapshot. */
#ifndef SQI_SEAL_H
#define SQI_SEAL_H

#include "daemon/registry.h"

/* 0: there is a snapshot; hosted->unsealed: but not on disk, and hosted->trouble says why. A negative errno: there is
 * none, and likewise. */
int sqi_seal(struct sqi_hosted *hosted);

#endif

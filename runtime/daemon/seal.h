/* SPDX-License-Identifier: Apache-2.0 */
/* A topology that was handed over is sealed: what its tasks have reported becomes its newest snapshot. */
#ifndef SQI_SEAL_H
#define SQI_SEAL_H

#include "daemon/registry.h"

/* What does it. When it has ended, hosted->unsealed says that it is not on disk, and hosted->trouble why; a negative
 * errno, of this or of what it does: there is no snapshot at all, and likewise. */
int sqi_seal(struct sqi_hosted *hosted, struct sqi_errand **ret);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Where a run of a topology begins: with which state, at which positions, in which run directory. */
#ifndef SQI_BEGINNING_H
#define SQI_BEGINNING_H

#include "daemon/registry.h"

/*
 * Finds it by what is on disk, for hosted->plan: hosted->positions, from, epoch, missing. ret_restore: the folder of
 * the snapshot whose state it has, "": none. 0 or a negative errno with the cause in `error`: what there is cannot
 * be read.
 */
int sqi_beginning_find(struct sqi_hosted *hosted, char ret_restore[PATH_MAX], char *error, size_t size);

/* Then makes the run directory, or finds that the one there is of this very run, which is to be adopted. 0 or a
 * negative errno with the cause in `error`. */
int sqi_beginning_settle(struct sqi_hosted *hosted, char *error, size_t size);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rig in the place of the supervisor, under exactly-once: it numbers epochs, keeps what the task wrote down for
 * the last one that was sealed, and lets the task go on from there.
 *
 * With a folder that is a file there, `epoch-N`: whatever becomes of the process, the next rig with this folder goes on
 * from it. Without one it is kept in memory.
 */
#ifndef SQI_EPOCHS_H
#define SQI_EPOCHS_H

#include "rig/rig.h"
#include "squall-test.h"

/* `folder`: outlives the rig, or NULL. 0 or a negative errno. */
int sqi_epochs_open(struct sq_rig *rig, const char *folder);
void sqi_epochs_close(struct sq_rig *rig);
/* The task has prepared itself: it takes what was kept, or the first epoch is made before a tuple flows. 0; or the task
 * has failed. */
int sqi_epochs_begin(struct sq_rig *rig);

/* An epoch ends, so far. 0, or -1 with the cause in rig->error: it was given up. */
int sqi_epochs_checkpoint(struct sq_rig *rig, enum sq_rig_epoch until);
/* The component begins anew, `ns` later, with what was kept. The caller settles the rig. */
void sqi_epochs_restore(struct sq_rig *rig, uint64_t ns);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* How a topology of a daemon has ended, and what is due in any case. */
#ifndef SQI_ENDING_H
#define SQI_ENDING_H

#include "daemon/registry.h"

/* It is over and to be killed: discards it, or lets it finish first. */
void sqi_hosted_end_killed(struct sqi_hosted *hosted);

/*
 * Has it ended since the last look, and how? What is due in any case is done: its positions are written down,
 * and one that is to be killed is discarded, or finishes first. All else is the caller's to decide.
 */
enum sqi_ending {
        SQI_ENDING_NONE,    /* it runs, or that was seen before, or it is killed */
        SQI_ENDING_DRAINED, /* as by a hand-over: it is to go on */
        SQI_ENDING_OWN,     /* it has finished or failed: sqi_hosted_note_outcome() */
};
enum sqi_ending sqi_hosted_look(struct sqi_hosted *hosted);
bool sqi_hosted_has_ended(const struct sqi_hosted *hosted); /* since the last look */
/* What would be lost for good if the supervisor left now that it has ended: the cause in words, in `text` or its own;
 * NULL: nothing. */
enum { SQI_LOSS_SIZE = 512 };
const char *sqi_hosted_loss(const struct sqi_hosted *hosted, char text[SQI_LOSS_SIZE]);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One topology of a daemon: started or adopted, ended, and what is written down of it meanwhile. What is to
 * follow from its end, its owner decides: see sqi_hosted_look().
 */
#ifndef SQI_HOSTED_H
#define SQI_HOSTED_H

#include "daemon/registry.h"

/* Linked into the daemon; NULL: no memory. */
struct sqi_hosted *sqi_hosted_new(struct sqi_daemon *daemon, const struct sqi_record *record);
void sqi_hosted_free(struct sqi_hosted **hosted); /* unlinked; its processes are killed if it runs */
void sqi_hosted_start(struct sqi_hosted *hosted); /* adopts what runs of it */
/* Drains it to go on later; as sqi_running_hand_over(). */
void sqi_hosted_hand_over(struct sqi_hosted *hosted, const uint32_t *stays, uint32_t n);
void sqi_hosted_kill(struct sqi_hosted *hosted, double seconds);
/* It is over and to be killed: discards it, or lets it finish first. */
void sqi_hosted_end_killed(struct sqi_hosted *hosted);
/* It could not be started for a reason that lies outside of it: tried again, with back-off. */
void sqi_hosted_wait(struct sqi_hosted *hosted, const char *trouble);
/* Its record or plan cannot be read: damaged, which is final, or a shortage. */
void sqi_hosted_unreadable(struct sqi_hosted *hosted, int error, const char *cause);
bool sqi_hosted_is_running(const struct sqi_hosted *hosted);             /* it has, or is about to have, processes */
const struct sqi_plan *sqi_hosted_plan(const struct sqi_hosted *hosted); /* NULL: cannot be read */
const char *sqi_hosted_state(const struct sqi_hosted *hosted);           /* "running", ... */

/* Takes what it was away, and begins again with what is in the state directory. */
void sqi_hosted_reload(struct sqi_hosted *hosted);
/* The same after a hand-over: the workers that stay go along. */
void sqi_hosted_move(struct sqi_hosted *hosted);
void sqi_hosted_forget_stays(struct sqi_hosted *hosted);
void sqi_hosted_cause(const struct sqi_hosted *hosted, char *ret, size_t size); /* why it has failed */

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
/* What would be lost for good if the supervisor left now that it has ended: the cause in words, in `text` or its own;
 * NULL: nothing. */
enum { SQI_LOSS_SIZE = 512 };
const char *sqi_hosted_loss(const struct sqi_hosted *hosted, char text[SQI_LOSS_SIZE]);
void sqi_hosted_note_outcome(struct sqi_hosted *hosted);

#endif

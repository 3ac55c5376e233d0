/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rig: one task of a plan, run in the caller's thread on a virtual clock, with this in the place of all its
 * neighbours.
 *
 *     sources (as spout tasks) --inbox--> the task --channels--> sinks
 *               ^----------------acks-------'
 *
 * The task is the one that workers run; only its driver differs. Every tuple fed is a tuple tree of its own, and the
 * rig is both its ledger and the last bolt of it: what reaches a sink is acked there at once, so a tree is complete
 * when the task has acked what it was fed. For a spout the rig is the bolts: it gathers the trees and acks or fails
 * them when told to.
 */
#ifndef SQI_RIG_H
#define SQI_RIG_H

#include "squall.h"
#include "base/arena.h"
#include "plan/plan.h"
#include "rig/views.h"
#include "tuple/frame.h"
#include "task/driver.h"
#include "task/neighbours.h"
#include "task/task.h"

enum sqi_tree_state { SQI_TREE_OPEN, SQI_TREE_ACKED, SQI_TREE_FAILED };

struct sqi_tree {
        uint64_t root, value;
        enum sqi_tree_state state;
};

/* A tuple that the task has emitted. */
struct sqi_caught {
        uint32_t stream;
        uint32_t receiver; /* task */
        uint8_t *bytes;
        size_t size;
};

struct sqi_log_line {
        enum sq_level level;
        char *text;
};

/* Under exactly-once: epochs.h. */
struct sqi_rig_epochs {
        uint64_t last, sealed; /* the number that was given last, and that of the last sealed one; 0: none */
        int kept;              /* what was written down for it, or -1 */
        int folder;            /* or -1: it is in memory */
};

struct sq_rig {
        struct sqi_plan *plan;
        struct sqi_driver driver;
        struct sqi_metrics metrics;
        struct sq_task *task;
        void *context;
        struct sqi_neighbours beside;
        uint64_t clock_ns;
        bool opened;
        char error[512];

        size_t ntrees, ncaught, nlogs;
        struct sqi_tree *trees;
        struct sqi_caught *caught;
        struct sqi_log_line *logs;
        struct sqi_views *views;
        struct sqi_rig_epochs epochs;
        struct sqi_header mark; /* the last one that the task has sent */
        char *text;             /* what the public functions hand out */
};

/* Takes the plan over, also on error: changes it into one without broadcasts and with a single worker. `epochs`: a
 * folder for them (epochs.h), or NULL. 0, or -EINVAL with the cause in `error`: what the component said in prepare
 * among them. */
int sqi_rig_open(struct sqi_plan **plan, uint32_t task, const char *epochs, struct sq_rig **ret, char *error,
                 size_t size);

/* Feeds one tuple of `n` values by the input `edge` of the plan. 0 or a negative errno. */
int sqi_rig_feed(struct sq_rig *rig, const struct sqi_plan_edge *edge, uint32_t source, size_t n,
                 const struct sq_value *values);
/* What a source (NULL: each) says of its event time; it is executed at the next settling. 0; -ENOENT: watermarks do not
 * come by that input; or another negative errno. */
int sqi_rig_feed_watermark(struct sq_rig *rig, const char *source, int64_t watermark);
/* Feeds a batch as a worker received it. */
int sqi_rig_feed_frame(struct sq_rig *rig, const void *bytes, size_t size);

/* Lets the task turn until it is idle, and gathers what came of it. */
void sqi_rig_settle(struct sq_rig *rig);
void sqi_rig_next(struct sq_rig *rig, uint32_t calls); /* spouts */
void sqi_rig_tick(struct sq_rig *rig);                 /* bolts: a tick out of turn */
/* time passes; what is due on the way happens at its time */
void sqi_rig_advance(struct sq_rig *rig, uint64_t ns);
void sqi_rig_end(struct sq_rig *rig); /* every source has ended, or the spout is to drain */
/* bolts: a new instance of the component goes on with the keyed state of the old one, as after a stop and
 * a start that comes `ns` later */
void sqi_rig_restart(struct sq_rig *rig, uint64_t ns);
void sqi_rig_judge(struct sq_rig *rig, size_t tree, bool ack); /* spouts: ends a tree */

/* Forgets what was caught and logged. */
void sqi_rig_forget(struct sq_rig *rig);

const struct sqi_plan_stream *sqi_rig_stream(const struct sq_rig *rig, uint32_t stream);

/* A caught tuple as JSON, malloc'd: an object of the fields, or those for which `wanted` is set (NULL: all). */
char *sqi_rig_json(const struct sq_rig *rig, const struct sqi_caught *caught, const bool *wanted);

#endif

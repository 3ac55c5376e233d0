/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A task of a plan as a component of an Apache Storm cluster: the task that workers run, with Storm's multilang
 * protocol in the place of its channels.
 *
 *     Storm --stdin--> pipe --> neighbours --> the task --> neighbours --> pipe --stdout--> Storm
 *
 *     sqi_shelled_open(&shell, &plan, in, out, error, size)     answers the handshake, which says which task this is
 *     sqi_shelled_bolt(&shell), sqi_shelled_spout(&shell)      until Storm closes the pipe; or the task cannot go on
 *     sqi_shelled_close(&shell)
 *
 * A tuple of Storm's is a tree of its own here: what the task emits for it goes out anchored to it, and it is acked
 * when its tree is done. Of a spout a tree is as many messages as it has tuples, of one id.
 *
 * A topology ends by marks, tuples of the stream `squall-end`: a spout that has emitted all, and whose trees are all
 * done, emits one with the message id `end`; a bolt that has them all finishes, emits, passes on its own, all anchored
 * to those that it has, and acks them. When they fail they come again, and the bolt answers as before.
 */
#ifndef SQI_SHELLED_H
#define SQI_SHELLED_H

#include <limits.h>

#include "shell/pipe.h"
#include "shell/places.h"
#include "task/neighbours.h"

#define SQI_SHELL_END "squall-end" /* the stream of marks, with one field: the index of the task */

/* What is under way: of a bolt a tuple of Storm's, of a spout a tuple tree. */
struct sqi_shelled_tree {
        uint64_t root;  /* 0: the place is free */
        uint64_t value; /* neighbours.h */
        int64_t id;     /* bolt: Storm's of the tuple */
        uint32_t left;  /* spout: messages that Storm has not answered */
        bool failed;    /* spout */
};

struct sqi_shelled_ends {
        bool *came;       /* by task of the plan */
        uint32_t missing; /* bolt: tasks whose mark is still to come */
        int64_t *ids;     /* Storm's, of those that have come */
        size_t nids, room;
        struct sqi_pipe kept; /* what the end brought out: a line each, from its stream on */
        bool told;            /* the task's own mark is out */
};

struct sqi_shelled {
        struct sqi_pipe pipe;
        struct sqi_plan *plan;
        struct sqi_places places;
        struct sqi_driver driver;
        struct sqi_metrics metrics;
        struct sq_task *task;
        void *context;
        struct sqi_neighbours beside;
        struct sqi_shelled_tree *trees;
        uint64_t nroots; /* given so far: none is given twice */
        uint32_t owner;  /* the spout task that they are of */
        size_t ntrees, room;
        struct sqi_shelled_ends ends;
        bool opened;
        char run[512];            /* sq_run_id() */
        char component[PATH_MAX]; /* path of its .so, absolute */
};

/* Takes over the plan, whose paths of components are as if the current folder were the root. 0, or a negative errno
 * with the cause in `error`. -EPIPE: Storm is gone. */
int sqi_shelled_open(struct sqi_shelled *shell, struct sqi_plan **plan, int in, int out, char *error, size_t size);
void sqi_shelled_close(struct sqi_shelled *shell);

/* 0: Storm has closed the pipe. -1: task->error says why not on. */
int sqi_shelled_bolt(struct sqi_shelled *shell);
int sqi_shelled_spout(struct sqi_shelled *shell);

/* ---- between the files ------------------------------------------------------------------------------- */

/* Lets the task turn until it is idle, and flushes it. False: it cannot go on. */
bool sqi_shelled_turn(struct sqi_shelled *shell);
/* An error of the component, as Storm's UI shows it. */
void sqi_shelled_tell(struct sqi_shelled *shell, const char *error);

/* A new one; NULL: no memory. Valid until another is added or dropped. */
struct sqi_shelled_tree *sqi_shelled_add_tree(struct sqi_shelled *shell, uint64_t root);
struct sqi_shelled_tree *sqi_shelled_find_tree(struct sqi_shelled *shell, uint64_t root);
void sqi_shelled_drop_tree(struct sqi_shelled *shell, struct sqi_shelled_tree *tree);

/* The rest of an emit, from its stream on: ,"stream":S,"task":N,"tuple":[...] */
void sqi_shelled_put_tuple(struct sqi_shelled *shell, struct sqi_pipe *pipe, uint32_t receiver,
                           const struct sqi_frame *frame, const struct sqi_slice *slice);
/* The rest of an emit of the task's own mark. */
void sqi_shelled_put_mark(struct sqi_shelled *shell);
/* Does the task read something of that task of the plan? */
bool sqi_shelled_reads(const struct sqi_shelled *shell, uint32_t task);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The processes of the simulation of exactly-once, which do what the protocol asks of tasks. A spout counts to N; A
 * passes on what it gets, each third number once more by way of itself; B is a staged sink: it holds back what it gets
 * and publishes it at COMMIT, in one transaction with the number of the epoch. One keeps its rows by epochs; another
 * has those that are staged and those that are not, and knows of a commit only whether its epoch is published already.
 *
 *     S --0--> A --2--> B      A --3--> A (feedback)
 *     S --1----------> B
 *
 * What they take note of when an order comes is what tasks do (task/epoch.h). They find one order or several at a time,
 * and some of them again, late; a mark may come before the order of its epoch. A fault that is planted makes them do it
 * wrong.
 */
#ifndef TESTS_ACTORS_H
#define TESTS_ACTORS_H

#include <stdbool.h>
#include <stdint.h>

#include "lifecycle/lifecycle.h"
#include "task/epoch.h"

enum {
        TASKS = 3,
        S = 0,
        A = 1,
        B = 2,
        CHANNELS = 4,
        FEEDBACK = 3,
        N = 60,
        QUEUE = 256,
        LATE = 8,
        EPOCHS = 400,
        TURNS = 60000
};

enum fault {
        NOTHING,
        NO_RECORDING_ON_FEEDBACK,
        NO_RECORDING_AT_ALL,
        END_IS_NO_MARK,
        TUPLE_BETWEEN_SNAPSHOT_AND_MARK,
        DROPPED_INSTEAD_OF_COMMITTED_AT_A_RESTORE,
        COMMITTED_TWICE,
        PUBLISHED_BEFORE_THE_MANIFEST,
        HELD_BACK_IS_LOST_WHEN_GIVEN_UP,
        POSITION_OF_LATER_THAN_THE_EPOCH,
        NUMBER_USED_AGAIN,
        BEGUN_BEFORE_ALL_HAD_LEFT,
        REPORT_OF_BEFORE_COUNTS,
        COMMITTED_AGAIN_BEHIND_THE_NEXT_MARK,
        ABANDONED_BY_A_LATE_ORDER,
        BEGUN_AGAIN_BY_A_LATE_ORDER,
        ENDED_BY_A_HANDOVER_FOR_GOOD,
        BEGUN_WITHOUT_WAITING_FOR_THE_SEAL,
        BEGUN_WITHOUT_WAITING_FOR_THE_FOLDER,
        FAULTS
};

struct route {
        uint32_t from, to;
};
extern const struct route channels[CHANNELS];

enum kind { TUPLE, MARK, END };
struct item {
        enum kind kind;
        uint32_t number;
};

struct queue {
        struct item items[QUEUE];
        unsigned n;
};

struct held {
        uint32_t number, epoch; /* 0: of no epoch yet */
};

/* What a task is made of, and what of it is in its part. */
struct inner {
        uint32_t next, sent[CHANNELS], got[CHANNELS];
        bool ended[CHANNELS], finished;
        bool handed; /* to the next plan, where it goes on */
};

struct part {
        bool there;
        struct inner inner;
        struct queue recorded[CHANNELS];
        struct held held[4 * N];
        unsigned nheld;
};

struct order {
        enum sqi_message_type type;
        uint64_t number;
};

struct process {
        bool alive, killed, listens, back, bound, connected, ready, started, quitting, draining, handing;
        uint32_t incarnation, rejoins; /* as which; 0: it has not been told to */
        uint64_t restore, position;
        struct inner inner;
        struct queue replay[CHANNELS];
        struct held held[4 * N];
        unsigned nheld;
        struct sqi_epoch epoch;
        struct {
                uint64_t epoch; /* 0: nothing; a mark is there, and its order is not */
                uint32_t channel;
        } awaits;
        bool seen[CHANNELS];
        struct part part;
        struct order orders[QUEUE], again[LATE];
        unsigned norders, nagain;
        struct sqi_message reports[QUEUE];
        unsigned nreports;
};

struct play {
        struct sqi_plan_component components[TASKS];
        struct sqi_plan_task tasks[TASKS];
        struct sqi_plan plan;
        struct sqi_lifecycle *life;
        struct sqi_actions actions;
        struct process processes[TASKS];
        struct queue queues[CHANNELS];
        bool sealed[EPOCHS], used[EPOCHS], opened[EPOCHS];
        uint64_t opening;                 /* the epoch whose folder they make; 0: none */
        uint64_t sealing;                 /* the epoch that a thread and the disk are at; 0: none */
        uint64_t positions[EPOCHS], told; /* the last position that was told, whatever for */
        uint32_t published[4 * N];
        uint64_t committed; /* with what is published, in one transaction */
        enum fault fault;
        uint64_t random, now, seed;
        bool by_epochs;  /* B keeps its rows so */
        uint64_t health; /* of the processes: how rare their deaths are */
        bool faults, ended, draining, handing, supervisor_dies, wrong;
        char why[128];
        unsigned restores;
        uint64_t last;                    /* epoch of which there is a part */
        struct part parts[EPOCHS][TASKS]; /* the disk; last, for it is large and hardly used */
};

/* Notes what is not right; of all that is wrong the first counts. */
void check(struct play *play, bool right, const char *what);

/* As one that was spawned, but that nothing is lost of what is on its way to the supervisor. */
void renew(struct process *process, uint32_t incarnation);
void empty_inbox(struct play *play, uint32_t w);
/* It closes all that it has, and is to listen again. What a neighbour that has not left yet sends it finds no one. */
void rejoin(struct play *play, uint32_t w);
/* The test of all that begin: nothing is left that has seen something. */
void check_all_is_quiet(struct play *play);

/* A report to the supervisor, which is under way from now on. */
void say(struct play *play, uint32_t w, enum sqi_message_type type, uint64_t number);
/* The order is under way to it, and maybe comes again, behind others. */
void order_to(struct play *play, uint32_t w, struct order order);
/* Some of the orders that have come, or all. */
void obey(struct play *play, uint32_t w);
/* What follows from them. False: it waits for one, and does nothing else. */
bool act_on_orders(struct play *play, uint32_t w);

/* As of the epoch that it was told to restore. */
void load(struct play *play, uint32_t w);
/* The next of what a process that was started has to do. */
void work_spout(struct play *play);
void work_bolt(struct play *play, uint32_t w);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a supervisor and its workers say to each other: one table of message types, one version, one codec.
 *
 * A message is a msgpack array [version, type, worker, incarnation, fields...]; which fields a type carries stands in
 * the table. Supervisor to workers by PUB with a topic frame before it (sqi_message_topic, or SQI_TOPIC_ALL); workers
 * to supervisor by PUSH.
 *
 * The start of a topology, and of a restarted worker:
 *
 *     worker                          supervisor
 *     subscribes to its topic   ->    (sees the subscription)
 *     HELLO                     ->
 *     binds its inboxes, BOUND  ->    waits until every task is bound and every subscription seen
 *                               <-    RESTORE and POSITION (where the topology goes on), then CONNECT
 *     connects, prepares, READY ->    waits until every task is ready
 *                               <-    START
 *
 * The end:                      <-    DRAIN (or the spouts end by themselves)
 *     FINISHED for each task, as the end-of-stream marks travel down; METRICS before it are exact
 *                               <-    QUIT when all have finished
 *
 * A restore in place (lifecycle/restore.c): each worker that lives closes what it has, and begins as one that was
 * spawned:
 *
 *                               <-    REJOIN
 *     subscribes to its new topic ->  waits until all others have, or are dead
 *                               <-    BEGIN
 *     binds its inboxes, BOUND  ->    and so on
 *
 * A supervisor that died, and its successor at the same endpoints:
 *
 *     connects anew, subscribes ->    (sees the subscription)
 *                               <-    ADOPT
 *     STATE for each task       ->    waits until every worker that lives has told its own
 *                               <-    what the dead one may have said to nobody: PEER_LOST, ACTIVATE or DEACTIVATE,
 *                                     DRAIN
 */
#ifndef SQI_MESSAGE_H
#define SQI_MESSAGE_H

#include "control/metrics.h"
#include "squall.h"

/*
 * Goes up with every change of what a message is made of: a type, its fields, their order; a counter; a histogram. A
 * unit test knows which messages the version stands for, and fails when they have changed and it has not.
 *
 * Each message carries it, and so does the file squall-worker (control/mark.h). A supervisor starts no squall-worker of
 * another version, and does not take over workers that are: they go on alone, and the topology waits for its own.
 */
enum { SQI_MESSAGE_VERSION = 11 };

/* clang-format off */
/*      type             fields             sense */
#define SQI_MESSAGES(X) \
        /* worker to supervisor */ \
        X(HELLO,         "n",   "number: pid; the worker is up and listens") \
        X(BOUND,         "t",   "the task has bound its inboxes") \
        X(READY,         "t",   "the task has connected, every broadcast subscription is seen, prepare has returned") \
        X(SETTLED,       "t",   "a task of a cycle has seen the end of all inputs from outside the cycle") \
        X(PROBED,        "tnab", "answer to PROBE: number: round; a, b: tuples received from and sent into the cycle") \
        X(FINISHED,      "t",   "the task has run finish and sent its end-of-stream marks") \
        X(HEARTBEAT,     "",    "the worker lives") \
        X(METRICS,       "tm",  "counters of a task since its incarnation began") \
        X(POSITION,      "tns", "number: every tuple tree below this position of the spout task is done; text: its note; also back: resume there") \
        X(ERROR,         "tns", "the task can't go on: text; the worker exits after it; number 1: no restart could mend it") \
        X(DEAD_LETTER,   "tns", "number: position; the spout task gave a tuple tree up; text: cause") \
        X(STATE,         "tn",  "answer to ADOPT for each task: number: how far it is, enum sqi_task_state") \
        X(SNAPSHOT,      "tnabs", "before FINISHED, or after CHECKPOINT: the task's part of the snapshot of epoch number is written: a bytes, checksum b; text: why it is not") \
        X(WRITTEN,       "tnab", "before SNAPSHOT number, if there is any: a bytes were written to disk for it, b bytes of batches on their way among them") \
        X(COMMITTED,     "tn",  "answer to COMMIT: what the task held back for epoch number is published") \
        X(ANSWER,        "tnp", "answer to QUERY number: a packed map (task/query.h)") \
        /* supervisor to worker */ \
        X(CONNECT,       "",    "every inbox is bound: connect, prepare") \
        X(START,         "",    "data may flow") \
        X(ACTIVATE,      "",    "spouts on") \
        X(DEACTIVATE,    "",    "spouts off") \
        X(DRAIN,         "",    "spouts end: no further tuples; finish when every tuple tree is done") \
        X(PROBE,         "n",   "number: round; tasks of cycles answer PROBED") \
        X(RELEASE,       "n",   "number: cycle; it is quiet: its tasks finish in order") \
        X(PEER_LOST,     "tn",  "the task died; number: its next incarnation; spouts replay what is in flight, all refuse older batches") \
        X(PEER_READY,    "t",   "the restarted task is ready: who had sent it an end-of-stream mark sends it again") \
        X(QUIT,          "",    "clean up and exit") \
        X(ADOPT,         "n",   "number: pid of a new supervisor, which takes the place of one that died; tell your STATE") \
        X(LOG_LEVEL,     "tna", "number: enum sq_level that the task logs at, for a milliseconds; then as before") \
        X(TAP,           "nab", "number: component; for a milliseconds its tasks publish copies of batches that they send, b bytes a second in all: channel/tap.h") \
        X(TRACE,         "na",  "for a milliseconds each spout task follows number tuple trees a second through every hop: task/trace.h") \
        X(HANDOVER,      "nas", "before DRAIN: the topology goes on later, which the spouts' end-of-stream marks then say; number 1: with this worker; the tasks write their part of the snapshot of epoch a into the folder text") \
        X(RESTORE,       "nas", "before CONNECT: tasks with keyed state begin with that of the snapshot in the folder text, which is of epoch number; 0: of any; a 1: another run made it, and what that was told to end goes on") \
        X(CHECKPOINT,    "ns",  "exactly-once: begin epoch number; each task writes its part of the snapshot into the folder text, and answers SNAPSHOT") \
        X(ABANDON,       "n",   "epoch number is given up: what was recorded for it is dropped, what had changed counts as changed again") \
        X(COMMIT,        "n",   "the snapshot of epoch number is sealed: publish what was held back for it, and answer COMMITTED; may come again") \
        X(QUERY,         "tnabp", "show keyed state, and answer with the same number: of the key whose fields the packed texts are, or of b keys from place a on") \
        X(REJOIN,        "n",   "exactly-once: another worker has died: close all tasks, and listen again as incarnation number, without any") \
        X(BEGIN,         "",    "after REJOIN: all have left: make the tasks anew, as after a spawn") \
        X(MOVE,          "nas", "to a worker that stays, when all is quiet: go on as worker number, incarnation a, of the run directory text")
/* clang-format on */

enum sqi_message_type {
#define X(name, fields, sense) SQI_MSG_##name,
        SQI_MESSAGES(X)
#undef X
                SQI_MESSAGE_TYPES
};

/* How far a task is, and what it was told, as bits. A worker whose tasks have not all STARTED cannot be adopted. */
enum sqi_task_state {
        SQI_TASK_STARTED = 1,
        SQI_TASK_SETTLED = 2,
        SQI_TASK_FINISHED = 4,
        SQI_TASK_DRAINING = 8,  /* told to: what finishes now has not come to its end by itself */
        SQI_TASK_HANDOVER = 16, /* and that the topology goes on later */
};

/* Bytes of a field p at most. */
enum { SQI_PACKED_MAX = 64 << 10 };

/* Fields: t task, n number, a, b counters, s text (at most 4 KiB, cut), p a packed value (in `text`; one that is longer
 * than SQI_PACKED_MAX is left out), m metrics. What a type does not carry is zero. */
struct sqi_message {
        enum sqi_message_type type;
        uint32_t worker, incarnation; /* of the worker that sends or is meant */
        uint32_t task;
        uint64_t number, a, b;
        struct sq_str text;                /* decoded: a view into the bytes */
        const struct sqi_metrics *metrics; /* to encode */
};

const char *sqi_message_name(enum sqi_message_type type);

/* Encodes into a malloc'd buffer. 0 or -ENOMEM. */
int sqi_message_encode(const struct sqi_message *message, void **ret_bytes, size_t *ret_size);

/* Decodes bytes from another process. 0; -EPROTO: another version; -EBADMSG: not a message. `metrics` may be NULL when
 * the caller does not want them; else it is overwritten by an "m" field. */
int sqi_message_decode(const void *bytes, size_t size, struct sqi_message *ret, struct sqi_metrics *metrics);

#define SQI_TOPIC_ALL "*"
enum { SQI_TOPIC_SIZE = 32 };
/* The topic of one incarnation of one worker: "w3.0." (the last dot keeps w3.1 from matching w3.10). */
void sqi_message_topic(uint32_t worker, uint32_t incarnation, char topic[SQI_TOPIC_SIZE]);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A program that speaks Storm's multilang protocol, for the bolt and the spout `shell`: its settings, its process, and
 * what both do with it. Nothing here waits for the program but what says so.
 *
 *     sqi_shell_declare(&self->shell, decl);            in `.declare`
 *     if (sqi_shell_open(task, &self->shell) < 0) ...   in `.prepare`: begins it and waits for its greeting
 *     if (sqi_shell_turn(task, &self->shell) < 0 ||     in `.wake`, `.next`: reads and writes what goes at once
 *         (r = sqi_shell_next(&self->shell, &message)) < 0)
 *             sqi_shell_bury(task, &self->shell);       it is over, and shell.cause says why
 *     sqi_shell_close(&self->shell);                    {0} may be closed
 */
#ifndef SQI_CLIENT_SHELL_H
#define SQI_CLIENT_SHELL_H

#include <squall-kit.h>

#include "shell_process.h"
#include "shell_wire.h"

enum sqi_shell_state {
        SHELL_DOWN,     /* there is no process */
        SHELL_GREETING, /* it has not said its pid yet */
        SHELL_UP
};

enum { SHELL_CAUSE = 512, SHELL_SAID = 400, SHELL_METRICS_MAX = 8 };

struct sqi_shell {
        /* settings */
        struct sq_list command;
        struct sq_nested fields, streams;
        struct sq_pairs env, conf;
        const char *cwd;
        double timeout;

        unsigned nstreams; /* the default one counted */
        const char *names[SQ_DECLARED_STREAMS_MAX + 1];
        struct sq_schema *schemas; /* of each; by sqi_shell_read_streams(), freed by whoever called it */

        enum sqi_shell_state state;
        unsigned generation; /* of processes, from 1 */
        struct sqi_shell_process process;
        int watch; /* what its files become ready by, for sq_wake_on() */
        bool watches_in;
        struct sqi_shell_reader reader;
        struct sqi_shell_bytes first, queue; /* what goes to it; `queue` only once it is up */
        uint64_t born_ns, heard_ns;
        uint64_t asked_ns; /* since when an answer is awaited; 0: none is */
        struct sq_retry retry;
        char *pids;            /* the folder for its pid */
        bool own_pids;         /* made for it */
        char name[128];        /* for messages */
        char said[SHELL_SAID]; /* the last lines of its standard error */
        size_t nsaid, line;    /* bytes; where its last line begins */
        char cause[SHELL_CAUSE];
        char metrics[SHELL_METRICS_MAX][32];
};

#define SQ_OPT_SHELL(state, member) \
        SQ_REQ_LIST_AS("command", state, member.command, "the program and its arguments; no shell is in between"), \
                SQ_OPT_NESTED_AS( \
                        "fields", state, member.fields, \
                        "what it emits: a list of fields, or a map of fields and their types: " SQ_TYPES_HELP), \
                SQ_OPT_NESTED_AS( \
                        "streams", state, member.streams, \
                        "further streams: a map of streams, and of each a list of fields, or a map of fields and types"), \
                SQ_OPT_MAP_AS("env", state, member.env, "variables of its environment"), \
                SQ_OPT_PATH_AS("cwd", state, member.cwd, NULL, \
                               "the folder that it runs in (by default that of the topology file)"), \
                SQ_OPT_MAP_AS("conf", state, member.conf, \
                              "more for the `conf` that it is handed: a value that reads as JSON is that value"), \
                SQ_OPT_FLOAT_AS("timeout", state, member.timeout, 30, \
                                "seconds without a sign of life after which it is killed")

/* shell_fields.c: reads the settings into names and schemas. NULL, or the setting that is wrong, and how. */
const char *sqi_shell_read_streams(struct sqi_shell *shell, char *wrong, size_t size);
void sqi_shell_declare(const struct sqi_shell *shell, struct sq_declaration *decl);

/* 0, or -1 after sq_error(). */
int sqi_shell_open(struct sq_task *task, struct sqi_shell *shell);
void sqi_shell_close(struct sqi_shell *shell);

/* Begins it, when it is down and that is due. */
void sqi_shell_revive(struct sq_task *task, struct sqi_shell *shell);
/* 0, or -1: it is over, and shell->cause says why. */
int sqi_shell_turn(struct sq_task *task, struct sqi_shell *shell);
/* Writes what goes at once. Whether something is left. */
bool sqi_shell_push(struct sq_task *task, struct sqi_shell *shell);
/* The next message, the greeting left out. 1; 0: there is none; -1: it is over. */
int sqi_shell_next(struct sqi_shell *shell, struct sqi_shell_message *ret);
/* Waits for anything to happen, at most until `until_ns` of sqi_shell_clock(). */
void sqi_shell_wait(const struct sqi_shell *shell, uint64_t until_ns);
/* The same for what is likely to come in some microseconds: looks for it for a moment before it sleeps. */
void sqi_shell_wait_briefly(const struct sqi_shell *shell, uint64_t until_ns);
/* An answer is awaited from now on, or is not any more. */
void sqi_shell_ask(struct sqi_shell *shell);
/* Ends it and logs why. */
void sqi_shell_bury(struct sq_task *task, struct sqi_shell *shell);
/* It was ended by somebody else, and not by what it was handed. */
bool sqi_shell_was_killed(const struct sqi_shell *shell);

/* log, error, metrics; others are ignored. */
void sqi_shell_hear(struct sq_task *task, struct sqi_shell *shell, const struct sqi_shell_message *message);
/* The stream of an emit, and its values as they are declared. 0, or -1: it is over, for it broke its declaration. */
int sqi_shell_take(struct sqi_shell *shell, const struct sqi_shell_message *message, unsigned *ret_stream,
                   struct sq_value values[SQ_FIELDS_MAX]);
/* The task that a direct emit goes to, as sq_emit_to() has it. 0, or -1: that one does not read the stream so. */
int sqi_shell_receiver(const struct sq_task *task, struct sqi_shell *shell, const struct sqi_shell_message *message,
                       unsigned stream, unsigned *ret);
/* shell->cause; -1. */
int sqi_shell_breaks(struct sqi_shell *shell, const char *format, ...) SQ_PRINTF(2, 3);

/* Monotonic ns of the machine: the program lives by no virtual clock. */
uint64_t sqi_shell_clock(void);

/* shell_context.c: the first message to it. Tasks of Storm count from 1. */
void sqi_shell_put_handshake(struct sq_task *task, const struct sqi_shell *shell, struct sqi_shell_bytes *bytes);
static inline unsigned
sqi_shell_task(unsigned number)
{
        return number + 1;
}

#endif

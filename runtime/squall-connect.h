/* SPDX-License-Identifier: Apache-2.0 */
/*
 * squall-connect.h - what spouts and sinks share that talk to others: pace, servers, batches with back-off,
 * staging, the journal, messages, connections.
 *
 * A part of squall-kit.h, which says how it is linked, and what threads and owners there are.
 */
#ifndef SQUALL_CONNECT_H
#define SQUALL_CONNECT_H

#include <squall-expr.h>
#include <squall-files.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Pace -------------------------------------------------------------------------------------------- */

/*
 * The pace of a spout with a `rate`: an open loop. Tuple k of the component is due k / rate seconds after the first
 * call, whatever happened to the tuples before it; task i of n owns the tuples i, i + n, i + 2n, ... So the rate holds
 * over all tasks, and a stall is made good instead of hidden. {0} is one that has not begun.
 */
struct sq_pace {
        bool started;
        uint64_t start, sent;
};

SQ_EXPORT void sq_pace_restart(struct sq_pace *pace);
/* How many tuples one call of `.next` may emit: what is free below topology.max.spout.pending, and so few that commands
 * are heard in between. */
SQ_EXPORT uint64_t sq_pace_burst(const struct sq_task *task);
/* How many tuples may go out now, at most `most`; `rate` is in tuples a second over all tasks, 0: free. When it is
 * none, the task is woken for the next one. */
SQ_EXPORT uint64_t sq_pace_due(struct sq_pace *pace, struct sq_task *task, double rate, uint64_t most);
/* Says how many went out. */
SQ_EXPORT void sq_pace_sent(struct sq_pace *pace, uint64_t n);

/* ---- Servers ----------------------------------------------------------------------------------------- */

/* Where a server is: SCHEME://USER@HOST:PORT/PATH, of which all but the scheme may be missing. */
struct sq_url {
        char scheme[16], user[128], host[256], path[512]; /* path: with its slash, and what is behind it */
        uint16_t port;                                    /* 0: none was given */
};
/* NULL, or what is wrong with it, a constant. A password is refused: who shows a URL shows no secret. */
SQ_EXPORT const char *sq_url_read(const char *text, struct sq_url *ret);

/* The setting of a secret, which says where it is instead of what it is: `env:NAME` or `file:/PATH`, its one line. */
#define SQ_OPT_SECRET(name, state, member, help) \
        SQ_OPT_STR_AS(name, state, member, NULL, help ": env:NAME, or file:/PATH whose one line it is")
/* In `.declare`: whether the setting (NULL: not set) is of that form. */
SQ_EXPORT void sq_secret_declare(const char *setting, struct sq_declaration *decl, const char *option);
/* In `.prepare`: the secret, or the empty text when `setting` is NULL. 0, or -1 after sq_error(). */
SQ_EXPORT int sq_secret_read(struct sq_task *task, const char *setting, char *ret, size_t size);
/* In `.probe`: likewise. False after sq_declare_error(). */
SQ_EXPORT bool sq_secret_probe(struct sq_declaration *decl, const char *option, const char *setting, char *ret,
                               size_t size);
/* In `.probe`: whether a server may listen at HOST:PORT, SOCK_STREAM or SOCK_DGRAM; whether one listens there; whether
 * the file can be written to, or made. */
SQ_EXPORT void sq_probe_listening(struct sq_declaration *decl, const char *option, const char *listen_at, int type);
SQ_EXPORT void sq_probe_server(struct sq_declaration *decl, const char *option, const struct sq_url *at);
SQ_EXPORT void sq_probe_output(struct sq_declaration *decl, const char *option, const char *path);

/* ---- Sinks ------------------------------------------------------------------------------------------- */

/*
 * What a bolt does that hands tuples to a server: it gathers them, hands them over before the acks go out, tries again
 * with back-off and jitter while the other side is away, and finds what that refuses.
 *
 *     struct self { struct sq_sink sink; ... };                         it comes first in the state
 *     .options = { SQ_OPT_SINK(struct self, sink), ... }, .streams = { SQ_ERRORS }
 *     .execute = sq_sink_execute, .flush = sq_sink_flush, .finish = sq_sink_flush
 *     sq_sink_declare(&self->sink, decl);                               in `.declare`
 *     self->sink.encoding = &self->encoding;                            in `.prepare`, where messages are made by it
 *     return sq_sink_open(task, self->url, send);                       in `.prepare`
 *     sq_sink_close(task);                                              in `.cleanup`
 *
 * `timeout` is how long a flush goes on trying; then the tuples fail, which counts as no attempt: at most once they are
 * lost. Counted are `retries`; the gauge `circuit open` is 1 from the first failure to the next success.
 */
struct sq_sink;

/*
 * Hands records `first` to `first + n` over and returns when the other side has them. 0; or
 *
 *     -EAGAIN     it is away: all are tried again, but for *ret_done of them, at the start, that it has for certain.
 *     -EPIPE      likewise, and it hung up on what was sent: less is sent then, and what it always hangs up on refused.
 *     -EBADMSG    it refuses one at least, and has none of those behind the first *ret_done.
 *     other       the task has failed: after sq_error_final().
 *
 * sink->why says why. A record that sq_sink_settle() or sq_sink_refuse() were called for is not tried again.
 */
typedef int sq_sink_send(struct sq_task *task, size_t first, size_t n, size_t *ret_done);

struct sq_sink {
        int64_t batch, on_error; /* settings, as `timeout` */
        double timeout, since_s, until_s;

        char why[256]; /* `send` says here why it did not work */
        const char *name;
        sq_sink_send *send;
        const struct sq_encoding *encoding; /* by which `send` makes messages of tuples; NULL: it does not */
        struct sq_encoder records, trial;
        struct sq_sink_span *spans; /* of each record */
        size_t n, done, most;       /* most: handed over at once, while it is looked for what is hung up on; or 0 */
        unsigned failures, strikes; /* in a row */
        uint64_t jitter;
        struct sq_templates *templates;

        bool staged; /* exactly once: see sq_sink_open_staged() */
        struct sq_sink_stage {
                bool restored, sure;        /* nothing is committed yet; the mark is ours */
                bool refused, full;         /* one behind what is marked was; more is held than should be */
                uint64_t from, epoch, owed; /* gone on from; being committed; to be committed before any other */
                struct sq_encoder held;
                char holder[17], name[256], mark[192];
        } stage;
};

enum { SQ_SINK_BATCH_MAX = 1000000 };
#define SQ_OPT_SINK(state, member) \
        SQ_OPT_INT_AS("batch", state, member.batch, 1000, "tuples that are handed over at once, at most"), \
                SQ_OPT_FLOAT_AS("timeout", state, member.timeout, 2, \
                                "seconds to go on trying while the other side is away, before tuples fail"), \
        { \
                "on-error", SQ_OPTION_ENUM, SQI_MEMBER(state, member.on_error, int64_t), "dead-letter", false, \
                        "dead-letter|skip|stream|fail", \
                        "a tuple that the other side refuses: dead-letter: to topology.dead.letter.path; skip: is counted only; " \
                        "stream: goes out on the stream `errors`; fail: the topology fails" \
        }

SQ_EXPORT void sq_sink_declare(const struct sq_sink *sink, struct sq_declaration *decl);
/* `name` is for messages, and must outlive it. 0, or -1 after sq_error(). */
SQ_EXPORT int sq_sink_open(struct sq_task *task, const char *name, sq_sink_send *send);
/* What `.prepare` is to return at its end, by how the first connection went: -EACCES, a wrong password or right, ends
 * the topology; any other error is logged with `why`, for the other side may come up yet. */
SQ_EXPORT int sq_sink_connected(struct sq_task *task, int error);
SQ_EXPORT enum sq_verdict sq_sink_execute(struct sq_task *task, const struct sq_tuple *in);
SQ_EXPORT int sq_sink_flush(struct sq_task *task);
SQ_EXPORT void sq_sink_close(struct sq_task *task);

/*
 * A sink of a server that has transactions can write each tuple once under exactly-once: it stages. What it takes is
 * held back, and is part of the snapshot of its epoch. When that is sealed it is handed over, `batch` at a time, each
 * time in one transaction with a mark that says how far it is. Who dies in between and begins again reads there what
 * it need not write. Under other deliveries nothing is different.
 *
 *     .precommit = sq_sink_precommit, .commit = sq_sink_commit
 *     sq_sink_declare_staged(), sq_sink_open_staged()                   in place of those above
 *
 * `send` then does this, where sink->staged:
 *
 *     1  begins a transaction that no other with this mark passes       locks its row
 *     2  reads the mark of the name sq_sink_mark_name()                 "" where there is none
 *     3  r = sq_sink_resume(task, mark, &first, &n)                     below 0: rolls back, and returns that
 *     4  writes the records, of which there may be none
 *     5  keeps sq_sink_mark() under the name, and commits
 */
SQ_EXPORT void sq_sink_declare_staged(const struct sq_sink *sink, struct sq_declaration *decl);
SQ_EXPORT int sq_sink_open_staged(struct sq_task *task, const char *name, sq_sink_send *send);
SQ_EXPORT int sq_sink_precommit(struct sq_task *task, uint64_t epoch);
SQ_EXPORT int sq_sink_commit(struct sq_task *task, uint64_t epoch);
/* Leaves out what is there already by `mark`. 0, or a negative errno for `send` to return: somebody else writes what
 * this task does. */
SQ_EXPORT int sq_sink_resume(struct sq_task *task, struct sq_str mark, size_t *first, size_t *n);
/* Views, good until `send` returns: no spaces or quotes in the name; the mark is what sq_sink_resume() has made. */
SQ_EXPORT const char *sq_sink_mark_name(const struct sq_sink *sink);
SQ_EXPORT const char *sq_sink_mark(const struct sq_sink *sink);

/* The expressions of the templates of who has the records. NULL: no memory. */
struct sq_templates;
SQ_EXPORT struct sq_templates *sq_templates_new(void);
SQ_EXPORT void sq_templates_free(struct sq_templates **templates);

/* A record in `send`: its fields, views that are good until that returns. */
struct sq_record {
        struct sq_value whole;          /* a map */
        struct sq_templates *templates; /* NULL: its templates have no expressions */
        size_t n;
        struct sq_str names[SQ_FIELDS_MAX];
        struct sq_value values[SQ_FIELDS_MAX];
};
SQ_EXPORT void sq_sink_record(const struct sq_sink *sink, size_t i, struct sq_record *ret);
/* Likewise a tuple in `.execute`, though without `whole`. `templates` may be NULL. */
SQ_EXPORT void sq_record_of(const struct sq_tuple *in, struct sq_templates *templates, struct sq_record *ret);
/* Nil when it has no such field. */
SQ_EXPORT struct sq_value sq_record_get(const struct sq_record *record, const char *name);
/* In `send`: the other side has record `i`; or refuses it alone: 0, or a negative errno for `send` to return. */
SQ_EXPORT void sq_sink_settle(struct sq_sink *sink, size_t i);
SQ_EXPORT int sq_sink_refuse(struct sq_task *task, struct sq_sink *sink, size_t i, const char *cause);

/*
 * A text with fields of a record in braces, or with expressions over them: `page:{path}`, `{lower(host)}-{n % 8}`. What
 * is nil there, or has no value, is nothing; texts stand as they are, other values as JSON.
 */
SQ_EXPORT void sq_template_declare(const char *template_, struct sq_declaration *decl, const char *option);
/* Appends it to an encoder of SQ_ENCODING_TEXT. As sq_encode(). */
SQ_EXPORT int sq_template_write(const char *template_, const struct sq_record *record, struct sq_encoder *text);
/* Likewise of a tuple in `.execute`, in place of what stands in the encoder. */
SQ_EXPORT int sq_template_make(const char *template_, struct sq_templates *templates, const struct sq_tuple *in,
                               struct sq_encoder *text);
/* Appends the message of a record to an encoder of TEXT: its field `value` as a text (MSGPACK: a map or array as it
 * is), nothing where it is nil; or, with NULL, the record as the settings say. As sq_encode(). */
SQ_EXPORT int sq_record_write(const struct sq_record *record, const char *value, const struct sq_encoding *encoding,
                              struct sq_encoder *to);
/* A setting that names a field (NULL: not set): that all inputs have it. */
SQ_EXPORT void sq_field_declare(const char *name, struct sq_declaration *decl, const char *option);

/* ---- Journal ----------------------------------------------------------------------------------------- */

/*
 * The settings of a journal: messages on disk, so that a spout whose source does not keep what it gave out can emit
 * again what came after any position, though its process, or all of them, were killed. kit/journal.h has the rest;
 * struct sq_messages (below) does it for the spouts that stand on it.
 */
enum sq_journal_sync { SQ_JOURNAL_EACH, SQ_JOURNAL_INTERVAL, SQ_JOURNAL_NONE };
struct sq_journal_config {
        const char *path; /* NULL: no journal */
        int64_t sync;     /* enum sq_journal_sync */
        int64_t max_bytes;
        double interval, max_age; /* seconds; max_age 0: any */
};

#define SQ_OPT_JOURNAL(state, member) \
        SQ_OPT_PATH_AS( \
                "journal", state, member.path, NULL, \
                "a folder, in which messages are written down before they are emitted, so that no death of a process " \
                "loses what was taken in; the spout's alone or shared; default: no journal"), \
                SQ_OPT_ENUM_AS("journal.sync", state, member.sync, "each|interval|none", "interval", \
                               "when the disk is told to keep it, should the machine die: each: before a message is " \
                               "emitted or answered; interval: so often, and with each epoch; none: with each epoch"), \
                SQ_OPT_FLOAT_AS("journal.interval", state, member.interval, 1, "seconds: journal.sync: interval"), \
                SQ_OPT_INT_AS("journal.max-bytes", state, member.max_bytes, 1073741824, \
                              "bytes that are needed still, at most; then nothing more is taken from the source"), \
                SQ_OPT_FLOAT_AS("journal.max-age", state, member.max_age, 0, \
                                "seconds that a message is needed, at most; then likewise; 0: any time")

/* ---- Spouts of messages ------------------------------------------------------------------------------ */

/*
 * What a spout does that is sent messages: each is a tuple tree, is held until that is done, and is emitted again when
 * it has failed. Memory is bounded: by topology.max.spout.pending, and by `memory`. With the setting `journal` it is
 * written down before it is emitted, and emitted again after a death of its process.
 *
 *     struct self { struct sq_messages messages; ... };                   it comes first in the state
 *     .options = { SQ_OPT_INBOUND(struct self, messages, "text"), ... }, .streams = { SQ_ERRORS }
 *     .replay = sq_messages_replay, .seek = sq_messages_seek, .ack = sq_messages_done, .fail = sq_messages_done,
 *     .precommit = sq_messages_precommit, .release = sq_messages_release, .lag = sq_messages_lag
 *     sq_messages_declare(&self->messages, decl);                         in `.declare`
 *     sq_messages_begin(task, "tcp 127.0.0.1:80")                         in `.prepare`; the name must outlive it
 *     most = sq_messages_room(task);                                      in `.next`: so many; at 0 it is IDLE
 *     sq_messages_emit(task, record, NULL)                                each
 *     sq_messages_flush(task)                                             behind the last of them
 *     sq_messages_end(task);                                              in `.cleanup`
 *
 * In `.finish`, after `untracked` is set, what comes in is emitted still, or stays in the journal for the next start.
 */
struct sqi_kit_journal;
struct sq_messages {
        struct sq_decoder decoder; /* settings, as these three */
        int64_t memory;
        double rate;
        struct sq_journal_config journal;

        struct sq_pipe kept;
        struct sq_pace pace;
        uint64_t next;  /* the position of the next message */
        bool untracked; /* in `.finish`: nobody acks what comes now */

        struct sqi_kit_journal *journalled; /* NULL: there is no journal */
        bool full, stuck;                   /* it takes nothing, which has been said */
        struct sq_encoder row;              /* of sq_messages_emit_as() */
};

/* Of a source that keeps by itself what was not acked, and needs no journal. */
#define SQ_OPT_KEPT(state, member, standard) \
        SQ_OPT_MESSAGES(state, member.decoder, standard), \
                SQ_OPT_INT_AS("memory", state, member.memory, 64, \
                              "MiB of messages that are held until they are done; then nothing more is taken"), \
                SQ_OPT_FLOAT_AS("rate", state, member.rate, 0, \
                                "tuples a second over all tasks; 0: as fast as possible")
#define SQ_OPT_INBOUND(state, member, standard) \
        SQ_OPT_KEPT(state, member, standard), SQ_OPT_JOURNAL(state, member.journal)

SQ_EXPORT void sq_messages_declare(const struct sq_messages *messages, struct sq_declaration *decl);
/* 0, or -1 after sq_error(), as all of these. */
SQ_EXPORT int sq_messages_begin(struct sq_task *task, const char *source);
/* The same where tuples are what is known of messages: these fields, whatever the settings say, as `option` asks;
 * and then the values of each message. NULL: they are not, and these are those above. */
SQ_EXPORT void sq_messages_declare_as(const struct sq_messages *messages, struct sq_declaration *decl,
                                      const struct sq_nested *fields, const char *option);
SQ_EXPORT int sq_messages_begin_as(struct sq_task *task, const char *source, const struct sq_nested *fields);
SQ_EXPORT int sq_messages_emit_as(struct sq_task *task, const struct sq_value *values);
/* 0: none now, and the task is woken when it may be otherwise, but by no file: sq_wake_on() was taken back. */
SQ_EXPORT uint64_t sq_messages_room(struct sq_task *task);
/* *ret_position (may be NULL): what `.ack` will be told. */
SQ_EXPORT int sq_messages_emit(struct sq_task *task, struct sq_str record, uint64_t *ret_position);
/* `n` of them, up to SQ_MESSAGES_RUN: the same as so many calls, at less cost where a message is its tuple. */
enum { SQ_MESSAGES_RUN = 64 };
SQ_EXPORT int sq_messages_emit_run(struct sq_task *task, size_t n, const struct sq_str *records);
/* What came is emitted, and in a journal, synced by its policy: the sender may be told. -EAGAIN: not yet, try again. */
SQ_EXPORT int sq_messages_flush(struct sq_task *task);
SQ_EXPORT int sq_messages_replay(struct sq_task *task, uint64_t position);
SQ_EXPORT int sq_messages_seek(struct sq_task *task, uint64_t position);
SQ_EXPORT void sq_messages_done(struct sq_task *task, uint64_t position);
SQ_EXPORT int sq_messages_precommit(struct sq_task *task, uint64_t epoch);
SQ_EXPORT void sq_messages_release(struct sq_task *task, uint64_t done, uint64_t needed);
/* What is in the journal and not emitted yet; without one it is not known what the source holds. */
SQ_EXPORT int sq_messages_lag(struct sq_task *task, struct sq_lag *ret);
SQ_EXPORT void sq_messages_end(struct sq_task *task);

/* The back-off of a spout whose source is away, 50 ms to 5 s; its begin and its end are logged. {0}: it is not. */
struct sq_retry {
        uint64_t due_ns, ms;
};
SQ_EXPORT void sq_retry_away(struct sq_task *task, struct sq_retry *retry, const char *source, const char *why);
/* Whether it is time to try; if not, the task is woken then. */
SQ_EXPORT bool sq_retry_due(struct sq_task *task, const struct sq_retry *retry);
SQ_EXPORT void sq_retry_back(struct sq_task *task, struct sq_retry *retry, const char *source);

/* In a child behind fork(), before exec: what the worker blocks or ignores would stay so in the program. */
SQ_EXPORT void sq_child_take_signals(void);

/* Where a record ends in a stream of bytes. */
enum sq_framing {
        SQ_FRAMING_LINES,  /* at a line end; what stands behind the last one is a record when the stream ends */
        SQ_FRAMING_LENGTH, /* behind as many bytes as its first four say, the most significant first */
        SQ_FRAMING_SYSLOG, /* RFC 6587: `LENGTH MESSAGE`, or a line */
};
#define SQ_OPT_FRAMING(state, member) \
        SQ_OPT_ENUM_AS( \
                "framing", state, member, "lines|length|syslog", "lines", \
                "where a message ends: lines; length: behind as many bytes as its first four say (big-endian); " \
                "syslog: RFC 6587")

/* Takes records out of a stream. {.limit = most bytes of a record} is an empty one. */
struct sq_frames {
        char *bytes;
        size_t at, fill, room, limit;
        bool skipping; /* the rest of a line that was too long */
};
/* Where to put what is read next, 64 KiB at least, and add it to `fill`; NULL: no memory. Ends the views. */
SQ_EXPORT char *sq_frames_room(struct sq_frames *frames, size_t *ret_size);
/* The next record, a view. 1; 0: none is whole; -EMSGSIZE: above `limit` (skipping: more follows); -EPIPE: cut off. */
SQ_EXPORT int sq_frames_next(struct sq_frames *frames, int64_t framing, bool ended, struct sq_str *ret);
/* Whole lines at once, views, `most` of them at most: how many. 0: sq_frames_next() knows more. */
SQ_EXPORT size_t sq_frames_lines(struct sq_frames *frames, int64_t framing, size_t most, struct sq_str *records);
/* Emits at most `most` of them: how many, blank lines counted. *ret of sq_frames_next(): how the next one fared. */
SQ_EXPORT uint64_t sq_frames_emit(struct sq_task *task, struct sq_frames *frames, int64_t framing, bool ended,
                                  uint64_t most, int *ret);
SQ_EXPORT void sq_frames_free(struct sq_frames *frames);

/* Reads HOST:PORT. NULL, or what is wrong with it. */
SQ_EXPORT const char *sq_address_read(const char *text, struct sq_url *ret);
/* A socket bound to HOST:PORT, or to a path (one that a killed process left is taken over). 0; -1 after sq_error(). */
SQ_EXPORT int sq_bind_inet(struct sq_task *task, const char *listen_at, int type, int *ret_fd);
SQ_EXPORT int sq_bind_unix(struct sq_task *task, const char *path, int type, int *ret_fd);

/* Messages over connections that others make. It comes first in the state; its settings are
 * SQ_OPT_INLET(struct self, inlet, "text"), its callbacks those of messages and these. */
struct sq_peer;
struct sq_inlet {
        struct sq_messages messages;
        int64_t framing, limit;

        int listening, watch;
        struct sq_peer **peers;
        size_t npeers;
        uint64_t rest_ns, rested_ns; /* no descriptor was left: until then nobody is let in; when that was over */
};
#define SQ_OPT_INLET(state, member, standard) \
        SQ_OPT_FRAMING(state, member.framing), \
                SQ_OPT_INT_AS("limit", state, member.limit, 1048576, "bytes of a message at most"), \
                SQ_OPT_INBOUND(state, member.messages, standard)
SQ_EXPORT void sq_inlet_declare(const struct sq_inlet *inlet, struct sq_declaration *decl);
/* In `.prepare`: listens at `fd`, and takes it over. 0, or -1 after sq_error(). */
SQ_EXPORT int sq_inlet_open(struct sq_task *task, const char *name, int fd);
SQ_EXPORT enum sq_next sq_inlet_next(struct sq_task *task);
/* In `.finish`: takes no connection more, and emits what was sent so far. */
SQ_EXPORT int sq_inlet_finish(struct sq_task *task);
SQ_EXPORT void sq_inlet_close(struct sq_task *task);

/* ---- DRPC -------------------------------------------------------------------------------------------- */

/* The endpoint of a task of a `drpc` spout (docs/drpc.md). For printf(): the run folder, the task's number. */
#define SQ_DRPC_REQUESTS "ipc://%s/drpc%u"

#ifdef __cplusplus
} /* extern "C" */
#endif

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bolt `kafka`: a message to a topic for each tuple, by an idempotent producer: what librdkafka sends again itself
 * is in the topic once. A tuple is acked when all replicas in sync have its message.
 *
 * A batch is produced as a whole, and waited for. What is not delivered within DELIVERY_MS is taken back, and tried
 * again by the kit, not before a broker answers; a message that was under way then may be in the topic twice. A
 * producer that has met a fatal error is replaced. A task that is to leave waits no longer than a second.
 *
 * Exactly once tuples are staged (squall-connect.h): a batch is a transaction, and the mark is the metadata of an
 * offset that a group of its name commits in it. Nobody can go on with a transaction of a process that has died, so
 * the data is never in one alone: it is in the snapshot. Who comes next takes the transactional id over, by which the
 * broker ends what the other had begun, one way or the other, and then reads the mark. That is also done whenever
 * it is open what became of a transaction.
 */
#include <errno.h>
#include <squall-kit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../clients/kafka.h"

enum { DELIVERY_MS = 10000, ANSWER_MS = 5000, ASK_MS = 1000, STEP_MS = 500, WAIT_MS = 100, PATIENCE = 10 };
enum { ERROR_MAX = 256, MARK_MAX = 256 };

/* Of a message of the batch. */
struct state {
        bool reported;
        rd_kafka_resp_err_t error;
};

struct kafka {
        struct sq_sink sink;
        struct sqi_kafka client;
        const char *topic, *key, *value, *mark_topic;
        struct sq_encoding encoding;

        char source[300];
        rd_kafka_t *producer;
        bool has_answered;
        bool is_refused; /* for a wrong password, or another certificate: no restart mends it */
        struct state *states;
        struct sq_encoder text;

        char id[MARK_MAX + 16]; /* staged: the transactional id, and the group that keeps the mark */
        char mark[MARK_MAX];    /* as the producer has found it, or left it */
};

static void
declare(struct sq_declaration *decl)
{
        const struct kafka *self = sq_declared_state(decl);

        sq_template_declare(self->topic, decl, "topic");
        if (self->key)
                sq_template_declare(self->key, decl, "key");
        sq_field_declare(self->value, decl, "value");
        sq_encoding_declare(&self->encoding, self->value, decl);
        sqi_kafka_declare(&self->client, decl);
        sq_sink_declare_staged(&self->sink, decl);
        if (!sq_declared_exactly_once(decl))
                sq_declare_unused(decl, "mark-topic", "without exactly-once");
        if (sq_declared_exactly_once(decl) && !self->mark_topic && strchr(self->topic, '{'))
                sq_declare_error(decl, "topic",
                                 "under exactly-once offsets of one topic say what was handed over: name one in "
                                 "`mark-topic`");
}

static void
probe(struct sq_declaration *decl)
{
        const struct kafka *self = sq_declared_state(decl);

        sqi_kafka_probe(decl, &self->client);
}

/* ---- The producer ------------------------------------------------------------------------------------ */

static void
delivered(rd_kafka_t *producer, const rd_kafka_message_t *message, void *context)
{
        struct state *state = message->_private;

        (void)producer;
        (void)context;
        state->reported = true;
        state->error = message->err;
}

/* What librdkafka has to say besides: the last of it is why messages do not get there. */
static void
complain(rd_kafka_t *producer, int error, const char *reason, void *context)
{
        struct kafka *self = context;

        (void)producer;
        if (self->is_refused || (error == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN && self->sink.why[0]))
                return;
        self->is_refused = error == RD_KAFKA_RESP_ERR__AUTHENTICATION;
        snprintf(self->sink.why, sizeof(self->sink.why), "%.*s", sqi_kafka_reason(reason), reason);
}

/* 0, or a negative errno with why. */
static int
open_producer(struct kafka *self)
{
        char wrong[ERROR_MAX] = "", ms[16];
        const struct sqi_kafka_setting settings[] = {{"enable.idempotence", "true"},
                                                     {"linger.ms", "2"},
                                                     {"delivery.timeout.ms", ms},
                                                     {self->id[0] ? "transactional.id" : NULL, self->id},
                                                     {NULL, NULL}};
        rd_kafka_conf_t *conf = rd_kafka_conf_new();

        snprintf(ms, sizeof(ms), "%d", DELIVERY_MS);
        if (sqi_kafka_configure(&self->client, conf, settings, wrong, sizeof(wrong))) {
                rd_kafka_conf_set_opaque(conf, self);
                rd_kafka_conf_set_dr_msg_cb(conf, delivered);
                rd_kafka_conf_set_error_cb(conf, complain);
                self->producer = rd_kafka_new(RD_KAFKA_PRODUCER, conf, wrong, sizeof(wrong));
        }
        if (self->producer)
                return 0;
        rd_kafka_conf_destroy(conf);
        snprintf(self->sink.why, sizeof(self->sink.why), "%s", wrong);
        return -EINVAL;
}

static void
close_producer(struct kafka *self)
{
        if (!self->producer)
                return;
        rd_kafka_purge(self->producer, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
        rd_kafka_flush(self->producer, WAIT_MS);
        rd_kafka_destroy(self->producer);
        self->producer = NULL;
}

/* Whether a broker does, which is asked while it is not known: a batch that is produced while none does takes
 * DELIVERY_MS to be taken back. */
static bool
answers(struct kafka *self)
{
        const struct rd_kafka_metadata *about;
        rd_kafka_resp_err_t error = rd_kafka_metadata(self->producer, 0, NULL, &about, ASK_MS);

        if (!error)
                rd_kafka_metadata_destroy(about);
        rd_kafka_poll(self->producer, 0);
        if (error && self->sink.why[0] == '\0')
                snprintf(self->sink.why, sizeof(self->sink.why), "%s", rd_kafka_err2str(error));
        self->has_answered |= !error;
        return !error;
}

/* ---- Messages ---------------------------------------------------------------------------------------- */

/* Appends what the setting says, and a NUL. Where it begins, or -1: no memory. */
static ssize_t
put_template(struct kafka *self, const char *template, const struct sq_record *record)
{
        struct sq_value end = sq_str((struct sq_str){"", 1});
        size_t begin = self->text.len;

        if (sq_template_write(template, record, &self->text) < 0 || sq_encode_values(&self->text, 1, NULL, &end) < 0)
                return -1;
        return (ssize_t)begin;
}

/* A message without a value: where the topic is compacted, the key goes. */
static bool
is_tombstone(const struct kafka *self, const struct sq_record *record)
{
        return self->value && sq_record_get(record, self->value).type == SQ_NIL;
}

/* Hands a message to librdkafka, which copies it. */
static rd_kafka_resp_err_t
produce(struct kafka *self, size_t i, struct state *state)
{
        struct sq_record record;
        char *key_at, *value_at; /* librdkafka takes no const, and copies */
        ssize_t topic, key = 0;
        size_t value;
        int r;

        sq_sink_record(&self->sink, i, &record);
        self->text.len = 0;
        topic = put_template(self, self->topic, &record);
        key = self->key ? put_template(self, self->key, &record) : 0;
        value = self->text.len;
        r = topic < 0 || key < 0 ? -1 : sq_record_write(&record, self->value, &self->encoding, &self->text);
        if (r < 0)
                return RD_KAFKA_RESP_ERR__QUEUE_FULL;
        key_at = self->key ? self->text.bytes + key : NULL;
        value_at = is_tombstone(self, &record) ? NULL : self->text.bytes + value;
        return rd_kafka_producev(
                self->producer, RD_KAFKA_V_TOPIC(self->text.bytes + topic), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                RD_KAFKA_V_KEY(key_at, key_at ? value - (size_t)key - 1 : 0),
                RD_KAFKA_V_VALUE(value_at, self->text.len - value), RD_KAFKA_V_OPAQUE(state), RD_KAFKA_V_END);
}

/* Whether an error is about the message, and not about the brokers. */
static bool
is_refusal(rd_kafka_resp_err_t error)
{
        return error == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE || error == RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE ||
               error == RD_KAFKA_RESP_ERR_INVALID_MSG || error == RD_KAFKA_RESP_ERR_INVALID_RECORD ||
               error == RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION || error == RD_KAFKA_RESP_ERR__INVALID_ARG ||
               error == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC || error == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART ||
               error == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED;
}

static void
produce_all(struct kafka *self, size_t first, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                struct state *state = &self->states[i];
                rd_kafka_resp_err_t error;

                *state = (struct state){.error = RD_KAFKA_RESP_ERR__IN_PROGRESS};
                while ((error = produce(self, first + i, state)) == RD_KAFKA_RESP_ERR__QUEUE_FULL &&
                       rd_kafka_poll(self->producer, WAIT_MS) > 0)
                        ;
                if (error)
                        *state = (struct state){true, error};
        }
}

/* Why that takes long is told after a second, and not when the messages are taken back. */
static void
say_what_is_waited_for(struct sq_task *task, const struct kafka *self)
{
        if (self->sink.failures == 0)
                sq_log(task, SQ_WARN, "%s: %s (it may come up yet)", self->sink.name,
                       self->sink.why[0] ? self->sink.why : "no broker has answered for a second");
}

static const char *
reason(rd_kafka_resp_err_t error)
{
        return error == RD_KAFKA_RESP_ERR__IN_PROGRESS ? "no answer by the end of the task" : rd_kafka_err2str(error);
}

/* Waits for the reports of all: 0. -EAGAIN: the task is to leave, and what has no report is open. */
static int
wait_for_reports(struct sq_task *task, struct kafka *self, size_t n)
{
        unsigned waited = 0;

        for (size_t i = 0; i < n; i++)
                while (!self->states[i].reported && !self->is_refused) {
                        if (waited == PATIENCE)
                                say_what_is_waited_for(task, self);
                        if (waited >= PATIENCE && sq_leaving(task))
                                return -EAGAIN;
                        waited += rd_kafka_poll(self->producer, WAIT_MS) == 0;
                }
        return 0;
}

/* Why one is not there that may be there later. */
static int
note_failure(struct kafka *self, rd_kafka_resp_err_t error)
{
        if (error != RD_KAFKA_RESP_ERR__MSG_TIMED_OUT || self->sink.why[0] == '\0')
                snprintf(self->sink.why, sizeof(self->sink.why), "%s", reason(error));
        return -EAGAIN;
}

/* What became of the messages: 0; -EAGAIN, and those that are there are settled; or the task has failed. */
static int
look_at_reports(struct sq_task *task, struct kafka *self, size_t first, size_t n)
{
        char text[ERROR_MAX];
        int r = 0, refusal = 0;

        for (size_t i = 0; refusal == 0 && i < n; i++) {
                rd_kafka_resp_err_t error = self->states[i].error;

                if (is_refusal(error))
                        refusal = sq_sink_refuse(task, &self->sink, first + i, rd_kafka_err2str(error));
                else if (error)
                        r = note_failure(self, error);
                else
                        sq_sink_settle(&self->sink, first + i);
        }
        if (rd_kafka_fatal_error(self->producer, text, sizeof(text))) {
                snprintf(self->sink.why, sizeof(self->sink.why), "%s", text);
                close_producer(self);
        }
        return refusal ? refusal : r;
}

/* ---- Transactions ------------------------------------------------------------------------------------ */

/* 0, or -EAGAIN with why. */
static int
away(struct kafka *self, rd_kafka_error_t *error)
{
        if (!error)
                return 0;
        snprintf(self->sink.why, sizeof(self->sink.why), "%s", rd_kafka_error_string(error));
        rd_kafka_error_destroy(error);
        return -EAGAIN;
}

/* What is asked of the broker for a transaction, for so many milliseconds; asked again, it goes on where it was. */
typedef rd_kafka_error_t *asking(struct kafka *self, const void *what, int ms);

/* Asks until there is an answer, for at most ANSWER_MS, or until the task is to leave. 0, or -EAGAIN with why. */
static int
ask_in_steps(const struct sq_task *task, struct kafka *self, asking *ask, const void *what)
{
        rd_kafka_error_t *error = NULL;
        int left_ms = ANSWER_MS;

        do {
                rd_kafka_error_destroy(error);
                error = ask(self, what, STEP_MS);
                left_ms -= STEP_MS;
        } while (error && rd_kafka_error_code(error) == RD_KAFKA_RESP_ERR__TIMED_OUT && left_ms > 0 &&
                 !(left_ms <= ANSWER_MS - PATIENCE * WAIT_MS && sq_leaving(task)));
        return away(self, error);
}

static rd_kafka_error_t *
ask_to_begin(struct kafka *self, const void *nothing, int ms)
{
        (void)nothing;
        return rd_kafka_init_transactions(self->producer, ms);
}

static rd_kafka_error_t *
ask_to_commit(struct kafka *self, const void *nothing, int ms)
{
        (void)nothing;
        return rd_kafka_commit_transaction(self->producer, ms);
}

static rd_kafka_error_t *
ask_to_abort(struct kafka *self, const void *nothing, int ms)
{
        (void)nothing;
        return rd_kafka_abort_transaction(self->producer, ms);
}

struct offsets {
        rd_kafka_topic_partition_list_t *list;
        rd_kafka_consumer_group_metadata_t *group;
};

static rd_kafka_error_t *
ask_for_offsets(struct kafka *self, const void *what, int ms)
{
        const struct offsets *offsets = what;

        return rd_kafka_send_offsets_to_transaction(self->producer, offsets->list, offsets->group, ms);
}

/* The partition whose offset in the group bears the mark. */
static rd_kafka_topic_partition_list_t *
marked_partition(const struct kafka *self)
{
        rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);

        rd_kafka_topic_partition_list_add(list, self->mark_topic ? self->mark_topic : self->topic, 0);
        return list;
}

static rd_kafka_t *
open_reader(struct kafka *self)
{
        const struct sqi_kafka_setting settings[] = {{"group.id", self->id},
                                                     {"isolation.level", "read_committed"},
                                                     {"enable.auto.commit", "false"},
                                                     {NULL, NULL}};
        rd_kafka_conf_t *conf = rd_kafka_conf_new();
        char wrong[ERROR_MAX] = "";
        rd_kafka_t *reader = NULL;

        if (sqi_kafka_configure(&self->client, conf, settings, wrong, sizeof(wrong)))
                reader = rd_kafka_new(RD_KAFKA_CONSUMER, conf, wrong, sizeof(wrong));
        if (reader)
                return reader;
        rd_kafka_conf_destroy(conf);
        snprintf(self->sink.why, sizeof(self->sink.why), "%s", wrong);
        return NULL;
}

static int
read_mark(struct kafka *self)
{
        rd_kafka_topic_partition_list_t *list = marked_partition(self);
        const rd_kafka_topic_partition_t *partition = &list->elems[0];
        rd_kafka_t *reader = open_reader(self);
        rd_kafka_resp_err_t error = RD_KAFKA_RESP_ERR__FAIL;

        if (reader)
                error = rd_kafka_committed(reader, list, ANSWER_MS);
        if (error == RD_KAFKA_RESP_ERR_NO_ERROR)
                error = partition->err;
        if (error == RD_KAFKA_RESP_ERR_NO_ERROR)
                snprintf(self->mark, sizeof(self->mark), "%.*s", (int)partition->metadata_size,
                         partition->metadata ? (const char *)partition->metadata : "");
        else if (reader)
                snprintf(self->sink.why, sizeof(self->sink.why), "%s", rd_kafka_err2str(error));
        rd_kafka_topic_partition_list_destroy(list);
        if (reader)
                rd_kafka_destroy(reader);
        return error ? -EAGAIN : 0;
}

static int
put_mark(const struct sq_task *task, struct kafka *self)
{
        const struct offsets offsets = {marked_partition(self), rd_kafka_consumer_group_metadata_new(self->id)};
        rd_kafka_topic_partition_t *partition = &offsets.list->elems[0];
        int r;

        partition->offset = (int64_t)self->sink.stage.epoch;
        partition->metadata = strdup(sq_sink_mark(&self->sink)); /* goes with the list */
        partition->metadata_size = partition->metadata ? strlen(partition->metadata) : 0;
        r = ask_in_steps(task, self, ask_for_offsets, &offsets);
        rd_kafka_consumer_group_metadata_destroy(offsets.group);
        rd_kafka_topic_partition_list_destroy(offsets.list);
        return r;
}

/* From here on nothing is under way by this id. */
static int
take_over(const struct sq_task *task, struct kafka *self)
{
        int r;

        snprintf(self->id, sizeof(self->id), "squall/%s", sq_sink_mark_name(&self->sink));
        if (open_producer(self) < 0)
                return -EAGAIN;
        r = answers(self) ? ask_in_steps(task, self, ask_to_begin, NULL) : -EAGAIN;
        rd_kafka_poll(self->producer, 0);
        if (r == 0)
                r = read_mark(self);
        if (r < 0)
                close_producer(self);
        return r;
}

/* 0; -EAGAIN; -EBADMSG: the broker does not want one of them. */
static int
produce_staged(struct sq_task *task, struct kafka *self, size_t first, size_t n)
{
        int r;

        produce_all(self, first, n);
        r = wait_for_reports(task, self, n);
        for (size_t i = 0; i < n; i++) {
                rd_kafka_resp_err_t error = self->states[i].error;

                if (!error || r == -EBADMSG)
                        continue;
                r = is_refusal(error) ? -EBADMSG : -EAGAIN;
                snprintf(self->sink.why, sizeof(self->sink.why), "%s", reason(error));
        }
        return self->is_refused ? -EAGAIN : r;
}

static int
commit_batch(struct sq_task *task, struct kafka *self, size_t first, size_t n)
{
        int r = away(self, rd_kafka_begin_transaction(self->producer));

        if (r == 0)
                r = produce_staged(task, self, first, n);
        if (r == 0)
                r = put_mark(task, self);
        return r == 0 ? ask_in_steps(task, self, ask_to_commit, NULL) : r;
}

static int
transact(struct sq_task *task, struct kafka *self, size_t first, size_t n)
{
        int r = self->producer ? 0 : take_over(task, self);

        if (r == 0)
                r = sq_sink_resume(task, (struct sq_str){self->mark, strlen(self->mark)}, &first, &n);
        if (r < 0)
                return r;
        r = commit_batch(task, self, first, n);
        if (r == 0)
                snprintf(self->mark, sizeof(self->mark), "%s", sq_sink_mark(&self->sink));
        else if (r != -EBADMSG || ask_in_steps(task, self, ask_to_abort, NULL) < 0)
                close_producer(self);
        return r;
}

/* ---- Handing over ------------------------------------------------------------------------------------ */

static int
refused(struct sq_task *task, const struct kafka *self)
{
        return sq_error_final(task, "%s: %s", self->source, self->sink.why);
}

static int
hand_over(struct sq_task *task, size_t first, size_t n, size_t *ret_done)
{
        struct kafka *self = sq_state(task);
        int left, r;

        if (self->sink.failures == 0)
                self->sink.why[0] = '\0';
        if (self->sink.staged) {
                r = transact(task, self, first, n);
                return self->is_refused ? refused(task, self) : r;
        }
        if (!self->producer && open_producer(self) < 0)
                return -EAGAIN;
        if ((self->sink.failures > 0 || !self->has_answered) && !answers(self))
                return self->is_refused ? refused(task, self) : -EAGAIN;
        produce_all(self, first, n);
        left = wait_for_reports(task, self, n);
        if (self->is_refused)
                return refused(task, self);
        (void)ret_done; /* what is there is settled */
        r = look_at_reports(task, self, first, n);
        if (left < 0)
                close_producer(self); /* with what it has still to report */
        return r;
}

/* ---- The bolt ---------------------------------------------------------------------------------------- */

static int
prepare(struct sq_task *task)
{
        struct kafka *self = sq_state(task);

        self->text.format = SQ_FORMAT_TEXT;
        snprintf(self->source, sizeof(self->source), "kafka %.200s", self->client.brokers);
        self->sink.encoding = self->value ? NULL : &self->encoding;
        if (sqi_kafka_prepare(task, &self->client) < 0 || sq_sink_open_staged(task, self->source, hand_over) < 0)
                return -1;
        self->states = calloc((size_t)self->sink.batch, sizeof(*self->states));
        if (!self->states)
                return sq_error(task, "%s: %s", self->source, strerror(ENOMEM));
        if (open_producer(self) < 0)
                return refused(task, self);
        if (self->sink.staged)
                close_producer(self); /* its settings are right; it is opened anew by the name of its mark */
        return 0;
}

static void
cleanup(struct sq_task *task)
{
        struct kafka *self = sq_state(task);

        close_producer(self);
        free(self->states);
        sq_encoder_free(&self->text);
        sqi_kafka_forget(&self->client);
        sq_sink_close(task);
}

SQ_BOLT(kafka) = {
        .about = "A message to a Kafka topic for each tuple.",
        .state = sizeof(struct kafka),
        .options =
                {
                        SQI_OPT_KAFKA(struct kafka, client),
                        SQ_REQ_STR(struct kafka, topic, "the topic; fields or expressions in braces: orders-{country}"),
                        SQ_OPT_STR(struct kafka, key, NULL,
                                   "the message's key, likewise: what has one key stays in order"),
                        SQ_OPT_STR(struct kafka, value, NULL,
                                   "the field that is the message, nil: a message without a value (a tombstone); "
                                   "default: the tuple"),
                        SQ_OPT_ENCODING(struct kafka, encoding, "json"),
                        SQ_OPT_STR_AS(
                                "mark-topic", struct kafka, mark_topic, NULL,
                                "under exactly-once: a topic for the group offset that says what was handed over; "
                                "default: `topic`, where that has no braces"),
                        SQ_OPT_SINK(struct kafka, sink),
                },
        .streams = {SQ_ERRORS},
        .declare = declare,
        .probe = probe,
        .prepare = prepare,
        .execute = sq_sink_execute,
        .flush = sq_sink_flush,
        .finish = sq_sink_flush,
        .cleanup = cleanup,
        .precommit = sq_sink_precommit,
        .commit = sq_sink_commit,
};

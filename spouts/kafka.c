/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The spout `kafka`: a tuple for each message of a topic, as a member of a consumer group. The tasks of the component
 * are members, so the group gives each of them its partitions.
 *
 * Where a task goes on is the group's committed offset, and Kafka keeps it: what a process had in flight when it
 * died is read again by whoever gets the partition. An offset is committed when all before it, as they were
 * received, is done:
 *
 *     entries   [ done | done | open | done | open ]      a slot of position p at p % size
 *                 first = the first that is not done      what it passes is committed, a second later at most
 *
 * When partitions are taken away, what is done is committed before they go, and what of them is still in flight is
 * nobody's offset any more.
 */
#include <errno.h>
#include <squall-kit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "../clients/kafka.h"

enum { ERROR_MAX = 512, SIZE_FIRST = 1024, ASK_MS = 10000, LAG_ASK_MS = 300 };
static const uint64_t COMMIT_NS = 1000000000, COMPLAIN_NS = 5000000000;

struct entry {
        int64_t offset;
        uint32_t partition, round; /* round: of the partition, when it was received */
        bool done;
};

/* A partition that was assigned once. */
struct partition {
        char *topic;
        int32_t number;
        bool ours, changed;
        uint32_t round; /* how often it was assigned */
        int64_t next;   /* to be committed */
        int64_t begin;  /* offset from which it is read; -1: not known yet */
};

struct kafka {
        struct sq_messages messages;
        struct sqi_kafka client;
        const char *topic, *group, *start;
        bool meta;

        char source[600];
        rd_kafka_t *consumer;
        rd_kafka_queue_t *queue;
        int wake;
        struct sq_task *task; /* of the callback under way */
        struct partition *partitions;
        uint32_t npartitions;
        struct entry *entries;
        uint64_t first, size;
        uint64_t commit_ns, complain_ns;
        bool changed;
        rd_kafka_topic_partition_list_t *unplaced; /* ours, but where they begin is to be asked again */
        uint64_t place_ns;
};

/* The setting `start` as ms since 1970; -1: it is not a time. */
static int64_t
start_ms(const struct kafka *self)
{
        struct sq_conversion conversion;
        struct sq_value time;

        if (sq_conversion_read("time", &conversion) || !sq_convert(&conversion, sq_text(self->start), &time))
                return -1;
        return time.as.i * 1000 + time.len / 1000000;
}

static void
declare(struct sq_declaration *decl)
{
        const struct kafka *self = sq_declared_state(decl);

        if (strcmp(self->start, "earliest") != 0 && strcmp(self->start, "latest") != 0 && start_ms(self) < 0)
                sq_declare_error(decl, "start", "is earliest, latest or a time as 2026-11-26T07:00:00Z");
        sqi_kafka_declare(&self->client, decl);
        sq_messages_declare_as(&self->messages, decl, self->meta ? &sqi_kafka_meta : NULL, "meta");
}

static void
probe(struct sq_declaration *decl)
{
        const struct kafka *self = sq_declared_state(decl);

        sqi_kafka_probe(decl, &self->client);
}

/* ---- Offsets ----------------------------------------------------------------------------------------- */

static struct partition *
find(struct kafka *self, const char *topic, int32_t number)
{
        struct partition *grown;

        for (uint32_t i = 0; i < self->npartitions; i++)
                if (self->partitions[i].number == number && strcmp(self->partitions[i].topic, topic) == 0)
                        return &self->partitions[i];
        grown = realloc(self->partitions, (self->npartitions + 1) * sizeof(*grown));
        if (!grown)
                return NULL;
        self->partitions = grown;
        grown += self->npartitions;
        *grown = (struct partition){.topic = strdup(topic), .number = number};
        self->npartitions += grown->topic != NULL;
        return grown->topic ? grown : NULL;
}

/* Commits what has changed, and waits for it if `now`. */
static void
commit(struct kafka *self, bool now)
{
        rd_kafka_topic_partition_list_t *list;

        if (!self->changed)
                return;
        list = rd_kafka_topic_partition_list_new((int)self->npartitions);
        for (uint32_t i = 0; i < self->npartitions; i++) {
                struct partition *partition = &self->partitions[i];

                if (partition->ours && partition->changed)
                        rd_kafka_topic_partition_list_add(list, partition->topic, partition->number)->offset =
                                partition->next;
                partition->changed = false;
        }
        if (list->cnt > 0 && rd_kafka_commit(self->consumer, list, !now) != RD_KAFKA_RESP_ERR_NO_ERROR)
                for (int i = 0; i < list->cnt; i++)
                        find(self, list->elems[i].topic, list->elems[i].partition)->changed = true;
        rd_kafka_topic_partition_list_destroy(list);
        self->changed = false;
        for (uint32_t i = 0; i < self->npartitions; i++)
                self->changed |= self->partitions[i].changed;
}

/* What has been done from the first entry on. */
static void
pass(struct kafka *self)
{
        while (self->first < self->messages.next && self->entries[self->first % self->size].done) {
                struct entry *entry = &self->entries[self->first++ % self->size];
                struct partition *partition = &self->partitions[entry->partition];

                if (!partition->ours || entry->round != partition->round || entry->offset < partition->next)
                        continue;
                partition->next = entry->offset + 1;
                partition->changed = self->changed = true;
        }
}

static bool
make_room(struct kafka *self)
{
        uint64_t size = self->size ? 2 * self->size : SIZE_FIRST;
        struct entry *entries;

        if (self->messages.next - self->first < self->size)
                return true;
        entries = calloc(size, sizeof(*entries));
        if (!entries)
                return false;
        for (uint64_t p = self->first; p < self->messages.next; p++)
                entries[p % size] = self->entries[p % self->size];
        free(self->entries);
        self->entries = entries;
        self->size = size;
        return true;
}

static void
done(struct sq_task *task, uint64_t position)
{
        struct kafka *self = sq_state(task);

        sq_messages_done(task, position);
        if (position < self->first || position >= self->messages.next)
                return;
        self->entries[position % self->size].done = true;
        pass(self);
}

/* ---- The group --------------------------------------------------------------------------------------- */

/* Partitions in which the group has no offset begin at a time: at the first message that is not older. False: the
 * brokers do not say where that is. */
static bool
begin_at(struct kafka *self, rd_kafka_topic_partition_list_t *list, int64_t ms)
{
        rd_kafka_topic_partition_list_t *fresh = rd_kafka_topic_partition_list_new(list->cnt);
        rd_kafka_resp_err_t error = rd_kafka_committed(self->consumer, list, ASK_MS);

        for (int i = 0; !error && i < list->cnt; i++)
                error = list->elems[i].err;
        for (int i = 0; !error && i < list->cnt; i++)
                if (list->elems[i].offset < 0)
                        rd_kafka_topic_partition_list_add(fresh, list->elems[i].topic, list->elems[i].partition)
                                ->offset = ms;
        if (!error && fresh->cnt > 0)
                error = rd_kafka_offsets_for_times(self->consumer, fresh, ASK_MS);
        for (int i = 0; !error && i < fresh->cnt; i++)
                error = fresh->elems[i].err;
        for (int i = 0; !error && i < fresh->cnt; i++) /* the end, where there is no such message yet */
                rd_kafka_topic_partition_list_set_offset(list, fresh->elems[i].topic, fresh->elems[i].partition,
                                                         fresh->elems[i].offset);
        if (error)
                sq_log(self->task, SQ_WARN, "%s: where %s is in it is not known: %s", self->source, self->start,
                       rd_kafka_err2str(error));
        rd_kafka_topic_partition_list_destroy(fresh);
        return !error;
}

static void
forget_unplaced(struct kafka *self)
{
        if (self->unplaced)
                rd_kafka_topic_partition_list_destroy(self->unplaced);
        self->unplaced = NULL;
}

/* Begins to read them, or asks again later: from elsewhere than `start` says they are not read. */
static void
place(struct kafka *self, rd_kafka_topic_partition_list_t *list)
{
        int64_t ms = start_ms(self);
        rd_kafka_topic_partition_list_t *later = NULL;

        if (ms >= 0 && !begin_at(self, list, ms))
                later = rd_kafka_topic_partition_list_copy(list);
        for (int i = 0; ms >= 0 && !later && i < list->cnt; i++) {
                struct partition *partition = find(self, list->elems[i].topic, list->elems[i].partition);

                if (partition) /* where no message is that young, the end */
                        partition->begin = list->elems[i].offset >= 0 ? list->elems[i].offset : INT64_MAX;
        }
        rd_kafka_assign(self->consumer, later ? NULL : list);
        forget_unplaced(self);
        self->unplaced = later;
        self->place_ns = sq_now(self->task) + COMMIT_NS;
}

static void
rebalance(rd_kafka_t *consumer, rd_kafka_resp_err_t error, rd_kafka_topic_partition_list_t *list, void *context)
{
        struct kafka *self = context;
        bool ours = error == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS;

        if (!ours)
                commit(self, true);
        for (int i = 0; i < list->cnt; i++) {
                struct partition *partition = find(self, list->elems[i].topic, list->elems[i].partition);

                if (!partition)
                        continue;
                partition->ours = ours;
                partition->round += ours;
                partition->changed = false;
                partition->next = partition->begin = -1;
        }
        forget_unplaced(self);
        if (ours)
                place(self, list);
        else
                rd_kafka_assign(consumer, NULL);
        sq_gauge(self->task, "partitions", ours ? list->cnt : 0);
}

static void
complain(rd_kafka_t *consumer, int error, const char *reason, void *context)
{
        struct kafka *self = context;
        char text[ERROR_MAX];

        if (error == RD_KAFKA_RESP_ERR__FATAL)
                (void)sq_error_final(self->task, "%s: %s", self->source,
                                     rd_kafka_fatal_error(consumer, text, sizeof(text)) ? text : reason);
        else if (error == RD_KAFKA_RESP_ERR__AUTHENTICATION)
                (void)sq_error_final(self->task, "%s: %s", self->source, reason);
        else if (sq_now(self->task) >= self->complain_ns) {
                sq_log(self->task, SQ_WARN, "%s: %.*s (tried again with back-off)", self->source,
                       sqi_kafka_reason(reason), reason);
                self->complain_ns = sq_now(self->task) + COMPLAIN_NS;
        }
}

static int
join(struct sq_task *task, struct kafka *self)
{
        const struct sqi_kafka_setting settings[] = {
                {"group.id", self->group},
                {"enable.auto.commit", "false"},
                {"enable.auto.offset.store", "false"},
                {"auto.offset.reset", strcmp(self->start, "latest") == 0 ? "latest" : "earliest"},
                /* a topic or a partition that is made later is seen soon, not after five minutes */
                {"topic.metadata.refresh.interval.ms", "5000"},
                {"max.poll.interval.ms", "900000"},
                {"session.timeout.ms", "10000"},
                {"queued.max.messages.kbytes", "16384"},
                {NULL, NULL},
        };
        rd_kafka_conf_t *conf = rd_kafka_conf_new();
        rd_kafka_topic_partition_list_t *topics;
        rd_kafka_resp_err_t error;
        char wrong[ERROR_MAX] = "";

        if (sqi_kafka_configure(&self->client, conf, settings, wrong, sizeof(wrong))) {
                rd_kafka_conf_set_opaque(conf, self);
                rd_kafka_conf_set_rebalance_cb(conf, rebalance);
                rd_kafka_conf_set_error_cb(conf, complain);
                self->consumer = rd_kafka_new(RD_KAFKA_CONSUMER, conf, wrong, sizeof(wrong));
        }
        if (!self->consumer) {
                rd_kafka_conf_destroy(conf);
                return sq_error_final(task, "%s: %s", self->source, wrong);
        }
        rd_kafka_poll_set_consumer(self->consumer);
        self->queue = rd_kafka_queue_get_consumer(self->consumer);
        rd_kafka_queue_io_event_enable(self->queue, self->wake, &(uint64_t){1}, sizeof(uint64_t));
        topics = rd_kafka_topic_partition_list_new(1);
        rd_kafka_topic_partition_list_add(topics, self->topic, RD_KAFKA_PARTITION_UA);
        error = rd_kafka_subscribe(self->consumer, topics);
        rd_kafka_topic_partition_list_destroy(topics);
        return error ? sq_error_final(task, "%s: %s", self->source, rd_kafka_err2str(error)) : 0;
}

/* ---- The spout --------------------------------------------------------------------------------------- */

static int
prepare(struct sq_task *task)
{
        struct kafka *self = sq_state(task);

        self->task = task;
        snprintf(self->source, sizeof(self->source), "kafka %.200s %.200s", self->client.brokers, self->topic);
        if (sqi_kafka_prepare(task, &self->client) < 0 ||
            sq_messages_begin_as(task, self->source, self->meta ? &sqi_kafka_meta : NULL) < 0)
                return -1;
        self->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (self->wake < 0)
                return sq_error(task, "%s: %s", self->source, strerror(errno));
        return join(task, self);
}

static int
seek(struct sq_task *task, uint64_t position)
{
        struct kafka *self = sq_state(task);

        self->first = position;
        return sq_messages_seek(task, position);
}

static int
emit(struct sq_task *task, const struct kafka *self, const rd_kafka_message_t *message)
{
        struct sq_str record = {message->payload ? message->payload : "", message->len};
        struct sq_value values[SQI_KAFKA_META];

        if (!self->meta)
                return sq_messages_emit(task, record, NULL);
        sqi_kafka_describe(message, values);
        return sq_messages_emit_as(task, values);
}

static int
take(struct sq_task *task, struct kafka *self, const rd_kafka_message_t *message)
{
        struct partition *partition = find(self, rd_kafka_topic_name(message->rkt), message->partition);
        uint64_t position = self->messages.next;

        if (!partition || !make_room(self))
                return sq_error_final(task, "%s: %s", self->source, strerror(ENOMEM));
        self->entries[position % self->size] = (struct entry){message->offset, (uint32_t)(partition - self->partitions),
                                                              partition->round, sq_room(task) == UINT64_MAX};
        if (emit(task, self, message) < 0)
                return -1;
        if (sq_room(task) == UINT64_MAX)
                pass(self);
        return 0;
}

/* The next message, if there is one. */
static bool
take_next(struct sq_task *task, struct kafka *self)
{
        rd_kafka_message_t *message = rd_kafka_consumer_poll(self->consumer, 0);
        bool taken = message != NULL;

        if (message && !message->err)
                taken = take(task, self, message) == 0;
        else if (message && message->err != RD_KAFKA_RESP_ERR__PARTITION_EOF)
                sq_log(task, SQ_WARN, "%s: %s", self->source, rd_kafka_message_errstr(message));
        if (message)
                rd_kafka_message_destroy(message);
        return taken;
}

static enum sq_next
next(struct sq_task *task)
{
        struct kafka *self = sq_state(task);
        uint64_t most = sq_messages_room(task), n = 0, woken;

        self->task = task;
        if (self->changed && sq_now(task) >= self->commit_ns) {
                commit(self, false);
                self->commit_ns = sq_now(task) + COMMIT_NS;
        }
        if (self->unplaced && sq_now(task) >= self->place_ns)
                place(self, self->unplaced);
        if (most == 0)
                return SQ_IDLE;
        (void)!read(self->wake, &woken, sizeof(woken));
        while (n < most && take_next(task, self))
                n++;
        if (n > 0)
                return SQ_MORE;
        sq_wake_on(task, self->wake);
        sq_wake_at(task, sq_now(task) + COMMIT_NS / 4);
        return SQ_IDLE;
}

/* Where the group begins in partitions of which no message has been taken yet, asked once: others may fill the queue
 * for long. */
static void
note_begins(struct kafka *self, const rd_kafka_topic_partition_list_t *ours)
{
        rd_kafka_topic_partition_list_t *asked = rd_kafka_topic_partition_list_new(ours->cnt);
        int64_t fresh = strcmp(self->start, "latest") == 0 ? INT64_MAX : 0;

        for (int i = 0; i < ours->cnt; i++) {
                const rd_kafka_topic_partition_t *it = &ours->elems[i];
                const struct partition *partition = find(self, it->topic, it->partition);

                if (it->offset < 0 && partition && partition->begin < 0)
                        rd_kafka_topic_partition_list_add(asked, it->topic, it->partition);
        }
        if (asked->cnt > 0 && rd_kafka_committed(self->consumer, asked, LAG_ASK_MS) == RD_KAFKA_RESP_ERR_NO_ERROR)
                for (int i = 0; i < asked->cnt; i++) {
                        const rd_kafka_topic_partition_t *it = &asked->elems[i];

                        if (!it->err)
                                find(self, it->topic, it->partition)->begin = it->offset >= 0 ? it->offset : fresh;
                }
        rd_kafka_topic_partition_list_destroy(asked);
}

/* Of a partition, by what the brokers have said with the last messages; -1: nothing of it has come yet. */
static int64_t
lag_of(struct kafka *self, const rd_kafka_topic_partition_t *it)
{
        const struct partition *partition = find(self, it->topic, it->partition);
        int64_t low = 0, high = 0, from = it->offset;

        if (from < 0 && partition)
                from = partition->begin;
        if (from < 0 ||
            rd_kafka_get_watermark_offsets(self->consumer, it->topic, it->partition, &low, &high) !=
                    RD_KAFKA_RESP_ERR_NO_ERROR ||
            high < 0)
                return -1;
        if (from < low)
                from = low;
        return high > from ? high - from : 0;
}

/* Of all of its partitions, or it is not known. */
static int
lag(struct sq_task *task, struct sq_lag *ret)
{
        struct kafka *self = sq_state(task);
        rd_kafka_topic_partition_list_t *ours = NULL;
        bool known;

        ret->unit = SQ_LAG_MESSAGES;
        if (!self->consumer || rd_kafka_assignment(self->consumer, &ours) != RD_KAFKA_RESP_ERR_NO_ERROR)
                return -1;
        known = rd_kafka_position(self->consumer, ours) == RD_KAFKA_RESP_ERR_NO_ERROR && ours->cnt > 0;
        if (known)
                note_begins(self, ours);
        for (int i = 0; known && i < ours->cnt; i++) {
                int64_t n = lag_of(self, &ours->elems[i]);

                known = n >= 0;
                ret->amount += known ? (uint64_t)n : 0;
        }
        rd_kafka_topic_partition_list_destroy(ours);
        return known ? 0 : -1;
}

static int
finish(struct sq_task *task)
{
        struct kafka *self = sq_state(task);

        self->task = task;
        commit(self, true);
        return 0;
}

static void
cleanup(struct sq_task *task)
{
        struct kafka *self = sq_state(task);

        self->task = task;
        if (self->consumer) {
                commit(self, true);
                rd_kafka_consumer_close(self->consumer);
                forget_unplaced(self);
                rd_kafka_queue_destroy(self->queue);
                rd_kafka_destroy(self->consumer);
        }
        if (self->wake > 0)
                close(self->wake);
        for (uint32_t i = 0; i < self->npartitions; i++)
                free(self->partitions[i].topic);
        free(self->partitions);
        free(self->entries);
        sqi_kafka_forget(&self->client);
        sq_messages_end(task);
}

SQ_SPOUT(kafka) = {
        .about = "A tuple for each message of a Kafka topic, as a member of a group.",
        .state = sizeof(struct kafka),
        .options =
                {
                        SQI_OPT_KAFKA(struct kafka, client),
                        SQ_REQ_STR(struct kafka, topic, "the topic, or ^PATTERN of topics"),
                        SQ_REQ_STR(struct kafka, group, "the consumer group, which keeps where it is"),
                        SQ_OPT_STR(struct kafka, start, "earliest",
                                   "where a group begins that has no offset yet: earliest, latest, or at a time: "
                                   "2026-11-26T07:00:00Z"),
                        SQ_OPT_BOOL(struct kafka, meta, false,
                                    "a message goes out as the fields `key`, `value` (as texts, nil where there is "
                                    "none), `topic`, `partition`, `offset` and `time`"),
                        SQ_OPT_INBOUND(struct kafka, messages, "json"),
                },
        .streams = {SQ_ERRORS},
        .declare = declare,
        .probe = probe,
        .prepare = prepare,
        .next = next,
        .replay = sq_messages_replay,
        .seek = seek,
        .lag = lag,
        .ack = done,
        .fail = done,
        .finish = finish,
        .cleanup = cleanup,
};

/* SPDX-License-Identifier: Apache-2.0 */
#include "task/query.h"

#include "task/show.h"
#include "task/task.h"
#include "tuple/reader.h"

/* Of the map around the rows. */
enum { AROUND = 128 };

void
sqi_query_order(struct sq_task *task, const struct sqi_message *order)
{
        struct sqi_query *query = &task->query;

        if (order->task != task->id || order->text.len > sizeof(query->texts))
                return;
        task->asked = true;
        *query = (struct sqi_query){.number = order->number,
                                    .from = order->a,
                                    .limit = order->b < SQI_QUERY_PAGE ? order->b : SQI_QUERY_PAGE,
                                    .len = order->text.len};
        if (query->len)
                memcpy(query->texts, order->text.ptr, query->len);
}

static void
write_keys(struct sq_task *task, const struct sqi_query *query, struct sqi_writer *writer)
{
        struct sqi_reader reader = sqi_reader(query->texts, query->len);
        struct sq_str texts[SQI_SHOW_TEXTS];
        uint32_t n = sqi_read_array(&reader);

        for (uint32_t i = 0; i < n && i < SQI_SHOW_TEXTS; i++)
                texts[i] = sqi_read_str(&reader);
        if (sqi_reader_is_done(&reader))
                (void)sqi_show_keys(task, texts, n, writer);
}

static void
write_answer(struct sq_task *task, const struct sqi_query *query, struct sqi_writer *writer)
{
        bool keyed = sqi_component_key_state(task->instance.code) > 0;
        size_t next = 0;

        sqi_write_map(writer, NULL);
        sqi_write_bool(writer, "keyed", keyed);
        sqi_write_uint(writer, "keys", sq_keyed_count(task));
        sqi_write_array(writer, "rows");
        if (query->len)
                write_keys(task, query, writer);
        else
                next = sqi_show_page(task, query->from, query->limit, SQI_PACKED_MAX - AROUND, writer);
        sqi_write_end(writer);
        sqi_write_uint(writer, "next", next);
        sqi_write_end(writer);
}

void
sqi_query_answer(struct sq_task *task)
{
        struct sqi_writer writer = sqi_writer(SQI_MSGPACK);

        if (!task->asked || task->failed < 0 || task->phase < SQI_RUNNING)
                return;
        task->asked = false;
        write_answer(task, &task->query, &writer);
        if (!writer.failed)
                sqi_task_report(task, &(struct sqi_message){.type = SQI_MSG_ANSWER,
                                                            .task = task->id,
                                                            .number = task->query.number,
                                                            .text = {(const char *)writer.bytes, writer.size}});
        sqi_writer_drop(&writer);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Who listens to the broadcasts of a task. */
#include <string.h>

#include "channel/socket.h"
#include "task/collector.h"

/*
 * What a reader subscribes to last, after XPUB's 1 (subscribe) or 0. Its socket sends all its subscriptions to all the
 * tasks that it is connected to: those for our siblings do not count.
 */
static void
count_subscription(struct sqi_collector *collector, const uint8_t *message, size_t size)
{
        struct sqi_reader_topic topic;
        struct sqi_header header = {0};

        if (size != 1 + sizeof(topic))
                return;
        memcpy(&topic, message + 1, sizeof(topic));
        memcpy(&header, topic.head, sizeof(topic.head));
        if (header.kind != SQI_READER_KIND || header.task != collector->source.task)
                return;
        for (uint32_t i = 0; i < collector->noutlets; i++) {
                struct sqi_outlet *outlet = &collector->outlets[i];
                if (outlet->broadcast && outlet->receiver == header.stream)
                        sqi_outlet_reader(outlet, topic.task, topic.incarnation, message[0]);
        }
}

bool
sqi_collector_subscribed(struct sqi_collector *collector)
{
        zmq_msg_t message;

        if (!collector->broadcast)
                return true;
        zmq_msg_init(&message);
        while (sqi_socket_receive(collector->broadcast, &message) == 0)
                count_subscription(collector, zmq_msg_data(&message), zmq_msg_size(&message));
        zmq_msg_close(&message);
        for (uint32_t i = 0; i < collector->noutlets; i++)
                if (collector->outlets[i].broadcast &&
                    collector->outlets[i].subscribed < collector->outlets[i].expected)
                        return false;
        return true;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* What the sources of a task under test say of their event time. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "rig/rig.h"
#include "squall-test.h"

static int
feed(struct sq_rig *rig, const struct sqi_plan_edge *edge, int64_t watermark)
{
        const struct sqi_header header = {.magic = "SQB",
                                          .version = SQI_WIRE_VERSION,
                                          .kind = SQI_BATCH_WATERMARK,
                                          .stream = (uint16_t)edge->stream,
                                          .task = rig->plan->components[edge->from].first_task,
                                          .epoch = (uint64_t)watermark};

        return sqi_rig_feed_frame(rig, &header, sizeof(header));
}

int
sqi_rig_feed_watermark(struct sq_rig *rig, const char *source, int64_t watermark)
{
        const struct sqi_plan *plan = rig->plan;
        bool said = false;
        int r = 0;

        for (uint32_t e = 0; e < plan->nedges && r == 0; e++) {
                const struct sqi_plan_edge *edge = &plan->edges[e];
                const struct sqi_plan_component *from = &plan->components[edge->from];

                if (&plan->components[edge->to] != rig->task->component || !from->streams[edge->stream].watermarks ||
                    (source && strcmp(from->id, source) != 0))
                        continue;
                r = feed(rig, edge, watermark);
                said = true;
        }
        return r == 0 && !said ? -ENOENT : r;
}

int
sq_rig_watermark(struct sq_rig *rig, const char *source, int64_t watermark)
{
        int r = sqi_rig_feed_watermark(rig, source, watermark);

        if (r < 0)
                snprintf(rig->error, sizeof(rig->error), "no watermarks come here (the setup needs an 'event-time')");
        else
                sqi_rig_settle(rig);
        return r < 0 ? -1 : 0;
}

int
sq_rig_idle(struct sq_rig *rig, const char *source)
{
        return sq_rig_watermark(rig, source, SQI_WATERMARK_IDLE);
}

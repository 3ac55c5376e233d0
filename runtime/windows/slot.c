/* SPDX-License-Identifier: Apache-2.0 */
/* What those need who know what is in a slot. */
#include "windows/windows.h"

struct sqi_windows *
sqi_windows_of(struct sqi_timelines *timelines)
{
        return (struct sqi_windows *)(void *)timelines;
}

uint8_t *
sqi_windows_content(const struct sqi_windows *run, const void *slot)
{
        const uint8_t *bytes = slot;

        return (uint8_t *)(uintptr_t)(bytes + sqi_timeline_header(&run->timelines.rule));
}

uint8_t *
sqi_windows_room(struct sqi_timelines *timelines, size_t bytes)
{
        const struct sqi_windows *run = sqi_windows_of(timelines);

        return sq_map_at(run->task, run->key, SQI_SLOTS, (struct sq_str){"", 0}, bytes);
}

struct sqi_blobs
sqi_windows_blobs(const struct sqi_windows *run, const void *slot)
{
        return (struct sqi_blobs){run->task, run->key, &run->timelines.rule, slot, NULL};
}

void *
sqi_windows_front(struct sqi_timelines *timelines)
{
        const struct sqi_windows *run = sqi_windows_of(timelines);

        return sq_map_at(run->task, run->key, SQI_FRONT, (struct sq_str){"", 0}, timelines->slot);
}

struct sq_time
sqi_windows_time(int64_t ns)
{
        int64_t sec = ns / 1000000000 - (ns % 1000000000 < 0);

        return (struct sq_time){sec, (uint32_t)(ns - sec * 1000000000)};
}

const char *
sqi_windows_firing(enum sqi_firing firing)
{
        static const char *const names[] = {"early", "on-time", "late"};

        return names[firing];
}

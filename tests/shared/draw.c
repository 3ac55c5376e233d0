/* SPDX-License-Identifier: Apache-2.0 */
#include "draw.h"

#include <stdlib.h>

uint64_t
draw_from(uint64_t seed)
{
        return seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
}

uint64_t
draw(uint64_t *random, uint64_t n)
{
        *random ^= *random << 13;
        *random ^= *random >> 7;
        *random ^= *random << 17;
        return *random % n;
}

static uint64_t
setting(const char *name, uint64_t fallback)
{
        const char *text = getenv(name);

        return text ? strtoull(text, NULL, 0) : fallback;
}

struct schedules
schedules_to_run(uint64_t n, uint64_t part)
{
        uint64_t only = setting("SQUALL_SIM_SEED", 0);

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
        part = 1;
#endif
        n = setting("SQUALL_SIM_SCHEDULES", n) / part;
        return only ? (struct schedules){only, only, 1, true} : (struct schedules){1, n, n, false};
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Chance for simulations that run again from their seed, and what the environment says of how they run. */
#ifndef TESTS_DRAW_H
#define TESTS_DRAW_H

#include <stdbool.h>
#include <stdint.h>

/* The state to begin with; never 0, of which nothing but 0 would come. */
uint64_t draw_from(uint64_t seed);

/* One of 0 .. n - 1, and the next state into *random. */
uint64_t draw(uint64_t *random, uint64_t n);

/* Which schedules a simulation runs: SQUALL_SIM_SCHEDULES says how many, SQUALL_SIM_SEED runs one again. */
struct schedules {
        uint64_t first, last, n; /* seeds, and how many they are */
        bool one;                /* which proves nothing of all */
};

/* `n`: how many without a word of the environment. Under a sanitizer each `part`th is left of them. */
struct schedules schedules_to_run(uint64_t n, uint64_t part);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* For tests in C that run a component on the rig (squall-test.h). Include cmocka.h first. */
#ifndef TESTS_RIGGED_H
#define TESTS_RIGGED_H

#include <limits.h>

#include "squall-test.h"

/* By the setup that `format` makes; the test fails where it is refused. */
struct sq_rig *make_rig(const char *format, ...) SQ_PRINTF(1, 2);

/* A component whose epochs are in a folder, so that another process could go on from them. */
struct rigged {
        char folder[96];
        char place[160];  /* in it, NAME: what the component writes to; nothing is there yet */
        char epochs[160]; /* in it, a folder */
        struct sq_rig *rig;
};

/* For the set_up and the tear_down of a test: *state is a struct rigged without a rig. */
int set_up_rigged(void **state, const char *name);
int tear_down_rigged(void **state);

#endif

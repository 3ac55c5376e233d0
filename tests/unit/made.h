/* SPDX-License-Identifier: Apache-2.0 */
/* For tests in C of a component: include cmocka.h first. */
#ifndef TESTS_MADE_H
#define TESTS_MADE_H

#include <stdio.h>
#include <stdlib.h>

#include "built.h"
#include "squall-test.h"

/* A rig, or the end of the test with the cause. */
static inline struct sq_rig *
make_rig(const char *setup)
{
        char error[512];
        struct sq_rig *rig = sq_rig_new(setup, error, sizeof(error));

        if (!rig)
                fail_msg("%s", error);
        return rig;
}

/* Of a component that was built with the test, "bolts/count" say, whose input has the field `word`. */
static inline struct sq_rig *
make_rig_of(const char *component)
{
        char setup[PATH_MAX + 512];

        snprintf(setup, sizeof(setup), "{component: %s/%s.so, inputs: {in: [word]}}", built_folder(), component);
        return make_rig(setup);
}

#endif

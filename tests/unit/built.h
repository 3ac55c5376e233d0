/* SPDX-License-Identifier: Apache-2.0 */
/* For tests that run components: those that were built with the test. */
#ifndef TESTS_BUILT_H
#define TESTS_BUILT_H

#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* First thing in main(). */
static inline void
use_built_components(void)
{
        char binary[PATH_MAX], libdir[PATH_MAX + 16];
        ssize_t n = readlink("/proc/self/exe", binary, sizeof(binary) - 1);

        binary[n > 0 ? n : 0] = '\0';
        snprintf(libdir, sizeof(libdir), "%s/../..", dirname(binary));
        setenv("SQUALL_LIBDIR", libdir, 1);
}

#endif

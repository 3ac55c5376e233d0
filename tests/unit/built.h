/* SPDX-License-Identifier: Apache-2.0 */
/* For tests that run components: those that were built with the test. */
#ifndef TESTS_BUILT_H
#define TESTS_BUILT_H

#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* The folder of the build that the test is part of; a static text. */
static inline const char *
built_folder(void)
{
        static char folder[PATH_MAX + 16];
        char binary[PATH_MAX];
        ssize_t n = readlink("/proc/self/exe", binary, sizeof(binary) - 1);

        binary[n > 0 ? n : 0] = '\0';
        snprintf(folder, sizeof(folder), "%s/../..", dirname(binary));
        return folder;
}

/* First thing in main(). */
static inline void
use_built_components(void)
{
        setenv("SQUALL_LIBDIR", built_folder(), 1);
}

#endif

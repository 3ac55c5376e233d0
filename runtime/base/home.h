/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the files are that belong to the running program: components, squall-worker.
 *
 * In this order: below $SQUALL_LIBDIR; beside the binary (the build tree); in ../lib/squall from there (installed). A
 * test program has none of them beside it: for it the `squall` of PATH is the binary.
 */
#ifndef SQI_HOME_H
#define SQI_HOME_H

#include <stddef.h>

/* The `i`th place where `below` may be, "spouts" or "squall-worker"; to be freed. NULL past the last. */
char *sqi_home_place(const char *below, size_t i);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* A bolt without its callback. */
#include <squall.h>

SQ_BOLT(no_execute) = {.about = "Does nothing at all."};

/* SPDX-License-Identifier: Apache-2.0 */
/* A bolt of the first version of squall.h. */
#include <squall.h>

static const struct sq_bolt bolt = {.about = "Too old."};

SQI_MANIFEST = {1, SQ_KIND_BOLT, sizeof(struct sq_bolt), "old_abi", &bolt};

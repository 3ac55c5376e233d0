/* SPDX-License-Identifier: Apache-2.0 */
/* A bolt of another version of squall.h. */
#include <squall.h>

static const struct sq_bolt bolt = {.about = "Too old."};

SQI_MANIFEST = {SQ_ABI + 98, SQ_KIND_BOLT, sizeof(struct sq_bolt), "old_abi", &bolt};

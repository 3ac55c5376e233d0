/* SPDX-License-Identifier: Apache-2.0 */
/* Neither a spout nor a bolt. */
#include <squall.h>

static const struct sq_bolt bolt = {.about = "What is it?"};

SQI_MANIFEST = {SQ_ABI, 4, sizeof(struct sq_bolt), "wrong_kind", &bolt};

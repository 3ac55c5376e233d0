/* SPDX-License-Identifier: Apache-2.0 */
/* A bolt whose definition has another size. */
#include <squall.h>

static const struct sq_bolt bolt = {.about = "Too small."};

SQI_MANIFEST = {SQ_ABI, SQ_KIND_BOLT, 16, "wrong_size", &bolt};

/* SPDX-License-Identifier: Apache-2.0 */
/* A bolt of a later squall.h, which knows more callbacks. */
#include <squall.h>

static const struct {
        struct sq_bolt known;
        void (*later)(struct sq_task *task);
} bolt = {.known = {.about = "Too large."}};

SQI_MANIFEST = {SQ_ABI, SQ_KIND_BOLT, sizeof(bolt), "wrong_size", &bolt};

/* SPDX-License-Identifier: Apache-2.0 */
/* A plan file made of any bytes. One that is accepted encodes to a plan that is accepted and encodes to the same
 * bytes. */
#include <stdlib.h>
#include <string.h>

#include "plan/plan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
encode(const struct sqi_plan *plan, void **ret_bytes, size_t *ret_size)
{
        if (sqi_plan_encode(plan, ret_bytes, ret_size) < 0)
                abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct sqi_plan *plan = NULL, *again = NULL;
        void *first = NULL, *second = NULL;
        size_t first_size = 0, second_size = 0;
        char error[256];

        if (sqi_plan_decode(data, size, &plan, error, sizeof(error)) < 0)
                return 0;
        encode(plan, &first, &first_size);
        if (sqi_plan_decode(first, first_size, &again, error, sizeof(error)) < 0)
                abort();
        encode(again, &second, &second_size);
        if (first_size != second_size || memcmp(first, second, first_size) != 0)
                abort();
        free(first);
        free(second);
        sqi_plan_free(&plan);
        sqi_plan_free(&again);
        return 0;
}

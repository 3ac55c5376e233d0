/* SPDX-License-Identifier: Apache-2.0 */
/* A shared object that is no component. */
#include <squall.h>

SQ_EXPORT int sq_not_a_component(void);

int
sq_not_a_component(void)
{
        return 0;
}

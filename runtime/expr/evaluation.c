/* SPDX-License-Identifier: Apache-2.0 */
/* Why an evaluation has no value. */
#include <stdio.h>

#include "expr/expr.h"

struct sq_value
sqi_wrong(struct sqi_evaluation *run, const char *format, ...)
{
        va_list arguments;

        if (run->failed)
                return sq_nil();
        run->failed = true;
        run->failed_at = run->at;
        va_start(arguments, format);
        vsnprintf(run->cause, sizeof(run->cause), format, arguments);
        va_end(arguments);
        return sq_nil();
}

struct sq_value
sqi_no_memory(struct sqi_evaluation *run)
{
        return sqi_wrong(run, "no memory for what it makes");
}

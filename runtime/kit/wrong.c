/* SPDX-License-Identifier: Apache-2.0 */
/* What is wrong with an evaluation: below all that evaluates. */
#include <stdarg.h>
#include <stdio.h>

#include "kit/expr.h"

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

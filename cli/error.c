/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stdio.h>

#include "verb.h"

int
cli_error(int status, const char *format, ...)
{
        va_list args;

        (void)fputs("squall: ", stderr);
        va_start(args, format);
        (void)vfprintf(stderr, format, args);
        va_end(args);
        (void)fputc('\n', stderr);
        return status;
}

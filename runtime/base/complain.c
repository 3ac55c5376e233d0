/* SPDX-License-Identifier: Apache-2.0 */
#include "base/complain.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int
sqi_complain(int r, char *error, size_t size, const char *format, ...)
{
        va_list args;

        va_start(args, format);
        vsnprintf(error, size, format, args);
        va_end(args);
        return r;
}

void
sqi_say_more(char *text, size_t size, const char *format, ...)
{
        size_t len = strlen(text);
        va_list args;

        va_start(args, format);
        vsnprintf(text + len, size - len, format, args);
        va_end(args);
}

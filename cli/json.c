/* SPDX-License-Identifier: Apache-2.0 */
#include "json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "verb.h"

void
cli_json_print(struct sqi_writer *json)
{
        void *text;
        size_t size;

        if (sqi_writer_take(json, &text, &size) < 0)
                exit(cli_error(CLI_FAILED, "no memory for the answer"));
        fwrite(text, 1, size, stdout);
        putchar('\n');
        free(text);
}

void
cli_json_raw(struct sqi_writer *json, const char *key, const char *text)
{
        sqi_write_raw(json, key, (struct sq_str){text, strlen(text)});
}

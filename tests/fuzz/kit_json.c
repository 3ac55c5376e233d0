/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a JSON text: what is read can be written, and what was written reads as the same again. */
#include <squall-kit.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char *
written(struct sq_value value, size_t *ret_len)
{
        char *text;

        *ret_len = sq_json(value, NULL, 0);
        text = malloc(*ret_len + 1);
        if (!text || sq_json(value, text, *ret_len + 1) != *ret_len)
                abort();
        return text;
}

/* The text read, and written again; NULL: it is refused. */
static char *
again(const char *text, size_t len, size_t *ret_len)
{
        struct sq_json_reader json = {0};
        struct sq_value value;
        char *out = NULL;

        if (sq_json_read(&json, (struct sq_str){text, len}, &value))
                out = written(value, ret_len);
        sq_json_free(&json);
        return out;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        char *copy = malloc(size + 1), *first, *second = NULL, *third = NULL;
        size_t len, len_second, len_third;

        if (!copy)
                abort();
        memcpy(copy, data, size); /* an exact heap block, so that a byte read behind it is found */
        first = again(copy, size, &len);
        /* The first writing replaces what is not UTF-8; from then on nothing changes. */
        if (first && (!(second = again(first, len, &len_second)) || !(third = again(second, len_second, &len_third))))
                abort();
        if (first && (len_second != len_third || memcmp(second, third, len_second) != 0))
                abort();
        free(first);
        free(second);
        free(third);
        free(copy);
        return 0;
}

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

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct sq_json_reader json = {0}, again = {0};
        char *copy = malloc(size + 1), *first, *second;
        struct sq_value value, other;
        size_t len, len_again;

        if (!copy)
                abort();
        memcpy(copy, data, size); /* an exact heap block, so that a byte read behind it is found */
        if (sq_json_read(&json, (struct sq_str){copy, size}, &value)) {
                first = written(value, &len);
                if (!sq_json_read(&again, (struct sq_str){first, len}, &other))
                        abort();
                second = written(other, &len_again);
                if (len != len_again || memcmp(first, second, len) != 0)
                        abort();
                free(first);
                free(second);
        }
        free(copy);
        sq_json_free(&json);
        sq_json_free(&again);
        return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a line of logfmt: what is read can be written, and what was written reads as the same again. */
#include <squall-kit.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FIELDS = 64 };

/* The pairs of the text, written. False: it is refused. */
static bool
again(const char *text, size_t len, struct sq_encoder *to)
{
        struct sq_value *room = malloc((len + 1) * sizeof(*room)), map, name, values[FIELDS];
        char *scratch = malloc(len + 1), *names[FIELDS];
        struct sq_items items;
        size_t n = 0;
        bool good;

        if (!room || !scratch)
                abort();
        good = !sq_logfmt_read((struct sq_str){text, len}, room, scratch, &map);
        items = good ? sq_items(map) : (struct sq_items){0};
        for (; n < FIELDS && sq_next_item(&items, &name) && sq_next_item(&items, &values[n]); n++)
                if (!(names[n] = strndup(name.as.ptr, name.len)))
                        abort();
        if (good && sq_encode_values(to, n, (const char *const *)names, values) < 0)
                abort();
        while (n > 0)
                free(names[--n]);
        free(room);
        free(scratch);
        return good;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct sq_encoder first = {.format = SQ_FORMAT_LOGFMT}, second = first;
        char *copy = malloc(size + 1);

        if (!copy)
                abort();
        memcpy(copy, data, size); /* an exact heap block, so that a byte read behind it is found */
        if (again(copy, size, &first) && first.len > 0) {
                if (!again(first.bytes, first.len, &second) || first.len != second.len ||
                    memcmp(first.bytes, second.bytes, first.len) != 0)
                        abort();
        }
        sq_encoder_free(&first);
        sq_encoder_free(&second);
        free(copy);
        return 0;
}

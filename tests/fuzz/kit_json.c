/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a JSON text: what is read can be written, and what was written reads as the same again. Parts of an
 * object are the same, whether the rest is read or not. */
#include <squall-kit.h>
#include <stdlib.h>
#include <string.h>

#include "formats/pick.h"

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

static bool
same(struct sq_value a, struct sq_value b)
{
        size_t len, others;
        char *one = written(a, &len), *other = written(b, &others);
        bool is = a.type == b.type && len == others && memcmp(one, other, len) == 0;

        free(one);
        free(other);
        return is;
}

static void
expect_values(struct sq_value object, unsigned n, const char *const *paths, const struct sq_value *values)
{
        for (unsigned i = 0; i < n; i++)
                if (!same(values[i], sq_part(object, paths[i])))
                        abort();
}

static void
expect_parts(const char *text, size_t len)
{
        static const char *const paths[] = {"a", "b", "a.b", "c.a", "b[0]", "c[-1].a", "", "id"};
        enum { N = sizeof(paths) / sizeof(paths[0]) };
        struct sqi_pick *pick = sqi_pick_new(N, paths, true);
        struct sq_json_reader picked = {0}, whole = {0};
        struct sq_value values[N], object;
        size_t others;
        bool is_object;

        if (!pick)
                abort();
        is_object = sq_json_read(&whole, (struct sq_str){text, len}, &object) && object.type == SQ_MAP;
        if (sqi_pick_read(pick, &picked, (struct sq_str){text, len}, values, &others) >= 0) {
                if (!is_object)
                        abort();
                expect_values(object, N, paths, values);
        }
        if (is_object && sqi_pick_members(pick, object, values, &others) >= 0)
                expect_values(object, N, paths, values);
        sq_json_free(&picked);
        sq_json_free(&whole);
        sqi_pick_free(pick);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        char *copy = malloc(size + 1), *first, *second = NULL, *third = NULL;
        size_t len, len_second, len_third;

        if (!copy)
                abort();
        memcpy(copy, data, size); /* an exact heap block, so that a byte read behind it is found */
        expect_parts(copy, size);
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

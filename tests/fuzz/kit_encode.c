/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as the fields of a tuple, cut at each zero byte: what the encoder makes of them is one record, and the
 * reader of its format finds the same fields in it.
 */
#include <squall-kit.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const names[] = {"", "a", "\"b\",", "c\n"};
enum { FIELDS = sizeof(names) / sizeof(*names) };

static void
expect(bool good)
{
        if (!good)
                abort();
}

static bool
same(struct sq_value value, struct sq_str text)
{
        return value.len == text.len && memcmp(value.as.ptr, text.ptr, text.len) == 0;
}

static void
encode(struct sq_encoder *encoder, size_t n, const struct sq_value *values)
{
        encoder->len = 0;
        expect(sq_encode_values(encoder, n, names, values) == 0);
}

static void
read_csv(struct sq_encoder *encoder, size_t n, const struct sq_value *values)
{
        char *scratch = malloc(encoder->len + 1), *grow = scratch;
        const char *wrong = NULL;
        struct sq_str record = {encoder->bytes, encoder->len - 1}, cell;

        expect(scratch && sq_csv_record(encoder->bytes, encoder->len, true, (struct sq_csv_dialect){0}, &wrong) ==
                                  record.ptr + record.len);
        expect(!wrong);
        for (size_t i = 0; i < n; i++)
                expect(sq_csv_cell(&record, (struct sq_csv_dialect){0}, &grow, &cell) && same(values[i], cell));
        expect(!sq_csv_cell(&record, (struct sq_csv_dialect){0}, &grow, &cell));
        free(scratch);
}

/* Reads an object and appends it to `ret` as it is written again. */
static void
read_json(const struct sq_encoder *encoder, size_t n, struct sq_encoder *ret)
{
        struct sq_json_reader json = {0};
        struct sq_value values[FIELDS], object;

        expect(memchr(encoder->bytes, '\n', encoder->len) == encoder->bytes + encoder->len - 1);
        expect(sq_json_read(&json, (struct sq_str){encoder->bytes, encoder->len}, &object) && object.type == SQ_MAP);
        expect(sq_members(object, n, names, values) == n && object.len == n);
        encode(ret, n, values);
        sq_json_free(&json);
}

/* The first writing replaces what is not UTF-8; from then on nothing changes. */
static void
read_json_twice(const struct sq_encoder *encoder, size_t n)
{
        struct sq_encoder second = {.format = SQ_FORMAT_JSONL}, third = {.format = SQ_FORMAT_JSONL};

        read_json(encoder, n, &second);
        read_json(&second, n, &third);
        expect(second.len == third.len && memcmp(second.bytes, third.bytes, second.len) == 0);
        sq_encoder_free(&second);
        sq_encoder_free(&third);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct sq_encoder csv = {.format = SQ_FORMAT_CSVL}, tsv = {.format = SQ_FORMAT_TSV},
                          json = {.format = SQ_FORMAT_JSONL};
        const char *at = (const char *)data, *end = at + size;
        struct sq_value values[FIELDS];
        size_t n = 0;

        while (n < FIELDS && (n == 0 || at < end)) {
                size_t len = strnlen(at, (size_t)(end - at));

                values[n++] = sq_str((struct sq_str){at, len});
                at += len + (len < (size_t)(end - at));
        }
        encode(&csv, n, values);
        if (csv.len < 1 << 20) /* the largest quoted cell */
                read_csv(&csv, n, values);
        encode(&tsv, n, values);
        expect(memchr(tsv.bytes, '\n', tsv.len) == tsv.bytes + tsv.len - 1);
        encode(&json, n, values);
        read_json_twice(&json, n);
        sq_encoder_free(&csv);
        sq_encoder_free(&tsv);
        sq_encoder_free(&json);
        return 0;
}

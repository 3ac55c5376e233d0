/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as a record of each format, as a whole, as fields and as fields of types: what is read can be shown, and
 * written as msgpack it reads as the same again.
 */
#include <squall-kit.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const names[] = {"a", "b.c", "d", "e"}, *const types[] = {"int?", "str", "float", "array?"};
enum { FIELDS = sizeof(names) / sizeof(*names), SHOWN = 4096 };

static void
expect(bool good)
{
        if (!good)
                abort();
}

static size_t
pack(struct sq_encoder *encoder, size_t n, const struct sq_value *values)
{
        encoder->len = 0;
        expect(sq_encode_values(encoder, n, names, values) == 0);
        return encoder->len;
}

static void
read_again(size_t n, const struct sq_value *values)
{
        struct sq_decoder decoder = {.format = SQ_FORMAT_MSGPACK, .wanted = {.n = n, .names = names, .values = names}};
        struct sq_encoder first = {.format = SQ_FORMAT_MSGPACK}, second = {.format = SQ_FORMAT_MSGPACK};
        struct sq_value again[SQ_FIELDS_MAX];

        expect(!sq_decoder_begin(&decoder));
        pack(&first, n, values);
        /* a record of values that are 127 deep is one deeper */
        if (sq_decode(&decoder, (struct sq_str){first.bytes, first.len}, again) >= 0) {
                pack(&second, n, again);
                expect(first.len == second.len && memcmp(first.bytes, second.bytes, first.len) == 0);
        }
        sq_encoder_free(&first);
        sq_encoder_free(&second);
        sq_decoder_free(&decoder);
}

static void
read_as(struct sq_decoder decoder, struct sq_str record)
{
        struct sq_value values[SQ_FIELDS_MAX];
        size_t n = decoder.wanted.n ? decoder.wanted.n : 1;
        char shown[SHOWN];

        if (!sq_decoder_begin(&decoder) && sq_decode(&decoder, record, values) >= 0) {
                for (size_t i = 0; i < n; i++)
                        (void)sq_json(values[i], shown, sizeof(shown));
                read_again(n, values);
        }
        sq_decoder_free(&decoder);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct sq_str record = {(const char *)data, size};

        for (int format = 0; format < SQ_FORMAT_TSV; format++) {
                read_as((struct sq_decoder){.format = format}, record);
                read_as((struct sq_decoder){.format = format, .wanted = {.n = FIELDS, .names = names, .values = names}},
                        record);
                read_as((struct sq_decoder){.format = format, .wanted = {.n = FIELDS, .names = names, .values = types}},
                        record);
        }
        return 0;
}

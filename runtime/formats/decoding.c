/* SPDX-License-Identifier: Apache-2.0 */
/* Bolts whose text is a record of a format. */
#include "formats/decode.h"

void
sq_decoding_declare(struct sq_declaration *decl, enum sq_format format)
{
        const struct sq_decoding *decoding = sq_declared_state(decl);
        struct sq_decoder decoder = decoding->decoder;

        decoder.format = format;
        sq_parsing_declare(&decoding->parsing, decl);
        sq_decoder_declare(&decoder, decl);
}

int
sq_decoding_prepare(struct sq_task *task, enum sq_format format)
{
        struct sq_decoding *decoding = sq_state(task);
        const char *wrong;

        decoding->decoder.format = format;
        decoding->decoder.source = decoding->parsing.field;
        wrong = sq_decoder_begin(&decoding->decoder);
        return wrong ? sq_error(task, "fields: %s", wrong) : 0;
}

enum sq_verdict
sq_decoding_execute(struct sq_task *task, const struct sq_tuple *in)
{
        struct sq_decoding *decoding = sq_state(task);
        struct sq_decoder *decoder = &decoding->decoder;
        struct sq_str text;
        ssize_t n;

        if (!sq_parsing_text(in, &text))
                return sq_parsing_refuse(task, &decoding->parsing, in, "not a text");
        n = sq_decode(decoder, text, sq_parsing_values(&decoding->parsing));
        if (n < 0)
                return sq_parsing_refuse(task, &decoding->parsing, in, decoder->wrong);
        if (decoder->format == SQ_FORMAT_CSV)
                sqi_note_ragged(task, decoder, 0, (size_t)n);
        return sq_parsing_emit(task, &decoding->parsing, in, decoder->n ? decoder->n : 1);
}

void
sq_decoding_cleanup(struct sq_task *task)
{
        struct sq_decoding *decoding = sq_state(task);

        sq_decoder_free(&decoding->decoder);
}

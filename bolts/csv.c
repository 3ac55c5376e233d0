/* SPDX-License-Identifier: Apache-2.0 */
/* The bolt `csv`: the cells of a text that is a CSV record as fields. */
#include <squall-kit.h>

struct csv {
        struct sq_decoding decoding;
};

static void
declare(struct sq_declaration *decl)
{
        const struct csv *self = sq_declared_state(decl);

        sq_decoding_declare(&self->decoding, SQ_FORMAT_CSV, decl);
}

static int
prepare(struct sq_task *task)
{
        struct csv *self = sq_state(task);

        return sq_decoding_prepare(task, &self->decoding, SQ_FORMAT_CSV);
}

static enum sq_verdict
execute(struct sq_task *task, const struct sq_tuple *in)
{
        struct csv *self = sq_state(task);

        return sq_decoding_execute(task, &self->decoding, in);
}

static void
cleanup(struct sq_task *task)
{
        struct csv *self = sq_state(task);

        sq_decoder_free(&self->decoding.decoder);
}

SQ_BOLT(csv) = {
        .about = "Fields from a text that is a CSV record.",
        .state = sizeof(struct csv),
        .options =
                {
                        SQ_OPT_NESTED_AS("fields", struct csv, decoding.decoder.wanted,
                                         "the names of the cells, in their order; as "
                                         "`NAME: TYPE` converted, TYPE: " SQ_TYPES_HELP),
                        SQ_OPT_PARSING(struct csv, decoding.parsing),
                },
        .streams = {SQ_ERRORS},
        .declare = declare,
        .prepare = prepare,
        .execute = execute,
        .cleanup = cleanup,
};

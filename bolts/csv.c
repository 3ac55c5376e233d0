/* SPDX-License-Identifier: Apache-2.0 */
/* The bolt `csv`: the cells of a text that is a CSV record as fields. */
#include <squall-kit.h>

static void
declare(struct sq_declaration *decl)
{
        sq_decoding_declare(decl, SQ_FORMAT_CSV);
}

static int
prepare(struct sq_task *task)
{
        return sq_decoding_prepare(task, SQ_FORMAT_CSV);
}

SQ_BOLT(csv) = {
        .about = "Fields from a text that is a CSV record.",
        .state = sizeof(struct sq_decoding),
        .options =
                {
                        SQ_OPT_NESTED_AS(
                                "fields", struct sq_decoding, decoder.wanted,
                                "the names of the cells, in their order; as `NAME: TYPE` converted, TYPE: " SQ_TYPES_HELP),
                        SQ_OPT_CSV(struct sq_decoding, decoder),
                        SQ_OPT_PARSING(struct sq_decoding, parsing),
                },
        .streams = {SQ_ERRORS},
        .declare = declare,
        .prepare = prepare,
        .execute = sq_decoding_execute,
        .cleanup = sq_decoding_cleanup,
};

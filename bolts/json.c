/* SPDX-License-Identifier: Apache-2.0 */
/* The bolt `json`: the members of a JSON text as fields. */
#include <squall-kit.h>

static void
declare(struct sq_declaration *decl)
{
        sq_decoding_declare(decl, SQ_FORMAT_JSON);
}

static int
prepare(struct sq_task *task)
{
        return sq_decoding_prepare(task, SQ_FORMAT_JSON);
}

SQ_BOLT(json) = {
        .about = "Fields from a text that is JSON.",
        .state = sizeof(struct sq_decoding),
        .options =
                {
                        SQ_OPT_NESTED_AS(
                                "fields", struct sq_decoding, decoder.wanted,
                                "the members that become fields; default: the whole as `value`; as `NAME: TYPE` converted, TYPE: " SQ_TYPES_HELP),
                        SQ_OPT_PARSING(struct sq_decoding, parsing),
                },
        .streams = {SQ_ERRORS},
        .declare = declare,
        .prepare = prepare,
        .execute = sq_decoding_execute,
        .cleanup = sq_decoding_cleanup,
};

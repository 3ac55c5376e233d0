/* SPDX-License-Identifier: Apache-2.0 */
/* The bolt `logfmt`: the pairs of a text, key=value, as fields. */
#include <squall-kit.h>

static void
declare(struct sq_declaration *decl)
{
        sq_decoding_declare(decl, SQ_FORMAT_LOGFMT);
}

static int
prepare(struct sq_task *task)
{
        return sq_decoding_prepare(task, SQ_FORMAT_LOGFMT);
}

SQ_BOLT(logfmt) = {
        .about = "Fields from a text of key=value.",
        .state = sizeof(struct sq_decoding),
        .options =
                {
                        SQ_OPT_NESTED_AS(
                                "fields", struct sq_decoding, decoder.wanted,
                                "the keys that become fields; default: the whole as `value`, a map of texts; as `NAME: TYPE` converted, TYPE: " SQ_TYPES_HELP),
                        SQ_OPT_PARSING(struct sq_decoding, parsing),
                },
        .streams = {SQ_ERRORS},
        .declare = declare,
        .prepare = prepare,
        .execute = sq_decoding_execute,
        .cleanup = sq_decoding_cleanup,
};

/* SPDX-License-Identifier: Apache-2.0 */
/* The bolt `json`: the members of a JSON text as fields. */
#include <squall-kit.h>

struct json {
        struct sq_decoding decoding;
};

static void
declare(struct sq_declaration *decl)
{
        const struct json *self = sq_declared_state(decl);

        sq_decoding_declare(&self->decoding, SQ_FORMAT_JSON, decl);
}

static int
prepare(struct sq_task *task)
{
        struct json *self = sq_state(task);

        return sq_decoding_prepare(task, &self->decoding, SQ_FORMAT_JSON);
}

static enum sq_verdict
execute(struct sq_task *task, const struct sq_tuple *in)
{
        struct json *self = sq_state(task);

        return sq_decoding_execute(task, &self->decoding, in);
}

static void
cleanup(struct sq_task *task)
{
        struct json *self = sq_state(task);

        sq_decoder_free(&self->decoding.decoder);
}

SQ_BOLT(json) = {
        .about = "Fields from a text that is JSON.",
        .state = sizeof(struct json),
        .options =
                {
                        SQ_OPT_NESTED_AS("fields", struct json, decoding.decoder.wanted,
                                         "the members that become fields; default: the whole as `value`; as "
                                         "`NAME: TYPE` converted, TYPE: " SQ_TYPES_HELP),
                        SQ_OPT_PARSING(struct json, decoding.parsing),
                },
        .streams = {SQ_ERRORS},
        .declare = declare,
        .prepare = prepare,
        .execute = execute,
        .cleanup = cleanup,
};

/* SPDX-License-Identifier: Apache-2.0 */
/* The settings by which the tuples of a sink become messages. */
#include "formats/dialect.h"

void
sq_encoding_declare(const struct sq_encoding *encoding, const char *value, struct sq_declaration *decl)
{
        if (value && encoding->format != SQ_FORMAT_MSGPACK)
                sq_declare_unused(decl, "format", "with `value`, the field that is the message");
        sqi_dialect_unused(encoding->format, decl);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The settings that are for CSV alone, SQ_OPT_CSV() and SQ_OPT_DIALECT(), and what they come to. */
#ifndef SQI_KIT_DIALECT_H
#define SQI_KIT_DIALECT_H

#include <squall-kit.h>

enum { SQI_NO_QUOTE = '\n' };

/* {0} is that of RFC 4180. */
static inline struct sq_csv_dialect
sqi_dialect_whole(struct sq_csv_dialect dialect)
{
        dialect.separator = dialect.separator ? dialect.separator : ',';
        dialect.quote = dialect.quote ? dialect.quote : '"';
        return dialect;
}

/* Refuses those of SQ_OPT_DIALECT() with another format, and those of SQ_OPT_CSV() too. In `.declare`. */
void sqi_dialect_unused(int64_t format, struct sq_declaration *decl);
void sqi_dialect_declare(const struct sq_decoder *decoder, struct sq_declaration *decl);

#endif

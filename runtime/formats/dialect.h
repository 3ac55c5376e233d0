/* SPDX-License-Identifier: Apache-2.0 */
/* The settings of a decoder that are for CSV alone: SQ_OPT_CSV(). */
#ifndef SQI_KIT_DIALECT_H
#define SQI_KIT_DIALECT_H

#include <squall-kit.h>

/* Refuses them with another format. In `.declare`. */
void sqi_dialect_declare(const struct sq_decoder *decoder, struct sq_declaration *decl);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* What is counted of records that were read, for who decodes them and emits by itself. */
#ifndef SQI_KIT_DECODE_H
#define SQI_KIT_DECODE_H

#include <squall-kit.h>

/* Of a record of CSV, which has so many cells: counts and logs if they are too few or too many. `place` is that of a
 * decoder with a unit. */
void sqi_note_ragged(struct sq_task *task, struct sq_decoder *decoder, uint64_t place, size_t cells);

#endif

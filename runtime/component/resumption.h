/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of the tuples that a spout had emitted when its process dies. */
#ifndef SQI_RESUMPTION_H
#define SQI_RESUMPTION_H

#include "component/catalog.h"
#include "component/settings.h"

enum sqi_resumption {
        SQI_RESUMES,   /* its next process goes back to any position, and emits the same tuples by the same positions */
        SQI_REGAINS,   /* its source keeps what is not acked, or may: it comes again, by other positions */
        SQI_FORGETS_IT /* nobody has it any more */
};

/* Of a component that is a spout, with the `n` settings that it was given. */
enum sqi_resumption sqi_spout_resumption(const struct sqi_component *component, const struct sqi_setting *settings,
                                         size_t n);

#endif

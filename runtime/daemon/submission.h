/* SPDX-License-Identifier: Apache-2.0 */
/* What was submitted, as it stands in a folder of the state directory: copies of all that a topology is made of. */
#ifndef SQI_SUBMISSION_H
#define SQI_SUBMISSION_H

#include "daemon/state.h"

struct sqi_submission {
        const struct sqi_record *record;
        struct sqi_plan *plan; /* gets the paths of the copies */
        struct sq_str yaml;
        const char *components; /* the path where the copies will be */
        const char *letters;    /* the folder for its dead letters, if it names no file */
};

/* Fills the folder, which is not yet where it will be. 0 or a negative errno with the cause in `error`. */
int sqi_submission_fill(const struct sqi_submission *submission, int folder, char *error, size_t size);

#endif

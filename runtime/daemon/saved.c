/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/saved.h"

#include <stdio.h>
#include <string.h>

void
sqi_saved_note(struct sqi_daemon *daemon, const char *serial, const char *cause)
{
        struct sqi_saved *saved = &daemon->saved[daemon->nsaved++ % SQI_SAVED];

        snprintf(saved->serial, sizeof(saved->serial), "%s", serial);
        snprintf(saved->cause, sizeof(saved->cause), "%s", cause);
}

const struct sqi_saved *
sqi_saved_find(const struct sqi_daemon *daemon, const char *serial)
{
        for (unsigned i = 0; serial[0] && i < SQI_SAVED; i++)
                if (strcmp(daemon->saved[i].serial, serial) == 0)
                        return &daemon->saved[i];
        return NULL;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/asked.h"

#include <stdlib.h>

#include "daemon/registry.h"

void
sqi_asked_add(struct sqi_daemon *daemon, struct sqi_asked *asked)
{
        struct sqi_asked **link = &daemon->asked;

        while (*link)
                link = &(*link)->next;
        asked->next = NULL;
        *link = asked;
}

/* Until it is answered it stays there to be seen. */
bool
sqi_asked_answer(struct sqi_daemon *daemon)
{
        struct sqi_asked *asked = daemon->asked;

        if (!asked)
                return false;
        asked->answer(daemon, asked);
        daemon->asked = asked->next;
        free(asked);
        return true;
}

void
sqi_asked_drop(struct sqi_daemon *daemon)
{
        while (daemon->asked) {
                struct sqi_asked *asked = daemon->asked;

                daemon->asked = asked->next;
                free(asked);
        }
}

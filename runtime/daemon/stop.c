/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/stop.h"

#include <stdio.h>

#include "daemon/copying.h"
#include "daemon/exporting.h"
#include "daemon/hosted.h"
#include "daemon/saving.h"

static void
abort_all(struct sqi_daemon *daemon)
{
        sqi_exports_stop(daemon);
        for (struct sqi_hosted *hosted = daemon->first; hosted; hosted = hosted->next) {
                sqi_saving_stop(hosted);
                if (sqi_hosted_is_running(hosted))
                        sqi_running_abort(hosted->running);
        }
}

/* What runs is handed over at the desk: what that is about may be about to begin, or to change. */
void
sqi_daemon_stop(struct sqi_daemon *daemon)
{
        if (daemon->stopping)
                abort_all(daemon);
        else
                daemon->stop_due = true;
        daemon->stopping = true;
        daemon->stop_error[0] = '\0';
        sqi_copying_stop(daemon);
}

void
sqi_stop_begin(struct sqi_daemon *daemon)
{
        if (!daemon->stop_due)
                return;
        daemon->stop_due = false;
        for (struct sqi_hosted *hosted = daemon->first; hosted; hosted = hosted->next)
                if (sqi_hosted_is_running(hosted))
                        sqi_hosted_hand_over(hosted, NULL, 0);
}

void
sqi_stop_give_up(struct sqi_daemon *daemon, const char *cause)
{
        daemon->stopping = false;
        snprintf(daemon->stop_error, sizeof(daemon->stop_error), "%s", cause);
        sqi_daemon_tell(daemon, SQ_ERROR, NULL, "it is not stopped, for something would be lost: %s", cause);
        for (struct sqi_hosted *hosted = daemon->first; hosted; hosted = hosted->next)
                if (hosted->over && hosted->running && !sqi_saving_is_under_way(hosted) &&
                    hosted->record.wish != SQI_WISH_KILLED && sqi_running_lifecycle(hosted->running)->handover)
                        hosted->over = false; /* is looked at anew, and begins again */
}

void
sqi_daemon_leave(struct sqi_daemon *daemon)
{
        daemon->stopping = daemon->left = true;
        sqi_copying_stop(daemon);
        sqi_exports_stop(daemon);
        for (struct sqi_hosted *hosted = daemon->first; hosted; hosted = hosted->next)
                sqi_saving_stop(hosted);
}

bool
sqi_daemon_is_over(const struct sqi_daemon *daemon)
{
        if (!daemon->stopping || daemon->stop_due || sqi_desk_is_busy(daemon->desk))
                return false;
        if (daemon->left)
                return true;
        for (const struct sqi_hosted *hosted = daemon->first; hosted; hosted = hosted->next)
                if (sqi_hosted_is_running(hosted) || sqi_saving_is_under_way(hosted))
                        return false;
        return !daemon->exports;
}

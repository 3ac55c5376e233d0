/* SPDX-License-Identifier: Apache-2.0 */
#include "command/zsock.h"

#include <errno.h>
#include <stdlib.h>

#include "base/descriptors.h"

void
sqi_zsock_begin(void)
{
        (void)setenv("ZSYS_SIGHANDLER", "false", 1);
        zsys_handler_set(NULL);
}

zsock_t *
sqi_zsock_new(int type)
{
        int r = sqi_descriptors_check(SQI_DESCRIPTORS_SOCKET);
        zsock_t *socket;

        if (r < 0) {
                errno = -r;
                return NULL;
        }
        zsys_set_logstream(stderr); /* it would be stdout, which is for data */
        socket = zsock_new(type);
        zsock_set_sndtimeo(socket, 0);
        zsock_set_rcvtimeo(socket, 0);
        return socket;
}

void
sqi_zsock_end(void)
{
        zsys_shutdown();
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "command/zsock.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/descriptors.h"

/* czmq would take limits, addresses and where it logs from them. They go from the environment of what we start, too. */
static void
forget_settings(void)
{
        static const char prefix[] = "ZSYS_";

        for (char **at = environ; *at;) {
                char name[NAME_MAX];
                size_t len = strcspn(*at, "=");

                if (len >= sizeof(name) || strncmp(*at, prefix, strlen(prefix)) != 0) {
                        at++;
                        continue;
                }
                snprintf(name, sizeof(name), "%.*s", (int)len, *at);
                if (unsetenv(name) < 0)
                        at++;
        }
}

void
sqi_zsock_begin(void)
{
        forget_settings();
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

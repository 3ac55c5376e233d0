/* SPDX-License-Identifier: Apache-2.0 */
/* Topologies that `squall run` has in the foreground: where their command sockets are. */
#ifndef CLI_FOREGROUND_H
#define CLI_FOREGROUND_H

#include <stdbool.h>

#include "command/server.h"

/* Is there one of that name, of this user, that answers? */
bool cli_foreground_find(const char *name, char ret_socket[SQI_SOCKET_PATH]);

#endif

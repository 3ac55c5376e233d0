/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a plan needs on the nodes of an Apache Storm cluster, as a jar: its folder `resources` is where each of the
 * topology's components is started there.
 *
 *     start                sh: looks whether the node can run it, then runs squall-shell by the dynamic loader, for
 * Storm
 *                          takes the right to execute from what it unpacks
 *     squall-shell, lib*   with the libraries that it and the components need, but for libc's
 *     components/ID.so     of each component
 *     files/N-NAME         what components read, by paths within the folder of the topology file
 *     plan                 with the paths of these: those of components as if the folder were the root
 */
#ifndef SQI_RESOURCES_H
#define SQI_RESOURCES_H

#include "base/arena.h"
#include "plan/plan.h"
#include "storm/jar.h"

enum { SQI_RESOURCES_FILES_MAX = 64 << 20 }; /* bytes of all files together */

/* How a component is started there: two arguments. */
#define SQI_RESOURCES_COMMAND "/bin/sh"
#define SQI_RESOURCES_SCRIPT "start"

/* The plan's paths are those of this machine before, and of the jar afterwards, in the arena. 0, or a negative errno
 * with the cause in `error`; the jar is the caller's to free in any case. */
int sqi_resources_pack(struct sqi_plan *plan, struct sqi_arena *arena, struct sqi_jar *jar, char *error, size_t size);

#endif

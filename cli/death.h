/* SPDX-License-Identifier: Apache-2.0 */
/* One death as people are shown it: what died, of what, with which tuple, where, what it said last, what was done. */
#ifndef CLI_DEATH_H
#define CLI_DEATH_H

#include "squall.h"

/* An event "died", as the supervisor answers it; or what tells the most of it, in a few lines. */
void cli_death_show(struct sq_value death, bool whole);

/* "3 s ago" of the event's time. */
enum { CLI_AGO_SIZE = 48 };
const char *cli_ago_text(struct sq_value event, char buffer[CLI_AGO_SIZE]);

#endif

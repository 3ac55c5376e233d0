/* SPDX-License-Identifier: Apache-2.0 */
/* What the page (page.html) asks for besides the status: the hour behind us, what has happened, the log, the file. */
#ifndef SQI_BROWSE_H
#define SQI_BROWSE_H

#include "daemon/hosted.h"
#include "http/http.h"
#include "tuple/writer.h"

/* The page itself, as it stands in the source tree. */
extern const char sqi_browse_page[] __attribute__((visibility("hidden")));

/* {step_s, components: [{id, steps: [{age_s, emitted_s, executed_s, failed_s, busy, blocked}]}]}, the newest first. */
void sqi_browse_history(const struct sqi_hosted *hosted, struct sqi_writer *writer);
/* As the command EVENTS: the parameters `topology`, `event` and `after`. */
void sqi_browse_events(const struct sqi_daemon *daemon, const struct sqi_uri *uri, struct sqi_writer *writer);

/* What an event stream tells next: [events behind the cursor, which moves behind the last of them; the status of the
 * parameter `topology`, null when it is not there, or without it the list]. */
void sqi_browse_tell(struct sqi_daemon *daemon, const struct sqi_uri *uri, uint64_t *cursor, struct sqi_writer *writer);

/* The end of a file of the topology's folder ("log", "topology.yaml"): at most SQI_BROWSE_TAIL bytes, from the start
 * of a line on. 0 and a malloc'd buffer, or a negative errno. */
enum { SQI_BROWSE_TAIL = 256 << 10 };
int sqi_browse_file(const struct sqi_hosted *hosted, const char *name, void **ret_bytes, size_t *ret_size);

#endif

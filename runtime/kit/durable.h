/* SPDX-License-Identifier: Apache-2.0 */
/* What outlasts a loss of power, for the files of the kit. */
#ifndef SQI_KIT_DURABLE_H
#define SQI_KIT_DURABLE_H

/* Makes the name `path` outlast it, by a sync of the folder that it stands in. 0, also where that may not be read; or a
 * negative errno. */
int sqi_kit_sync_above(const char *path);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* What a service manager is told: systemd's protocol (sd_notify(3)), a datagram to $NOTIFY_SOCKET. Without one all of
 * it does nothing. */
#ifndef SQI_NOTIFY_H
#define SQI_NOTIFY_H

#include <stdint.h>

/* "READY=1", "STATUS=...", lines separated by newlines. 0 or a negative errno. */
int sqi_notify(const char *text);

/* How often WATCHDOG=1 is wanted: half of $WATCHDOG_USEC, if it is meant for us; else UINT64_MAX. */
uint64_t sqi_notify_watchdog_ns(void);

#endif

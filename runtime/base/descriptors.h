/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Are there descriptors left? libzmq and czmq end the process by an assertion where they run out of them at the wrong
 * moment: libzmq when the first socket of a context starts its threads, czmq at every zsock_new(). Whoever is about to
 * do either asks here first, while nothing else in the process opens files.
 */
#ifndef SQI_DESCRIPTORS_H
#define SQI_DESCRIPTORS_H

/* The first socket of a context takes six: its own, and those of the context's two threads. The rest is for what
 * follows at once: a connection, a listener, a monitor. */
enum { SQI_DESCRIPTORS_SOCKET = 12 };

/* 0: `n` could be opened now, at most SQI_DESCRIPTORS_SOCKET; -EMFILE, -ENFILE: not so. */
int sqi_descriptors_check(int n);

#endif

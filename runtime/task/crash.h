/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a task was doing when its component crashed: on stderr, before the process dies of the signal.
 *
 *     error: crash: count/1 of wordcount: SIGSEGV (Segmentation fault) at 0x8
 *     error: crash: tuple from "split", stream "default": {"word":"storm"}
 *     error: crash:   0  count.so  execute+0x1f  (addr2line -e /home/ann/count.so 0x11ff)
 */
#ifndef SQI_CRASH_H
#define SQI_CRASH_H

struct sq_task;

/* Handlers for SIGSEGV, SIGBUS, SIGFPE, SIGILL and SIGABRT, where nobody else has one. Once a process. */
void sqi_crash_install(void);

/* A stack of its own for the handlers in this thread, so that a stack overflow is told too. NULL when memory is short:
 * then without. */
void *sqi_crash_thread_begin(void);
void sqi_crash_thread_end(void *stack);

/* The task that this thread runs from here on. */
void sqi_crash_blame(struct sq_task *task);

#endif

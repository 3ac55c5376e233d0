/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lease of a worker: a lock on the file w<worker> of the run directory, held by the worker's process as long as it
 * lives. A worker may outlive its supervisor; this is what says, and enforces, that it has one process at most:
 *
 *  - A worker takes its lease before it does anything, and waits for it as long as another process has it.
 *  - A supervisor that starts asks who holds it, and so finds what it can adopt; or ends what may still write, though
 *    it belongs to nobody any more.
 *
 * It is a POSIX record lock, for the kernel tells its owner's pid to whoever asks. It begins at the byte whose number
 * is the incarnation and has no end, so that the same question answers which incarnation holds it. The size of the file
 * is the number of incarnations begun.
 */
#ifndef SQI_LEASE_H
#define SQI_LEASE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Worker: waits for the lease and takes it. The fd, to be kept open as long as the process lives; no other fd of that
 * file may ever be closed in it. Or a negative errno. */
int sqi_lease_take(const char *rundir, uint32_t worker, uint32_t incarnation);

/* Worker: the process that has the lease by that fd goes on as a later incarnation, and has it all the time. 0 or a
 * negative errno. */
int sqi_lease_renew(int lease, uint32_t incarnation);

/* Supervisor: notes that the incarnation begins. 0 or a negative errno. */
int sqi_lease_begin(const char *rundir, uint32_t worker, uint32_t incarnation);

/* Supervisor: who holds it? *ret_pid 0: nobody; then *ret_incarnation is the last one begun. 0; -ENOENT: none was ever
 * begun; or another negative errno. */
int sqi_lease_holder(const char *rundir, uint32_t worker, pid_t *ret_pid, uint32_t *ret_incarnation);

/* Supervisor: kills who holds it, if anybody does, and waits for its end. */
void sqi_lease_end(const char *rundir, uint32_t worker);
/* The same of all leases in a run directory. */
void sqi_leases_end(const char *rundir);

/* Does anybody hold a lease in this run directory, but the caller, who is `worker`? Any process. */
bool sqi_leases_held(const char *rundir, uint32_t worker);

#endif

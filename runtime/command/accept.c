/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The program's own accept4(), which libzmq finds before that of the C library. On ipc, libzmq (4.3.4) waits when the
 * system has no descriptor left for a connection (ENFILE), but ends the process when it is the process that has none
 * (EMFILE); and to our command socket anybody of ours may connect as often as he likes. So the one is reported as the
 * other. Whoever connects waits in the queue of the listener until there are descriptors again.
 */
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The listener is ready all the time then: its thread, which serves the others too, is not to do nothing but ask. */
enum { PAUSE_MS = 5 };

__attribute__((visibility("default"))) int
accept4(int listener, struct sockaddr *address, socklen_t *size, int flags)
{
        int fd = (int)syscall(SYS_accept4, listener, address, size, flags);

        if (fd < 0 && errno == EMFILE) {
                (void)poll(NULL, 0, PAUSE_MS);
                errno = ENFILE;
        }
        return fd;
}

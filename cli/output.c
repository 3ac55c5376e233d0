/* SPDX-License-Identifier: Apache-2.0 */
#include "output.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "verb.h"

static void
on_pipe(int number)
{
        (void)number;
}

/* A handler, and not SIG_IGN, which the programs that we start would inherit. */
void
cli_output_begin(void)
{
        struct sigaction action = {.sa_handler = on_pipe, .sa_flags = SA_RESTART};

        (void)sigaction(SIGPIPE, &action, NULL);
}

/* A pipe or a connection whose other side is gone. */
static bool
is_unread(int timeout_ms)
{
        struct pollfd out = {.fd = STDOUT_FILENO};

        return poll(&out, 1, timeout_ms) == 1 && (out.revents & (POLLERR | POLLHUP)) != 0;
}

int
cli_output_end(int status)
{
        bool failed = ferror(stdout) != 0;

        errno = 0;
        if (fflush(stdout) == 0 && !failed)
                return status;
        if (errno == EPIPE || is_unread(0))
                cli_error(CLI_FAILED, "nobody reads the output any more (it was cut short)");
        else
                cli_error(CLI_FAILED, "can't write the output: %s",
                          errno != 0 ? strerror(errno) : "an earlier write failed");
        return status == CLI_DONE ? CLI_FAILED : status;
}

bool
cli_output_wait(int fd)
{
        struct pollfd both[] = {{.fd = fd, .events = POLLIN}, {.fd = STDOUT_FILENO}};

        while (poll(both, 2, -1) < 0)
                if (errno != EINTR)
                        return false;
        if ((both[1].revents & POLLERR) == 0)
                return true;
        putchar('\n'); /* so that the end finds out */
        return false;
}

bool
cli_output_pause(int ms)
{
        if (!is_unread(ms))
                return true;
        putchar('\n');
        return false;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* What a component does between fork() and exec. */
#include <signal.h>
#include <squall-kit.h>

void
sq_child_take_signals(void)
{
        sigset_t none;

        for (int number = 1; number < SIGRTMIN; number++)
                (void)signal(number, SIG_DFL);
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
}

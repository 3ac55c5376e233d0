/* SPDX-License-Identifier: Apache-2.0 */
/* The ways in which a component of the fault suite goes wrong, as settings: where, how, after how many calls, in how
 * many incarnations. */
#ifndef TESTS_FAULT_H
#define TESTS_FAULT_H

#include <signal.h>
#include <squall.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define FAULT_HOWS "none|exit|status|abort|segfault|memory|starve|hang|fail"
enum { FAULT_FAILS = 30 }; /* in a row, of a fault that does not begin at once */
enum how { NONE, EXIT, STATUS, ABORT, SEGFAULT, MEMORY, STARVE, HANG, FAIL };

struct fault {
        int64_t in, how, at, times;
        int64_t calls;
};

/* Uses up what may be had of memory, and lets the next allocation be the last. */
static inline void
fault_use_up(void)
{
        const struct rlimit limit = {256u << 20, 256u << 20};

        setrlimit(RLIMIT_AS, &limit);
        for (size_t size = 64u << 20; size >= 16; size /= 2)
                while (malloc(size)) // cppcheck-suppress leakNoVarFunctionCall
                        ;
}

/* Called at the head of callback `where`; -1: it is to fail. */
static inline int
fault_call(struct sq_task *task, struct fault *fault, int64_t where)
{
        if (fault->how == NONE || fault->in != where || sq_incarnation(task) >= fault->times ||
            fault->calls++ < fault->at)
                return 0;
        if (fault->how == FAIL && fault->at && fault->calls > fault->at + FAULT_FAILS)
                return 0;
        switch ((enum how)fault->how) {
        case EXIT:
                exit(0);
        case STATUS:
                exit(7);
        case ABORT:
                abort();
        case SEGFAULT:
                (void)signal(SIGSEGV, SIG_DFL); /* past a sanitizer's handler */
                raise(SIGSEGV);
                break;
        case MEMORY:
                fault_use_up();
                abort();
        case STARVE: /* and goes on: the runtime has to do without */
                fault_use_up();
                break;
        case HANG:
                for (;;)
                        pause();
        case FAIL:
                return sq_error(task, "told to fail");
        case NONE:
                break;
        }
        return 0;
}

#define FAULT_OPTIONS(state, places, first) \
        {"in", SQ_OPTION_ENUM, offsetof(state, fault.in), first, false, places, "the callback that goes wrong"}, \
                {"how", SQ_OPTION_ENUM, offsetof(state, fault.how), "none", false, FAULT_HOWS, "what happens in it"}, \
                {"at", SQ_OPTION_INT, offsetof(state, fault.at), "0", false, NULL, "calls before it"}, \
        { \
                "times", SQ_OPTION_INT, offsetof(state, fault.times), "1", false, NULL, \
                        "incarnations in which it happens" \
        }

#endif

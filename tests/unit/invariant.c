/* SPDX-License-Identifier: Apache-2.0 */
/* What happens when an invariant of ours does not hold, in any build. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/invariant.h"
#include "lifecycle/lifecycle.h"
#include "tuple/writer.h"

/* The process that does it ends by SIGABRT; what it has said. */
static void
ends_saying(void (*deed)(void), const char *said)
{
        char text[512] = "";
        size_t n = 0;
        ssize_t got;
        int ends[2], status;
        pid_t child;

        assert_int_equal(pipe(ends), 0);
        child = fork();
        assert_true(child >= 0);
        if (child == 0) {
                signal(SIGABRT, SIG_DFL);
                dup2(ends[1], STDERR_FILENO);
                deed();
                _exit(0);
        }
        close(ends[1]);
        while (n < sizeof(text) - 1 && (got = read(ends[0], text + n, sizeof(text) - 1 - n)) > 0)
                n += (size_t)got;
        close(ends[0]);
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
        assert_non_null(strstr(text, said));
        assert_non_null(strstr(text, "fault of Squall"));
}

static void
assert_what_is_not(void)
{
        volatile int one = 1;

        sqi_assert(one == 2);
}

static void
end_what_was_not_begun(void)
{
        struct sqi_writer writer = sqi_writer(SQI_JSON);

        sqi_write_end(&writer);
}

static void
spawn_a_worker_that_is_not_in_the_plan(void)
{
        struct sqi_plan plan = {.nworkers = 2};
        struct sqi_lifecycle life = {.plan = &plan};
        struct sqi_actions actions = {0};

        sqi_lifecycle_step(&life, &(struct sqi_event){.type = SQI_EVENT_SPAWNED, .worker = 2}, 1, &actions);
}

static void
a_broken_invariant_ends_the_process_and_says_where(void **state)
{
        (void)state;
        ends_saying(assert_what_is_not, "tests/unit/invariant.c:");
        ends_saying(assert_what_is_not, "one == 2");
}

static void
an_index_that_is_none_is_not_used(void **state)
{
        (void)state;
        ends_saying(spawn_a_worker_that_is_not_in_the_plan, "runtime/lifecycle/lifecycle.c:");
        ends_saying(end_what_was_not_begun, "runtime/tuple/writer.c:");
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_broken_invariant_ends_the_process_and_says_where),
                cmocka_unit_test(an_index_that_is_none_is_not_used),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

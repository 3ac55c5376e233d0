/* SPDX-License-Identifier: Apache-2.0 */
/* Decisions that wait for a disk, beside a loop that goes on. */
#include <errno.h>
#include <poll.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/desk.h"

struct play {
        struct sqi_desk *desk;
        sem_t disk;    /* posted: it has done a write */
        unsigned left; /* so many writes are still to be made */
        char order[64];
        int error; /* of the last write, as the desk saw it */
};

static void
note(struct play *play, const char *what)
{
        strncat(play->order, what, sizeof(play->order) - strlen(play->order) - 1);
}

/* Decides, writes, and goes on by what it came to, as often as is left. */
static void
work(void *context)
{
        struct play *play = context;

        while (play->left > 0) {
                note(play, "d");
                sqi_desk_aside(play->desk);
                sem_wait(&play->disk);
                errno = ENOSPC;
                sqi_desk_back(play->desk);
                play->error = errno;
                play->left--;
        }
        note(play, ".");
}

static void
set_up(struct play *play, unsigned writes)
{
        *play = (struct play){.left = writes};
        sem_init(&play->disk, 0, 0);
        assert_int_equal(sqi_desk_open(work, play, &play->desk), 0);
}

static void
tear_down(struct play *play)
{
        sqi_desk_close(&play->desk);
        assert_null(play->desk);
        sem_destroy(&play->disk);
}

static bool
has_news(const struct play *play, int ms)
{
        struct pollfd fd = {.fd = sqi_desk_fd(play->desk), .events = POLLIN};

        return poll(&fd, 1, ms) == 1;
}

static void
lets_the_loop_go_on_while_the_disk_is_waited_for(void **state)
{
        struct play play;

        (void)state;
        set_up(&play, 1);
        sqi_desk_begin(play.desk); /* would not return if the loop waited */
        assert_true(sqi_desk_is_busy(play.desk));
        note(&play, "l");
        sqi_desk_go_on(play.desk); /* nothing has come */
        assert_false(has_news(&play, 0));
        sem_post(&play.disk);
        assert_true(has_news(&play, 10000));
        note(&play, "l");
        assert_string_equal(play.order, "dll"); /* the desk waits for its turn */
        sqi_desk_go_on(play.desk);
        assert_false(sqi_desk_is_busy(play.desk));
        assert_false(has_news(&play, 0));
        assert_string_equal(play.order, "dll.");
        tear_down(&play);
}

static void
keeps_the_order_of_what_is_written_and_its_errors(void **state)
{
        struct play play;

        (void)state;
        set_up(&play, 3);
        sqi_desk_begin(play.desk);
        for (unsigned i = 0; i < 3; i++) {
                note(&play, "l");
                sem_post(&play.disk);
                assert_true(has_news(&play, 10000));
                sqi_desk_go_on(play.desk);
                assert_int_equal(play.error, ENOSPC);
        }
        assert_string_equal(play.order, "dldldl.");
        play.left = 1; /* and once more, when it is idle */
        sem_post(&play.disk);
        sqi_desk_begin(play.desk);
        assert_true(has_news(&play, 10000));
        sqi_desk_go_on(play.desk);
        assert_string_equal(play.order, "dldldl.d.");
        tear_down(&play);
}

static void
brings_what_is_under_way_to_its_end_when_it_is_closed(void **state)
{
        struct play play;

        (void)state;
        set_up(&play, 2);
        sqi_desk_begin(play.desk);
        sem_post(&play.disk);
        sem_post(&play.disk);
        tear_down(&play);
        assert_string_equal(play.order, "dd.");
}

static void
is_not_needed_by_who_waits_himself(void **state)
{
        struct play play;

        (void)state;
        set_up(&play, 0);
        sqi_desk_aside(play.desk); /* the loop is not at the desk */
        sqi_desk_back(play.desk);
        assert_false(sqi_desk_is_busy(play.desk));
        assert_false(has_news(&play, 0));
        sqi_desk_aside(NULL);
        sqi_desk_back(NULL);
        assert_false(sqi_desk_is_busy(NULL));
        tear_down(&play);
        tear_down(&(struct play){.desk = NULL});
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(lets_the_loop_go_on_while_the_disk_is_waited_for),
                cmocka_unit_test(keeps_the_order_of_what_is_written_and_its_errors),
                cmocka_unit_test(brings_what_is_under_way_to_its_end_when_it_is_closed),
                cmocka_unit_test(is_not_needed_by_who_waits_himself),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

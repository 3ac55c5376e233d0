/* SPDX-License-Identifier: Apache-2.0 */
/* The queue of timers, against a list that is looked through for the least. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "state/timer_queue.h"

enum { KEYS = 40, MOST = 4000 };

static int keys[KEYS];

struct model {
        struct sqi_timer timers[MOST];
        size_t n;
};

static void
put(struct sqi_timer_queue *queue, struct model *model, int64_t at_ns, int *key)
{
        const struct sqi_timer timer = {at_ns, key};

        if (sqi_timer_queue_is_full(queue))
                assert_true(sqi_timer_queue_grow(queue));
        assert_true(sqi_timer_queue_put(queue, timer));
        model->timers[model->n++] = timer;
}

/* Those of one time stand in the order in which they came. */
static size_t
first_of(const struct model *model)
{
        size_t first = 0;

        for (size_t i = 1; i < model->n; i++)
                if (model->timers[i].at_ns < model->timers[first].at_ns)
                        first = i;
        return first;
}

static void
take(struct sqi_timer_queue *queue, struct model *model)
{
        size_t first = first_of(model);
        const void *ahead;
        struct sqi_timer timer;

        assert_int_equal(sqi_timer_queue_ahead(queue, 1, &ahead), 1);
        assert_int_equal(sqi_timer_queue_time(queue), model->timers[first].at_ns);
        timer = sqi_timer_queue_take(queue);
        assert_int_equal(timer.at_ns, model->timers[first].at_ns);
        assert_ptr_equal(timer.state, model->timers[first].state);
        assert_ptr_equal(ahead, timer.state);
        model->n--;
        for (size_t i = first; i < model->n; i++)
                model->timers[i] = model->timers[i + 1];
}

static bool
is_even(const void *context, const struct sqi_timer *timer)
{
        (void)context;
        return ((int *)timer->state - keys) % 2 == 0;
}

/* What is even, each once. */
static void
tidy(struct model *model)
{
        size_t kept = 0;

        for (size_t i = 0; i < model->n; i++) {
                bool stays = is_even(NULL, &model->timers[i]);

                for (size_t j = 0; j < kept && stays; j++)
                        stays = model->timers[j].state != model->timers[i].state ||
                                model->timers[j].at_ns != model->timers[i].at_ns;
                if (stays)
                        model->timers[kept++] = model->timers[i];
        }
        model->n = kept;
}

/* `times`: from how many different ones it is drawn; `run`: so many of one time are put there, on average. */
static void
is_as_the_list(unsigned seed, int times, int run)
{
        struct sqi_timer_queue queue = {0};
        static struct model model;
        int64_t at = 0;

        srand(seed);
        model.n = 0;
        for (int step = 0; step < 3000; step++) {
                if (rand() % run == 0)
                        at = rand() % times - times / 2;
                if (rand() % 1000 == 0) {
                        sqi_timer_queue_tidy(&queue, is_even, NULL);
                        tidy(&model);
                } else if (rand() % 5 < 3 || model.n == 0) {
                        put(&queue, &model, at, &keys[rand() % KEYS]);
                } else {
                        take(&queue, &model);
                }
                assert_int_equal(queue.n, model.n);
        }
        while (model.n > 0)
                take(&queue, &model);
        assert_int_equal(queue.n, 0);
        assert_int_equal(queue.nruns, 0);
        sqi_timer_queue_free(&queue);
}

static void
timers_are_taken_in_the_order_of_their_times_and_of_one_time_in_that_in_which_they_came(void **state)
{
        (void)state;
        for (unsigned seed = 1; seed <= 20; seed++) {
                is_as_the_list(seed, 3, 50);
                is_as_the_list(seed, 20, 4);
                is_as_the_list(seed, 100000, 1);
        }
}

static void
those_of_one_time_are_one_run_and_are_known_ahead(void **state)
{
        struct sqi_timer_queue queue = {0};
        static struct model model;
        const void *ahead[KEYS + 1];

        (void)state;
        model.n = 0;
        for (int i = 0; i < KEYS; i++)
                put(&queue, &model, 7, &keys[i]);
        put(&queue, &model, 9, &keys[0]);
        assert_int_equal(queue.nruns, 2);
        assert_int_equal(sqi_timer_queue_ahead(&queue, KEYS + 1, ahead), KEYS);
        for (int i = 0; i < KEYS; i++)
                assert_ptr_equal(ahead[i], &keys[i]);
        while (model.n > 0)
                take(&queue, &model);
        assert_int_equal(sqi_timer_queue_ahead(&queue, 1, ahead), 0);
        sqi_timer_queue_free(&queue);
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(
                        timers_are_taken_in_the_order_of_their_times_and_of_one_time_in_that_in_which_they_came),
                cmocka_unit_test(those_of_one_time_are_one_run_and_are_known_ahead),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

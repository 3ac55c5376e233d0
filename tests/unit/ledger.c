/* SPDX-License-Identifier: Apache-2.0 */
/* The rules of the ledger, one by one. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ledger/ledger.h"

static const uint64_t second = 1000000000;

/* What the ledger told, for the single rules. */
struct record {
        enum sqi_tree_outcome last;
        uint64_t position, age_ns;
        int told[SQI_GIVEN_UP + 1];
};

static void
note(void *context, enum sqi_tree_outcome outcome, uint64_t position, uint64_t age_ns)
{
        struct record *record = context;

        record->last = outcome;
        record->position = position;
        record->age_ns = age_ns;
        record->told[outcome]++;
}

static struct sqi_ledger *
make(struct record *record, struct sqi_ledger_config config)
{
        config.task = 3;
        config.first = config.first ? config.first : 1000;
        if (!config.timeout_ns)
                config.timeout_ns = 30 * second;
        memset(record, 0, sizeof(*record));
        struct sqi_ledger *ledger = sqi_ledger_new(&config, note, record);
        assert_non_null(ledger);
        return ledger;
}

static uint64_t
tree(struct sqi_ledger *ledger, uint64_t position, uint64_t edges, uint64_t now_ns)
{
        uint64_t root;

        assert_int_equal(sqi_ledger_open(ledger, position, (struct sqi_attempt){0}, now_ns, &root), 0);
        sqi_ledger_seal(ledger, root, edges, now_ns);
        return root;
}

static void
take(struct sqi_ledger *ledger, uint64_t root, uint64_t value, enum sqi_ack_op op, uint64_t now_ns)
{
        struct sqi_ack ack = {.root = root, .value = value, .op = (uint32_t)op};

        sqi_ledger_take(ledger, &ack, now_ns);
}

static void
tells_of_a_failure_once_where_nothing_is_emitted_again(void **state)
{
        struct record record;
        struct sqi_ledger_config config = {.max_retries = 0, .once = true};
        struct sqi_ledger *ledger = make(&record, config);
        uint64_t position;
        struct sqi_attempt attempt;

        (void)state;
        take(ledger, tree(ledger, 9, 0xaa, 1000), 0, SQI_ACK_FAIL, 1000);
        tree(ledger, 10, 0xaa, 1000);
        sqi_ledger_lose(ledger, 1001);
        tree(ledger, 11, 0xaa, 1000);
        sqi_ledger_tick(ledger, 60 * second);
        assert_int_equal(record.told[SQI_FAILED], 1);
        assert_int_equal(record.told[SQI_LOST], 1);
        assert_int_equal(record.told[SQI_TIMED_OUT], 1);
        assert_int_equal(record.told[SQI_GIVEN_UP], 0);
        assert_int_equal(sqi_ledger_unfinished(ledger), 0);
        assert_false(sqi_ledger_retry(ledger, 100 * second, &position, &attempt));
        sqi_ledger_free(&ledger);
}

static void
completes_when_every_edge_is_seen_twice(void **state)
{
        struct record record;
        struct sqi_ledger *ledger = make(&record, (struct sqi_ledger_config){.max_pending = 10, .max_retries = -1});
        uint64_t root = tree(ledger, 77, 0xaa ^ 0xbb, 5);

        (void)state;
        take(ledger, root, 0xaa ^ 0xcc, SQI_ACK_XOR, 6); /* consumes aa, creates cc */
        take(ledger, root, 0xcc, SQI_ACK_XOR, 7);
        assert_int_equal(record.told[SQI_COMPLETED], 0);
        take(ledger, root, 0xbb, SQI_ACK_XOR, 8);
        assert_int_equal(record.told[SQI_COMPLETED], 1);
        assert_int_equal(record.position, 77);
        assert_int_equal(record.age_ns, 3);
        assert_int_equal(sqi_ledger_unfinished(ledger), 0);
        sqi_ledger_free(&ledger);
}

static void
acks_may_come_before_the_seal(void **state)
{
        struct record record;
        struct sqi_ledger *ledger = make(&record, (struct sqi_ledger_config){.max_retries = -1});
        uint64_t root;

        (void)state;
        sqi_ledger_open(ledger, 1, (struct sqi_attempt){0}, 0, &root);
        take(ledger, root, 0xaa, SQI_ACK_XOR, 1);
        take(ledger, root, 0xaa, SQI_ACK_XOR, 1); /* zero, but not sealed */
        take(ledger, root, 0xaa, SQI_ACK_XOR, 1);
        assert_int_equal(record.told[SQI_COMPLETED], 0);
        sqi_ledger_seal(ledger, root, 0xaa, 2);
        assert_int_equal(record.told[SQI_COMPLETED], 1);
        sqi_ledger_free(&ledger);
}

static void
a_tree_without_edges_is_complete(void **state)
{
        struct record record;
        struct sqi_ledger *ledger = make(&record, (struct sqi_ledger_config){.max_retries = -1});

        (void)state;
        tree(ledger, 1, 0, 0);
        assert_int_equal(record.told[SQI_COMPLETED], 1);
        sqi_ledger_free(&ledger);
}

static void
a_failed_tree_comes_back_after_its_delay(void **state)
{
        struct record record;
        struct sqi_ledger *ledger = make(&record, (struct sqi_ledger_config){.max_retries = 2, .retry_delay_ns = 100});
        uint64_t position, now_ns = 1000;
        struct sqi_attempt attempt;

        (void)state;
        take(ledger, tree(ledger, 9, 0xaa, now_ns), 0, SQI_ACK_FAIL, now_ns);
        for (uint32_t retry = 1; retry <= 2; retry++) {
                uint64_t root, delay = retry == 1 ? 100 : 200;
                assert_false(sqi_ledger_retry(ledger, now_ns + delay - 1, &position, &attempt));
                assert_int_equal(sqi_ledger_next(ledger), now_ns + delay);
                now_ns += delay;
                assert_true(sqi_ledger_retry(ledger, now_ns, &position, &attempt));
                assert_int_equal(position, 9);
                assert_int_equal(attempt.failures, retry);
                sqi_ledger_open(ledger, position, attempt, now_ns, &root);
                sqi_ledger_seal(ledger, root, 0xbb, now_ns);
                take(ledger, root, 0, SQI_ACK_FAIL, now_ns);
        }
        assert_int_equal(record.told[SQI_GIVEN_UP], 1);
        assert_int_equal(sqi_ledger_unfinished(ledger), 0);
        sqi_ledger_free(&ledger);
}

static void
forget_retries(struct sqi_ledger *ledger)
{
        uint64_t position;
        struct sqi_attempt attempt;

        while (sqi_ledger_retry(ledger, UINT64_MAX, &position, &attempt))
                ;
}

/* Lets time pass to `until`, looking at each step of the ledger's. */
static void
pass_time(struct sqi_ledger *ledger, const struct record *record, uint64_t until)
{
        for (uint64_t next; (next = sqi_ledger_next(ledger)) <= until; forget_retries(ledger)) {
                int before = record->told[SQI_TIMED_OUT];
                sqi_ledger_tick(ledger, next);
                if (record->told[SQI_TIMED_OUT] == before)
                        continue;
                assert_true(record->age_ns >= 30 * second);
                assert_true(record->age_ns <= 33 * second);
        }
}

static void
only_a_failed_verdict_is_an_attempt(void **state)
{
        struct record record = {0};
        struct sqi_ledger *ledger = make(&record, (struct sqi_ledger_config){.max_retries = 1, .timeout_ns = 100});
        struct sqi_attempt attempt = {0};
        uint64_t position = 7, root, now = 1000;

        (void)state;
        for (int i = 0; i < 40; i++, now += 1000) {
                assert_int_equal(sqi_ledger_open(ledger, position, attempt, now, &root), 0);
                sqi_ledger_seal(ledger, root, 1, now);
                if (i % 2)
                        sqi_ledger_take(ledger, &(struct sqi_ack){.root = root, .op = SQI_ACK_LATER}, now);
                else
                        sqi_ledger_tick(ledger, now + 500);
                assert_true(sqi_ledger_retry(ledger, now + 900, &position, &attempt));
        }
        assert_int_equal(record.told[SQI_GIVEN_UP], 0);
        for (int i = 0; i < 2; i++) {
                assert_int_equal(sqi_ledger_open(ledger, position, attempt, now, &root), 0);
                sqi_ledger_seal(ledger, root, 1, now);
                sqi_ledger_take(ledger, &(struct sqi_ack){.root = root, .op = SQI_ACK_FAIL}, now);
                assert_int_equal(sqi_ledger_retry(ledger, now + 900, &position, &attempt), i == 0);
        }
        assert_int_equal(record.told[SQI_GIVEN_UP], 1);
        sqi_ledger_free(&ledger);
}

static void
the_timeout_is_precise_to_a_tenth(void **state)
{
        struct record record;
        struct sqi_ledger *ledger = make(&record,
                                         (struct sqi_ledger_config){.max_retries = -1, .max_pending = 1u << 20});
        uint64_t start = 123456789012345;

        (void)state;
        sqi_ledger_tick(ledger, start);
        for (uint64_t i = 0; i < 1000; i++) {
                tree(ledger, i, 0xaa, start + i * second / 7);
                pass_time(ledger, &record, start + i * second / 7);
        }
        pass_time(ledger, &record, start + 1000 * second);
        assert_int_equal(record.told[SQI_TIMED_OUT], 1000);
        sqi_ledger_free(&ledger);
}

static void
a_reset_starts_the_timeout_anew(void **state)
{
        struct record record;
        struct sqi_ledger *ledger = make(&record, (struct sqi_ledger_config){.max_retries = -1});
        uint64_t root = tree(ledger, 1, 0xaa, 100 * second);

        (void)state;
        take(ledger, root, 0, SQI_ACK_RESET, 120 * second);
        sqi_ledger_tick(ledger, 135 * second);
        assert_int_equal(record.told[SQI_TIMED_OUT], 0);
        sqi_ledger_tick(ledger, 153 * second);
        assert_int_equal(record.told[SQI_TIMED_OUT], 1);
        sqi_ledger_free(&ledger);
}

static void
a_lost_task_fails_all_at_once_and_costs_no_attempt(void **state)
{
        struct record record;
        struct sqi_ledger *ledger = make(&record, (struct sqi_ledger_config){.max_retries = 0, .max_pending = 1000});
        uint64_t position;
        struct sqi_attempt attempt;

        (void)state;
        for (uint64_t i = 0; i < 500; i++)
                tree(ledger, i, 0xaa, 7);
        sqi_ledger_lose(ledger, 9);
        assert_int_equal(record.told[SQI_LOST], 500);
        assert_int_equal(record.told[SQI_GIVEN_UP], 0);
        for (int i = 0; i < 500; i++) {
                assert_true(sqi_ledger_retry(ledger, 9, &position, &attempt));
                assert_int_equal(attempt.failures, 0);
        }
        assert_false(sqi_ledger_retry(ledger, UINT64_MAX, &position, &attempt));
        sqi_ledger_free(&ledger);
}

/* A bolt that dies of some positions, whatever else it is doing: all that is in flight is lost with it. */
struct deadly {
        uint64_t seed;
        struct sqi_ledger *ledger;
        uint64_t roots[512], positions[512];
        size_t n;
        bool done[2000];
        int completed, given_up, deaths;
};

static bool
kills(uint64_t position)
{
        return position % 700 == 350;
}

static void
see_deadly(void *context, enum sqi_tree_outcome outcome, uint64_t position, uint64_t age_ns)
{
        struct deadly *deadly = context;

        (void)age_ns;
        if (outcome != SQI_COMPLETED && outcome != SQI_GIVEN_UP)
                return;
        assert_false(deadly->done[position]);
        assert_true(kills(position) == (outcome == SQI_GIVEN_UP));
        deadly->done[position] = true;
        *(outcome == SQI_COMPLETED ? &deadly->completed : &deadly->given_up) += 1;
}

static void
send_deadly(struct deadly *deadly, uint64_t position, struct sqi_attempt attempt, uint64_t now_ns)
{
        uint64_t root;

        assert_int_equal(sqi_ledger_open(deadly->ledger, position, attempt, now_ns, &root), 0);
        sqi_ledger_seal(deadly->ledger, root, 0xaa, now_ns);
        deadly->positions[deadly->n] = position;
        deadly->roots[deadly->n++] = root;
}

/* Delivers one of those in flight. */
static void
deliver_deadly(struct deadly *deadly, uint64_t now_ns)
{
        deadly->seed = sq_mix(deadly->seed + 1);
        size_t i = deadly->seed % deadly->n;
        uint64_t position = deadly->positions[i], root = deadly->roots[i];

        deadly->n--;
        deadly->positions[i] = deadly->positions[deadly->n];
        deadly->roots[i] = deadly->roots[deadly->n];
        if (!kills(position)) {
                take(deadly->ledger, root, 0xaa, SQI_ACK_XOR, now_ns);
                return;
        }
        deadly->deaths++;
        deadly->n = 0;
        sqi_ledger_lose(deadly->ledger, now_ns);
}

static void
a_tuple_that_kills_is_found_and_nothing_else_is_given_up(void **state)
{
        (void)state;
        for (uint64_t seed = 1; seed <= 200; seed++) {
                struct deadly deadly = {.seed = seed};
                struct sqi_ledger_config config = {.task = 3,
                                                   .first = seed,
                                                   .timeout_ns = 30 * second,
                                                   .max_pending = 1 + seed * 7 % 500,
                                                   .max_retries = 2,
                                                   .retry_delay_ns = 1000};
                uint64_t now_ns = second, next = 0, position;
                struct sqi_attempt attempt;
                deadly.ledger = sqi_ledger_new(&config, see_deadly, &deadly);
                while (deadly.completed + deadly.given_up < 2000) {
                        now_ns += 100;
                        while (sqi_ledger_retry(deadly.ledger, now_ns, &position, &attempt))
                                send_deadly(&deadly, position, attempt, now_ns);
                        while (next < 2000 && !sqi_ledger_is_full(deadly.ledger))
                                send_deadly(&deadly, next++, (struct sqi_attempt){0}, now_ns);
                        if (deadly.n)
                                deliver_deadly(&deadly, now_ns);
                }
                assert_int_equal(deadly.given_up, 3);
                assert_true(deadly.deaths <= 3 * 16);
                sqi_ledger_free(&deadly.ledger);
        }
}

static void
a_flood_of_failures_holds_the_spout_back(void **state)
{
        struct record record;
        struct sqi_ledger *ledger = make(
                &record,
                (struct sqi_ledger_config){.max_retries = -1, .max_pending = 1000, .retry_delay_ns = 30 * second});
        uint64_t n = 0;

        (void)state;
        for (; n < 4 * SQI_LEDGER_WAITING_MAX && !sqi_ledger_is_full(ledger); n++)
                take(ledger, tree(ledger, n, 0xaa, 5), 0, SQI_ACK_FAIL, 5);
        assert_int_equal(n, SQI_LEDGER_WAITING_MAX);
        assert_int_equal(sqi_ledger_room(ledger), 0);
        sqi_ledger_free(&ledger);
}

/* A bolt that acks nothing before it has a thousand, as a batched write or a window does. */
static void
the_adaptive_limit_does_not_count_what_bolts_keep(void **state)
{
        struct record record;
        struct sqi_ledger *ledger = make(&record, (struct sqi_ledger_config){.max_retries = -1});
        uint64_t roots[1000];

        (void)state;
        for (int round = 0; round < 3; round++) {
                for (size_t n = 0; n < 1000; n++) {
                        assert_false(sqi_ledger_is_full(ledger));
                        roots[n] = tree(ledger, n, 0xaa ^ n << 8, second);
                        take(ledger, roots[n], 0xaa ^ n << 8, SQI_ACK_KEPT, second);
                }
                assert_int_equal(sqi_ledger_pending(ledger), 1000);
                for (size_t n = 0; n < 1000; n++) {
                        take(ledger, roots[n], 0xaa ^ n << 8, SQI_ACK_KEPT, 20 * second);
                        take(ledger, roots[n], 0xaa ^ n << 8, SQI_ACK_XOR, 20 * second);
                }
                assert_int_equal(sqi_ledger_unfinished(ledger), 0);
        }
        assert_int_equal(record.told[SQI_COMPLETED], 3000);
        sqi_ledger_free(&ledger);
}

static void
a_tree_counts_again_while_anything_of_it_is_not_kept(void **state)
{
        struct record record;
        struct sqi_ledger *ledger = make(&record, (struct sqi_ledger_config){.max_retries = -1});
        size_t before = sqi_ledger_room(ledger);
        uint64_t root = tree(ledger, 1, 0xaa ^ 0xbb, 0);

        (void)state;
        take(ledger, root, 0xaa, SQI_ACK_KEPT, 1);
        assert_int_equal(sqi_ledger_room(ledger), before - 1);
        take(ledger, root, 0xbb, SQI_ACK_KEPT, 2);
        assert_int_equal(sqi_ledger_room(ledger), before);
        take(ledger, root, 0xaa, SQI_ACK_KEPT, 3);
        assert_int_equal(sqi_ledger_room(ledger), before - 1);
        take(ledger, root, 0xaa, SQI_ACK_XOR, 3);
        assert_int_equal(sqi_ledger_room(ledger), before);
        take(ledger, root, 0xbb ^ 0xcc, SQI_ACK_XOR, 4); /* acked with a child, its word of keeping not yet here */
        assert_int_equal(sqi_ledger_room(ledger), before - 1);
        take(ledger, root, 0xbb, SQI_ACK_KEPT, 4);
        take(ledger, root, 0xcc, SQI_ACK_XOR, 5);
        assert_int_equal(record.told[SQI_COMPLETED], 1);
        assert_int_equal(sqi_ledger_room(ledger), before);
        sqi_ledger_free(&ledger);
}

static void
a_limit_that_was_set_counts_what_bolts_keep(void **state)
{
        struct record record;
        struct sqi_ledger *ledger = make(&record, (struct sqi_ledger_config){.max_retries = -1, .max_pending = 2});

        (void)state;
        for (uint64_t n = 1; n <= 2; n++)
                take(ledger, tree(ledger, n, n, 0), n, SQI_ACK_KEPT, 1);
        assert_true(sqi_ledger_is_full(ledger));
        sqi_ledger_free(&ledger);
}

static void
a_drain_does_not_wait_out_the_delays(void **state)
{
        struct record record;
        struct sqi_ledger *ledger = make(
                &record, (struct sqi_ledger_config){.max_retries = -1, .max_pending = 100, .retry_delay_ns = second});
        uint64_t position;
        struct sqi_attempt attempt;

        (void)state;
        for (uint64_t i = 0; i < 50; i++)
                take(ledger, tree(ledger, (i * 7) % 50, 0xaa, i), 0, SQI_ACK_FAIL, i);
        sqi_ledger_hurry(ledger, 100);
        for (uint64_t i = 0; i < 50; i++) {
                assert_true(sqi_ledger_retry(ledger, 100, &position, &attempt));
                assert_int_equal(position, i);
        }
        sqi_ledger_free(&ledger);
}

static void
records_of_strangers_change_nothing(void **state)
{
        struct record record;
        struct sqi_ledger *ledger = make(&record, (struct sqi_ledger_config){.max_retries = -1});
        uint64_t root = tree(ledger, 1, 0xaa, 0);

        (void)state;
        take(ledger, root + 1, 0xaa, SQI_ACK_XOR, 1);
        take(ledger, SQI_ROOT(4, root), 0xaa, SQI_ACK_XOR, 1);
        take(ledger, SQI_ROOT(3, 0), 0xaa, SQI_ACK_FAIL, 1);
        take(ledger, root, 0xaa, (enum sqi_ack_op)99, 1);
        assert_int_equal(sqi_ledger_pending(ledger), 1);
        assert_int_equal(record.told[SQI_COMPLETED] + record.told[SQI_FAILED], 0);
        sqi_ledger_free(&ledger);
}

static void
the_adaptive_limit_opens_for_the_fast_and_shrinks_for_the_slow(void **state)
{
        struct record record;
        struct sqi_ledger *ledger = make(&record, (struct sqi_ledger_config){.max_retries = -1});
        uint64_t roots[70000], now_ns = second;

        (void)state;
        for (int round = 0; round < 13; round++) {
                size_t n = 0;
                while (n < 70000 && !sqi_ledger_is_full(ledger))
                        roots[n] = tree(ledger, n, 0xaa, now_ns), n++;
                now_ns += second / 1000;
                for (size_t i = 0; i < n; i++)
                        take(ledger, roots[i], 0xaa, SQI_ACK_XOR, now_ns);
        }
        assert_true(sqi_ledger_limit(ledger) >= 65536);
        for (int round = 0; round < 40; round++) { /* a consumer of 100 tuples a second */
                size_t n = 0;
                while (n < 70000 && !sqi_ledger_is_full(ledger))
                        roots[n] = tree(ledger, n, 0xaa, now_ns), n++;
                for (size_t i = 0; i < n; i++) {
                        now_ns += second / 100;
                        sqi_ledger_tick(ledger, now_ns);
                        take(ledger, roots[i], 0xaa, SQI_ACK_XOR, now_ns);
                }
                forget_retries(ledger);
        }
        assert_true(sqi_ledger_limit(ledger) < 1000);
        assert_true(sqi_ledger_limit(ledger) >= 100);
        sqi_ledger_free(&ledger);
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(tells_of_a_failure_once_where_nothing_is_emitted_again),
                cmocka_unit_test(completes_when_every_edge_is_seen_twice),
                cmocka_unit_test(acks_may_come_before_the_seal),
                cmocka_unit_test(a_tree_without_edges_is_complete),
                cmocka_unit_test(a_failed_tree_comes_back_after_its_delay),
                cmocka_unit_test(the_timeout_is_precise_to_a_tenth),
                cmocka_unit_test(a_reset_starts_the_timeout_anew),
                cmocka_unit_test(a_lost_task_fails_all_at_once_and_costs_no_attempt),
                cmocka_unit_test(a_tuple_that_kills_is_found_and_nothing_else_is_given_up),
                cmocka_unit_test(only_a_failed_verdict_is_an_attempt),
                cmocka_unit_test(a_flood_of_failures_holds_the_spout_back),
                cmocka_unit_test(the_adaptive_limit_does_not_count_what_bolts_keep),
                cmocka_unit_test(a_tree_counts_again_while_anything_of_it_is_not_kept),
                cmocka_unit_test(a_limit_that_was_set_counts_what_bolts_keep),
                cmocka_unit_test(a_drain_does_not_wait_out_the_delays),
                cmocka_unit_test(records_of_strangers_change_nothing),
                cmocka_unit_test(the_adaptive_limit_opens_for_the_fast_and_shrinks_for_the_slow),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}

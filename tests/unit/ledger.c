/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ledger: its rules one by one, then a simulated topology around it. The simulation runs seeded schedules of emits,
 * deliveries in any order, splits into children, fails, kept tuples, lost tasks and jumps of time, and checks after
 * every step what must always hold. SQUALL_SIM_SCHEDULES sets how many (default 100,000); SQUALL_SIM_SEED runs one
 * again.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "task/ledger.h"

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

/* ---- the simulation ---------------------------------------------------------------------------------- */

enum { POSITIONS = 24, WIRES = 512 };

/* A tuple on its way to a simulated bolt. */
struct wire {
        uint64_t root, id;
        int position, generation, depth;
        bool kept;
};

/* What the world knows of a position, independent of the ledger. */
struct message {
        int generation;  /* of the tree in flight */
        int outstanding; /* tuples on wires */
        bool done;
};

struct world {
        uint64_t seed, now_ns, next_id;
        struct sqi_ledger *ledger;
        struct message messages[POSITIONS];
        struct wire wires[WIRES];
        int nwires, emitted, completed, given_up;
};

static uint64_t
draw(struct world *world, uint64_t n)
{
        world->seed = sq_mix(world->seed + 0x9e3779b97f4a7c15ull);
        return world->seed % n;
}

static void
see(void *context, enum sqi_tree_outcome outcome, uint64_t position, uint64_t age_ns)
{
        struct world *world = context;
        struct message *message = &world->messages[position];

        (void)age_ns;
        switch (outcome) {
        case SQI_COMPLETED:
                assert_false(message->done);
                assert_int_equal(message->outstanding, 0); /* never while a tuple of this tree is under way */
                message->done = true;
                world->completed++;
                break;
        case SQI_GIVEN_UP:
                assert_false(message->done);
                message->done = true;
                world->given_up++;
                break;
        case SQI_FAILED:
        case SQI_TIMED_OUT:
        case SQI_LOST:
                message->generation++; /* what is still on the wires belongs to a dead tree */
                message->outstanding = 0;
                break;
        }
}

static uint64_t
send_wire(struct world *world, uint64_t root, int position, int depth)
{
        uint64_t id = sqi_edge_id(42, world->next_id++);

        world->wires[world->nwires++] = (struct wire){root,  id,   position, world->messages[position].generation,
                                                      depth, false};
        world->messages[position].outstanding++;
        return id;
}

static void
emit(struct world *world, int position, struct sqi_attempt attempt)
{
        uint64_t root, edges = 0;

        assert_int_equal(sqi_ledger_open(world->ledger, (uint64_t)position, attempt, world->now_ns, &root), 0);
        for (uint64_t n = draw(world, 4); n > 0 && world->nwires < WIRES / 2; n--)
                edges ^= send_wire(world, root, position, 0);
        sqi_ledger_seal(world->ledger, root, edges, world->now_ns);
}

/* A bolt executes a tuple, in any order: acks with children, fails, keeps it for another time, or loses it. */
static void
deliver(struct world *world)
{
        uint64_t which = draw(world, (uint64_t)world->nwires), fate = draw(world, 40), value;
        struct wire wire = world->wires[which];
        bool alive;

        world->wires[which] = world->wires[--world->nwires];
        alive = wire.generation == world->messages[wire.position].generation && !world->messages[wire.position].done;
        if (fate == 0)
                return; /* lost on the way: the timeout's business */
        if (fate == 1) {
                take(world->ledger, wire.root, 0, SQI_ACK_FAIL, world->now_ns);
                return;
        }
        if (wire.kept || fate < 6)
                take(world->ledger, wire.root, wire.id, SQI_ACK_KEPT, world->now_ns);
        if (!wire.kept && fate < 6) {
                wire.kept = true;
                world->wires[world->nwires++] = wire;
                return;
        }
        value = wire.id;
        for (uint64_t n = wire.depth < 3 ? draw(world, 3) : 0; n > 0 && alive && world->nwires < WIRES / 2; n--)
                value ^= send_wire(world, wire.root, wire.position, wire.depth + 1);
        if (alive)
                world->messages[wire.position].outstanding--;
        take(world->ledger, wire.root, value, SQI_ACK_XOR, world->now_ns);
}

static void
retry_due(struct world *world)
{
        uint64_t position;
        struct sqi_attempt attempt;

        while (sqi_ledger_retry(world->ledger, world->now_ns, &position, &attempt))
                emit(world, (int)position, attempt);
}

static void
step(struct world *world)
{
        uint64_t what = draw(world, 100);

        world->now_ns += draw(world, second / 100);
        if (what < 30 && world->emitted < POSITIONS && !sqi_ledger_is_full(world->ledger))
                emit(world, world->emitted++, (struct sqi_attempt){0});
        else if (what < 92 && world->nwires)
                deliver(world);
        else if (what < 94)
                sqi_ledger_lose(world->ledger, world->now_ns);
        else if (what < 96)
                world->now_ns += draw(world, 40 * second);
        if (world->now_ns >= sqi_ledger_next(world->ledger))
                sqi_ledger_tick(world->ledger, world->now_ns);
        retry_due(world);
}

/* Every position below the low one is done; the ledger's numbers agree with the world's. */
static void
check(struct world *world)
{
        uint64_t low = sqi_ledger_low(world->ledger, (uint64_t)world->emitted);
        int unfinished = 0;

        for (int i = 0; i < world->emitted; i++) {
                assert_true(world->messages[i].done || (uint64_t)i >= low);
                unfinished += !world->messages[i].done;
        }
        assert_int_equal(sqi_ledger_unfinished(world->ledger), unfinished);
        assert_int_equal(world->completed + world->given_up + unfinished, world->emitted);
}

static void
run_schedule(uint64_t seed)
{
        struct world world = {.seed = seed, .now_ns = second};
        struct sqi_ledger_config config = {
                .task = 3,
                .first = seed,
                .timeout_ns = 30 * second,
                .max_pending = seed % 3 ? 1 + seed % 7 : 0,
                .max_retries = seed % 2 ? 3 : -1,
                .retry_delay_ns = second / 10,
        };

        world.ledger = sqi_ledger_new(&config, see, &world);
        assert_non_null(world.ledger);
        for (int i = 0; i < 150; i++) {
                step(&world);
                check(&world);
        }
        for (int i = 0; i < 100000 && (sqi_ledger_unfinished(world.ledger) || world.emitted < POSITIONS); i++) {
                step(&world);
                if (world.nwires == 0)
                        world.now_ns += second;
        }
        check(&world);
        assert_int_equal(world.completed + world.given_up, POSITIONS);
        if (config.max_retries < 0)
                assert_int_equal(world.given_up, 0);
        sqi_ledger_free(&world.ledger);
}

static uint64_t
setting(const char *name, uint64_t fallback)
{
        const char *text = getenv(name);

        return text ? strtoull(text, NULL, 0) : fallback;
}

static void
nothing_is_lost_and_nothing_completes_early_in_any_schedule(void **state)
{
        uint64_t only = setting("SQUALL_SIM_SEED", 0), n = setting("SQUALL_SIM_SCHEDULES", 100000);

        (void)state;
        for (uint64_t seed = only ? only : 1; seed <= (only ? only : n); seed++) {
                char text[64];
                snprintf(text, sizeof(text), "%llu", (unsigned long long)seed);
                setenv("SQUALL_SIM_LAST_SEED", text, 1); /* in the core dump and under gdb: the schedule that broke */
                run_schedule(seed);
        }
        print_message("%llu schedules; run one again with SQUALL_SIM_SEED=N\n", (unsigned long long)(only ? 1 : n));
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
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
                cmocka_unit_test(nothing_is_lost_and_nothing_completes_early_in_any_schedule),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}

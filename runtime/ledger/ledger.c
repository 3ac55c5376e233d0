/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/ledger.h"

#include <errno.h>
#include <stdlib.h>

#include "ledger/flow.h"
#include "ledger/retries.h"
#include "ledger/search.h"

/* Did a bolt fail the tree: for the tuple's sake, which is an attempt, or for now? */
enum failed { NOT_FAILED, FAILED, FAILED_FOR_NOW };

/* A tree in flight. `number` 0 marks a free place; root numbers begin at 1. */
struct tree {
        uint64_t number;
        uint64_t state; /* XOR of all edge ids seen */
        uint64_t kept;  /* XOR of those that bolts keep */
        uint64_t position;
        uint64_t opened_ns;
        uint64_t slot; /* of time, in which it was opened or its timeout began anew */
        struct sqi_attempt attempt;
        bool sealed;    /* before it is, a zero state means nothing */
        uint8_t failed; /* enum failed: a record failed it before it was sealed */
        bool parked;    /* all that is left of it is kept by bolts */
        bool passed;    /* it was parked once: its way through the queues has been counted */
};

enum { FIRST_CAPACITY = 64 };

struct sqi_ledger {
        struct sqi_ledger_config config;
        sqi_ledger_told *told;
        void *context;
        struct tree *trees;
        size_t capacity, pending, parked;
        uint64_t number; /* of the next root */
        uint64_t slot_ns;
        uint64_t slot; /* the oldest that may still hold trees */
        uint32_t live[SQI_LEDGER_SLOTS];
        struct sqi_retry *retries;
        size_t nretries, retries_capacity;
        struct sqi_flow flow;
        struct sqi_search search;
};

static const uint64_t number_mask = (1ull << SQI_ROOT_BITS) - 1;

struct sqi_ledger *
sqi_ledger_new(const struct sqi_ledger_config *config, sqi_ledger_told *told, void *context)
{
        struct sqi_ledger *ledger = calloc(1, sizeof(*ledger));

        if (!ledger)
                return NULL;
        ledger->config = *config;
        ledger->told = told;
        ledger->context = context;
        ledger->number = config->first & number_mask;
        ledger->slot_ns = config->timeout_ns / (SQI_LEDGER_SLOTS / 2);
        if (ledger->slot_ns == 0)
                ledger->slot_ns = 1;
        ledger->capacity = FIRST_CAPACITY;
        ledger->trees = calloc(ledger->capacity, sizeof(*ledger->trees));
        sqi_flow_begin(&ledger->flow, config->max_pending, config->timeout_ns, config->steady);
        if (!ledger->trees)
                sqi_ledger_free(&ledger);
        return ledger;
}

void
sqi_ledger_free(struct sqi_ledger **ledger)
{
        if (!*ledger)
                return;
        free((*ledger)->trees);
        free((*ledger)->retries);
        free(*ledger);
        *ledger = NULL;
}

/* How far a tree stands from the place that its number addresses. */
static inline size_t
distance(size_t capacity, size_t at, uint64_t number)
{
        return (at - number) & (capacity - 1);
}

/*
 * Robin Hood hashing (P. Celis, 1986): on its way a tree takes the place of any that stands nearer to its own home. So
 * a search may end at the first tree that is nearer than the one looked for would be, and an erased place is filled by
 * moving back only the trees behind it that are away from home: none, in the common case of numbers in a row.
 */
static struct tree *
find(const struct sqi_ledger *ledger, uint64_t number)
{
        size_t mask = ledger->capacity - 1, at = number & mask;

        for (size_t away = 0; ledger->trees[at].number; at = (at + 1) & mask, away++) {
                if (ledger->trees[at].number == number)
                        return &ledger->trees[at];
                if (distance(ledger->capacity, at, ledger->trees[at].number) < away)
                        break;
        }
        return NULL;
}

static void
insert(struct tree *trees, size_t capacity, struct tree tree)
{
        size_t at = tree.number & (capacity - 1);

        for (; trees[at].number; at = (at + 1) & (capacity - 1)) {
                if (distance(capacity, at, trees[at].number) < distance(capacity, at, tree.number)) {
                        struct tree moved = trees[at];
                        trees[at] = tree;
                        tree = moved;
                }
        }
        trees[at] = tree;
}

static int
grow(struct sqi_ledger *ledger)
{
        size_t capacity = ledger->capacity * 2;
        struct tree *trees = calloc(capacity, sizeof(*trees));

        if (!trees)
                return -ENOMEM;
        for (size_t i = 0; i < ledger->capacity; i++)
                if (ledger->trees[i].number)
                        insert(trees, capacity, ledger->trees[i]);
        free(ledger->trees);
        ledger->trees = trees;
        ledger->capacity = capacity;
        return 0;
}

static void
erase(struct sqi_ledger *ledger, struct tree *tree)
{
        size_t mask = ledger->capacity - 1, hole = (size_t)(tree - ledger->trees), next = (hole + 1) & mask;

        ledger->live[tree->slot % SQI_LEDGER_SLOTS]--;
        ledger->pending--;
        ledger->parked -= tree->parked;
        while (ledger->trees[next].number && distance(ledger->capacity, next, ledger->trees[next].number)) {
                ledger->trees[hole] = ledger->trees[next];
                hole = next;
                next = (next + 1) & mask;
        }
        ledger->trees[hole].number = 0;
}

/* Room for as many retries as there will be trees unfinished, so that failing a tree never needs memory. */
static int
reserve_retry(struct sqi_ledger *ledger)
{
        size_t need = ledger->nretries + ledger->pending + 1;

        if (need <= ledger->retries_capacity)
                return 0;
        struct sqi_retry *retries = realloc(ledger->retries, 2 * need * sizeof(*retries));
        if (!retries)
                return -ENOMEM;
        ledger->retries = retries;
        ledger->retries_capacity = 2 * need;
        return 0;
}

/* Trees of which something is in a queue or in a bolt's hands; the others wait for what bolts keep. */
static inline size_t
under_way(const struct sqi_ledger *ledger)
{
        return ledger->pending - ledger->parked;
}

int
sqi_ledger_open(struct sqi_ledger *ledger, uint64_t position, struct sqi_attempt attempt, uint64_t now_ns,
                uint64_t *ret_root)
{
        if ((ledger->pending * 2 >= ledger->capacity && grow(ledger) < 0) || reserve_retry(ledger) < 0)
                return -ENOMEM;
        ledger->number = (ledger->number + 1) & number_mask;
        if (ledger->number == 0)
                ledger->number = 1;
        attempt.alone = attempt.alone && under_way(ledger) == 0;
        if (attempt.alone)
                ledger->search.trial = true;
        struct tree tree = {
                .number = ledger->number,
                .position = position,
                .opened_ns = now_ns,
                .attempt = attempt,
                .slot = now_ns / ledger->slot_ns,
        };
        insert(ledger->trees, ledger->capacity, tree);
        ledger->live[tree.slot % SQI_LEDGER_SLOTS]++;
        ledger->pending++;
        *ret_root = SQI_ROOT(ledger->config.task, ledger->number);
        return 0;
}

/* ---- retries ----------------------------------------------------------------------------------------- */

static uint64_t
delay(const struct sqi_ledger *ledger, const struct sqi_attempt *attempt)
{
        uint64_t failures = (uint64_t)attempt->failures + attempt->waits, ns = ledger->config.retry_delay_ns;

        while (failures-- && ns < SQI_RETRY_DELAY_MAX)
                ns *= 2;
        return ns < SQI_RETRY_DELAY_MAX ? ns : SQI_RETRY_DELAY_MAX;
}

/* ---- outcomes ---------------------------------------------------------------------------------------- */

/* How many more trees may be under way now. */
static size_t
room(const struct sqi_ledger *ledger)
{
        const struct sqi_search *search = &ledger->search;
        uint64_t limit = ledger->flow.limit, n = ledger->config.max_pending ? ledger->pending : under_way(ledger);

        if (search->trial || search->waiting_ns || (!ledger->config.max_pending && ledger->pending >= SQI_FLOW_MAX))
                return 0;
        if (search->window && search->window < limit) {
                limit = search->window;
                n = under_way(ledger);
        }
        return n < limit ? (size_t)(limit - n) : 0;
}

/* With jitter: another spout may be looking for its own. */
static uint64_t
delay_of_killer(const struct sqi_ledger *ledger, struct sqi_retry *retry, uint64_t now_ns)
{
        uint64_t ns = delay(ledger, &retry->attempt);

        retry->attempt.failures++;
        return ns / 2 + sq_mix(retry->position ^ now_ns) % (ns + 1);
}

static bool
is_spent(const struct sqi_ledger *ledger, const struct sqi_attempt *attempt)
{
        return ledger->config.max_retries >= 0 && attempt->failures > ledger->config.max_retries;
}

static void
wait_for_retry(struct sqi_ledger *ledger, struct sqi_retry retry)
{
        ledger->retries[ledger->nretries++] = retry;
        if (!ledger->search.losing)
                sqi_retries_rise(ledger->retries, ledger->nretries - 1);
}

static void
finish(struct sqi_ledger *ledger, struct tree *tree, enum sqi_tree_outcome outcome, uint64_t now_ns)
{
        struct sqi_retry retry = {now_ns, tree->position, tree->attempt};
        uint64_t age_ns = now_ns > tree->opened_ns ? now_ns - tree->opened_ns : 0;
        bool counts = outcome == SQI_LOST ? tree->attempt.alone : outcome == SQI_FAILED && tree->failed == FAILED;
        bool passed = tree->passed, parked = tree->parked;

        if (tree->attempt.alone)
                ledger->search.trial = false;
        erase(ledger, tree);
        passed = passed || outcome == SQI_LOST; /* that says nothing of the queues */
        if (!passed)
                sqi_flow_count(&ledger->flow, outcome == SQI_TIMED_OUT, age_ns);
        ledger->told(ledger->context, outcome, retry.position, age_ns);
        if (!passed)
                sqi_search_pass(&ledger->search, ledger->flow.limit);
        if (outcome == SQI_COMPLETED || ledger->config.once)
                return;
        if (outcome == SQI_LOST) {
                if (sqi_search_lose(&ledger->search, &retry.attempt, parked))
                        retry.due_ns += delay_of_killer(ledger, &retry, now_ns);
        } else {
                retry.due_ns += delay(ledger, &retry.attempt);
                retry.attempt.losses = 0;
                retry.attempt.alone = false;
                if (counts)
                        retry.attempt.failures++;
                else if (retry.attempt.waits < UINT8_MAX)
                        retry.attempt.waits++;
        }
        if (counts && is_spent(ledger, &retry.attempt))
                ledger->told(ledger->context, SQI_GIVEN_UP, retry.position, age_ns);
        else
                wait_for_retry(ledger, retry);
}

/*
 * A tree of which all that is left is kept by bolts is in nobody's way: it takes no room from others, which may be just
 * what a bolt waits for, and how old it grows says nothing of the queues.
 */
static void
look_at_kept(struct sqi_ledger *ledger, struct tree *tree, uint64_t now_ns)
{
        bool parked = tree->sealed && tree->kept && tree->state == tree->kept;

        if (parked == tree->parked)
                return;
        tree->parked = parked;
        ledger->parked += parked ? 1 : (size_t)-1;
        if (!parked || tree->passed)
                return;
        tree->passed = true;
        if (tree->attempt.alone)
                ledger->search.trial = tree->attempt.alone = false;
        sqi_flow_count(&ledger->flow, false, now_ns > tree->opened_ns ? now_ns - tree->opened_ns : 0);
        sqi_search_pass(&ledger->search, ledger->flow.limit);
}

void
sqi_ledger_seal(struct sqi_ledger *ledger, uint64_t root, uint64_t edges, uint64_t now_ns)
{
        struct tree *tree = find(ledger, root & number_mask);

        if (!tree)
                return;
        tree->sealed = true;
        tree->state ^= edges;
        if (tree->failed)
                finish(ledger, tree, SQI_FAILED, now_ns);
        else if (tree->state == 0)
                finish(ledger, tree, SQI_COMPLETED, now_ns);
        else
                look_at_kept(ledger, tree, now_ns);
}

static void
reset_timeout(struct sqi_ledger *ledger, struct tree *tree, uint64_t now_ns)
{
        ledger->live[tree->slot % SQI_LEDGER_SLOTS]--;
        tree->slot = now_ns / ledger->slot_ns;
        ledger->live[tree->slot % SQI_LEDGER_SLOTS]++;
}

void
sqi_ledger_take(struct sqi_ledger *ledger, const struct sqi_ack *ack, uint64_t now_ns)
{
        if (SQI_ROOT_TASK(ack->root) != ledger->config.task || (ack->root & number_mask) == 0)
                return;
        struct tree *tree = find(ledger, ack->root & number_mask);
        if (!tree)
                return;
        switch (ack->op) {
        case SQI_ACK_XOR:
                tree->state ^= ack->value;
                if (tree->state == 0 && tree->sealed)
                        finish(ledger, tree, SQI_COMPLETED, now_ns);
                else if (tree->kept)
                        look_at_kept(ledger, tree, now_ns);
                break;
        case SQI_ACK_KEPT:
                tree->kept ^= ack->value;
                look_at_kept(ledger, tree, now_ns);
                break;
        case SQI_ACK_FAIL:
        case SQI_ACK_LATER:
                if (tree->failed != FAILED)
                        tree->failed = ack->op == SQI_ACK_FAIL ? FAILED : FAILED_FOR_NOW;
                if (tree->sealed)
                        finish(ledger, tree, SQI_FAILED, now_ns);
                break;
        case SQI_ACK_RESET:
                reset_timeout(ledger, tree, now_ns);
                break;
        default:
                break;
        }
}

/* Fails every sealed tree of the slots below `due`. Erasing moves trees from further on into the place just looked at,
 * so it is looked at again. */
static void
sweep(struct sqi_ledger *ledger, uint64_t due, enum sqi_tree_outcome outcome, uint64_t now_ns)
{
        for (size_t i = 0; i < ledger->capacity;) {
                struct tree *tree = &ledger->trees[i];
                if (tree->number && tree->sealed && tree->slot < due)
                        finish(ledger, tree, outcome, now_ns);
                else
                        i++;
        }
}

void
sqi_ledger_tick(struct sqi_ledger *ledger, uint64_t now_ns)
{
        uint64_t timeout_ns = ledger->config.timeout_ns, due;
        uint32_t live = 0;

        if (timeout_ns == 0 || now_ns < timeout_ns + ledger->slot_ns)
                return;
        due = (now_ns - timeout_ns) / ledger->slot_ns; /* the slots below this one are over */
        if (ledger->slot + SQI_LEDGER_SLOTS < due)
                ledger->slot = due - SQI_LEDGER_SLOTS;
        for (; ledger->slot < due; ledger->slot++)
                live += ledger->live[ledger->slot % SQI_LEDGER_SLOTS];
        if (live)
                sweep(ledger, due, SQI_TIMED_OUT, now_ns);
}

void
sqi_ledger_lose(struct sqi_ledger *ledger, uint64_t now_ns)
{
        sqi_search_begin(&ledger->search, under_way(ledger), ledger->pending);
        sweep(ledger, UINT64_MAX, SQI_LOST, now_ns);
        sqi_search_end(&ledger->search);
        sqi_retries_order(ledger->retries, ledger->nretries);
}

bool
sqi_ledger_retry(struct sqi_ledger *ledger, uint64_t now_ns, uint64_t *ret_position, struct sqi_attempt *ret_attempt)
{
        struct sqi_search *search = &ledger->search;

        if (ledger->nretries == 0 || ledger->retries[0].due_ns > now_ns || search->trial)
                return false;
        if (ledger->retries[0].attempt.alone && under_way(ledger)) {
                if (!search->waiting_ns)
                        search->waiting_ns = now_ns;
                if (now_ns < search->waiting_ns + SQI_SEARCH_WAIT)
                        return false;
        }
        search->waiting_ns = 0;
        if (under_way(ledger) && room(ledger) == 0)
                return false;
        *ret_position = ledger->retries[0].position;
        *ret_attempt = ledger->retries[0].attempt;
        sqi_retries_pop(ledger->retries, &ledger->nretries);
        return true;
}

void
sqi_ledger_hurry(struct sqi_ledger *ledger, uint64_t now_ns)
{
        for (size_t i = 0; i < ledger->nretries; i++) {
                if (ledger->retries[i].due_ns > now_ns)
                        ledger->retries[i].due_ns = now_ns;
                sqi_retries_rise(ledger->retries, i);
        }
}

/* When a retry may be due: never, while what is in flight has to end first. */
static uint64_t
next_retry(const struct sqi_ledger *ledger)
{
        const struct sqi_search *search = &ledger->search;

        if (ledger->nretries == 0)
                return UINT64_MAX;
        if (under_way(ledger) && search->waiting_ns)
                return search->waiting_ns + SQI_SEARCH_WAIT;
        return under_way(ledger) && room(ledger) == 0 ? UINT64_MAX : ledger->retries[0].due_ns;
}

uint64_t
sqi_ledger_next(const struct sqi_ledger *ledger)
{
        uint64_t next = next_retry(ledger);

        if (ledger->pending && ledger->config.timeout_ns) {
                uint64_t slot = ledger->slot;
                while (slot < ledger->slot + SQI_LEDGER_SLOTS && ledger->live[slot % SQI_LEDGER_SLOTS] == 0)
                        slot++;
                uint64_t due_ns = (slot + 1) * ledger->slot_ns + ledger->config.timeout_ns;
                if (due_ns < next)
                        next = due_ns;
        }
        return next;
}

bool
sqi_ledger_is_full(struct sqi_ledger *ledger)
{
        if (under_way(ledger) >= ledger->flow.limit)
                ledger->flow.was_full = true;
        return sqi_ledger_room(ledger) == 0;
}

size_t
sqi_ledger_room(const struct sqi_ledger *ledger)
{
        return ledger->nretries < SQI_LEDGER_WAITING_MAX ? room(ledger) : 0;
}

size_t
sqi_ledger_pending(const struct sqi_ledger *ledger)
{
        return ledger->pending;
}

size_t
sqi_ledger_unfinished(const struct sqi_ledger *ledger)
{
        return ledger->pending + ledger->nretries;
}

uint64_t
sqi_ledger_limit(const struct sqi_ledger *ledger)
{
        return ledger->flow.limit;
}

uint64_t
sqi_ledger_low(const struct sqi_ledger *ledger, uint64_t next)
{
        uint64_t low = next;

        for (size_t i = 0; i < ledger->capacity; i++)
                if (ledger->trees[i].number && ledger->trees[i].position < low)
                        low = ledger->trees[i].position;
        for (size_t i = 0; i < ledger->nretries; i++)
                if (ledger->retries[i].position < low)
                        low = ledger->retries[i].position;
        return low;
}

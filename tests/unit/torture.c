/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every allocation fails in turn: each deed below is done again and again, the first time with its first allocation
 * failing, then with its second, until one passes without a failure. Each time it must come back with an error, or
 * none, and leave nothing allocated.
 *
 * malloc and its kin are this file's own, around glibc's. A sanitizer has its own, so there is nothing to test with
 * one.
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
#include <squall-kit.h>

#include "control/message.h"
#include "ledger/ledger.h"
#include "plan/plan.h"
#include "state/keyed.h"
#include "tuple/batch.h"
#include "tuple/frame.h"
#include "tuple/pool.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define FAILS_ALLOCATIONS 0
#else
#define FAILS_ALLOCATIONS 1
#endif

static struct {
        bool on;
        long left;  /* allocations before the one that fails */
        long alive; /* allocated since it was turned on, and not freed */
        bool failed;
} torture;

#if FAILS_ALLOCATIONS
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *old, size_t size);
extern void __libc_free(void *old);

static bool
fails(void)
{
        if (!torture.on || torture.left-- != 0)
                return false;
        torture.failed = true;
        errno = ENOMEM;
        return true;
}

static void *
count(void *memory)
{
        torture.alive += torture.on && memory;
        return memory;
}

void *
malloc(size_t size)
{
        return fails() ? NULL : count(__libc_malloc(size));
}

void *
calloc(size_t n, size_t size)
{
        return fails() ? NULL : count(__libc_calloc(n, size));
}

void *
realloc(void *old, size_t size)
{
        void *memory = fails() ? NULL : __libc_realloc(old, size);

        return old ? memory : count(memory);
}

void
free(void *old)
{
        torture.alive -= torture.on && old;
        __libc_free(old);
}
#endif

/* A deed: 0 or a negative errno. */
typedef int deed(void);

static void
fail_every_allocation_of(deed *what)
{
        int tries = 0;

        if (!FAILS_ALLOCATIONS)
                skip();
        do {
                torture.alive = 0;
                torture.left = tries++;
                torture.failed = false;
                torture.on = true;
                int r = what();
                torture.on = false;
                if (!torture.failed || r != -ENOMEM)
                        assert_int_equal(r, 0);
                assert_int_equal(torture.alive, 0);
                assert_true(tries < 10000);
        } while (torture.failed);
        assert_true(tries > 1);
}

/* ---- the plan ---------------------------------------------------------------------------------------- */

static struct sq_field fields[] = {{"word", SQ_STR}, {"n", SQ_INT}};
static struct sqi_plan_stream streams[] = {{.id = "default", .nfields = 2, .fields = fields}};
static struct sqi_plan_component components[] = {
        {.id = "lines",
         .kind = SQ_KIND_SPOUT,
         .component = "file",
         .path = "/file.so",
         .ntasks = 1,
         .nstreams = 1,
         .streams = streams},
        {.id = "count",
         .kind = SQ_KIND_BOLT,
         .component = "count",
         .path = "/count.so",
         .first_task = 1,
         .ntasks = 1,
         .nin = 2,
         .in = fields,
         .nstreams = 1,
         .streams = streams},
};
static struct sqi_plan_edge edges[] = {
        {.from = 0, .to = 1, .grouping = SQI_FIELDS, .nkeys = 1, .nin = 2, .in = {0, 1}}};
static struct sqi_plan_task tasks[] = {{0, 0, 0}, {1, 0, 1}};
static struct sqi_plan plan = {.name = "torture",
                               .directory = "/",
                               .ncomponents = 2,
                               .nedges = 1,
                               .ntasks = 2,
                               .nworkers = 2,
                               .components = components,
                               .edges = edges,
                               .tasks = tasks};

static int
encode_and_decode_a_plan(void)
{
        struct sqi_plan *copy = NULL;
        char error[256];
        void *bytes;
        size_t size;
        int r = sqi_plan_encode(&plan, &bytes, &size);

        if (r < 0)
                return r;
        r = sqi_plan_decode(bytes, size, &copy, error, sizeof(error));
        if (r == 0)
                sqi_plan_free(&copy);
        free(bytes);
        return r;
}

/* ---- messages ---------------------------------------------------------------------------------------- */

static int
encode_and_decode_messages(void)
{
        static struct sqi_metrics metrics, decoded;
        int r = 0;

        for (int type = 0; type < SQI_MESSAGE_TYPES && r == 0; type++) {
                struct sqi_message message = {.type = (enum sqi_message_type)type,
                                              .text = {"text", 4},
                                              .metrics = &metrics},
                                   back;
                void *bytes;
                size_t size;
                r = sqi_message_encode(&message, &bytes, &size);
                if (r < 0)
                        break;
                r = sqi_message_decode(bytes, size, &back, &decoded);
                free(bytes);
        }
        return r;
}

/* ---- the ledger -------------------------------------------------------------------------------------- */

static void
ignore(void *context, enum sqi_tree_outcome outcome, uint64_t position, uint64_t age_ns)
{
        (void)context;
        (void)outcome;
        (void)position;
        (void)age_ns;
}

/* What could be opened can always be failed, lost and retried: nothing of that needs memory. */
static int
use_a_ledger(void)
{
        const struct sqi_ledger_config config = {
                .task = 1, .first = 1, .timeout_ns = 1000, .max_pending = 5000, .max_retries = -1, .retry_delay_ns = 1};
        struct sqi_ledger *ledger = sqi_ledger_new(&config, ignore, NULL);
        struct sqi_attempt attempt = {0};
        uint64_t root, position, opened = 0;
        int r = ledger ? 0 : -ENOMEM;

        for (; ledger && opened < 2000 && r == 0; opened += r == 0) {
                r = sqi_ledger_open(ledger, opened, attempt, 5, &root);
                if (r == 0)
                        sqi_ledger_seal(ledger, root, 0xaa, 5);
        }
        if (ledger && sqi_ledger_pending(ledger) != opened)
                r = -EIO;
        if (ledger)
                sqi_ledger_lose(ledger, 6);
        if (ledger && sqi_ledger_unfinished(ledger) != opened)
                r = -EIO;
        while (ledger && sqi_ledger_retry(ledger, 7, &position, &attempt))
                opened--;
        if (opened != 0)
                r = -EIO;
        sqi_ledger_free(&ledger);
        return r;
}

/* ---- batches ----------------------------------------------------------------------------------------- */

/* What was staged and committed before memory ran out is sealed, and can be read. */
static int
write_and_read_a_batch(void)
{
        struct sqi_pool *pool = sqi_pool_new(4096);
        struct sqi_batch batch = {0};
        struct sqi_header header = {0};
        uint8_t *bytes = NULL;
        size_t size = 0;
        int r = pool ? 0 : -ENOMEM;

        for (uint64_t i = 0; i < 500 && r == 0; i++) {
                const uint64_t roots[] = {i / 3, i / 7};
                uint8_t *at = sqi_batch_reserve(&batch, pool, 32);
                if (!at) {
                        r = -ENOMEM;
                        break;
                }
                at[0] = 0x91;
                at[1] = (uint8_t)(i & 0x7f);
                r = sqi_batch_add(&batch, at + 2, 0, roots, 1 + i % 2);
                if (r == 0)
                        sqi_batch_commit(&batch);
                else
                        sqi_batch_rollback(&batch);
        }
        if (!sqi_batch_is_empty(&batch)) {
                struct sqi_frame frame;
                const char *cause = "";
                int sealed = sqi_batch_seal(&batch, &header, &bytes, &size);
                if (sealed == 0 && sqi_frame_open(&frame, bytes, size, &cause) < 0)
                        r = -EIO;
                if (sealed == 0)
                        sqi_pool_give(bytes);
                if (sealed < 0)
                        r = sealed;
        }
        sqi_batch_clear(&batch);
        sqi_pool_drop(&pool);
        return r;
}

/* ---- keyed state ------------------------------------------------------------------------------------- */

static int
use_keyed_state(void)
{
        struct sqi_keyed *keyed = sqi_keyed_new(16);
        int r = keyed ? 0 : -ENOMEM;

        for (int i = 0; keyed && i < 3000 && r == 0; i++) {
                char key[64];
                int len = snprintf(key, sizeof(key), "a key that is longer than the short ones %d", i);
                if (!sqi_keyed_get(keyed, (struct sq_str){key + i % 40, (size_t)(len - i % 40)}))
                        r = -ENOMEM;
        }
        for (uint64_t i = 0; r == 0 && i < 300; i++) {
                struct sq_str first = {"key", 3};
                void *state = sqi_keyed_get(keyed, first);
                struct sqi_owned *owned = state ? sqi_keyed_owned(keyed) : NULL;
                struct sqi_part *map = owned ? sqi_part_get(sqi_keyed_parts(keyed, state), 0) : NULL;
                if (!map || !sqi_block_get(owned, map, (struct sq_str){(const char *)&i, sizeof(i)}, 24) ||
                    !sqi_block_get(owned, map, (struct sq_str){"grows", 5}, i * 8))
                        r = -ENOMEM;
        }
        sqi_keyed_free(&keyed);
        return r;
}

/* ---- records ----------------------------------------------------------------------------------------- */

/* The record that there is no memory for is not there at all; the next ones stand behind those before it. */
static int
encode_records_of(enum sq_format format)
{
        static const char text[] = "a text, \"which\" is copied when it stands in an array";
        static const char *const names[] = {"text", "list"};
        const struct sq_value item = sq_text(text), values[] = {item, sq_array(&item, 1)};
        struct sq_encoder encoder = {.format = format};
        size_t record = 0;
        int r = 0;

        for (size_t n = 0; n < 200; n++) {
                size_t before = encoder.len;
                int rc = sq_encode_values(&encoder, 2, names, values);

                r = rc < 0 ? rc : r;
                if (rc == 0 && record == 0)
                        record = encoder.len;
                if (encoder.len - before != (rc < 0 ? 0 : record) ||
                    memcmp(encoder.bytes, encoder.bytes + before, encoder.len - before) != 0)
                        r = -EIO;
        }
        sq_encoder_free(&encoder);
        return r;
}

static int
encode_records(void)
{
        int r = 0;

        for (int format = 0; format < SQ_FORMATS && r == 0; format++)
                r = encode_records_of((enum sq_format)format);
        return r;
}

static void
a_record_is_encoded_whole_or_not_at_all(void **state)
{
        (void)state;
        fail_every_allocation_of(encode_records);
}

static void
a_plan_is_coded_or_refused(void **state)
{
        (void)state;
        sqi_config_defaults(&plan.config);
        fail_every_allocation_of(encode_and_decode_a_plan);
}

static void
a_batch_is_whole_or_shorter(void **state)
{
        (void)state;
        fail_every_allocation_of(write_and_read_a_batch);
}

static void
a_message_is_coded_or_refused(void **state)
{
        (void)state;
        fail_every_allocation_of(encode_and_decode_messages);
}

static void
a_ledger_loses_no_tree_that_it_took(void **state)
{
        (void)state;
        fail_every_allocation_of(use_a_ledger);
}

static void
keyed_state_says_when_it_is_full(void **state)
{
        (void)state;
        fail_every_allocation_of(use_keyed_state);
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_plan_is_coded_or_refused),
                cmocka_unit_test(a_record_is_encoded_whole_or_not_at_all),
                cmocka_unit_test(a_batch_is_whole_or_shorter),
                cmocka_unit_test(a_message_is_coded_or_refused),
                cmocka_unit_test(a_ledger_loses_no_tree_that_it_took),
                cmocka_unit_test(keyed_state_says_when_it_is_full),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}

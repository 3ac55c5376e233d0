/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include "draw.h"
#include "folder.h"
#include "marked.h"
#include "planned.h"
#include "control/manifest.h"
#include "task/driver.h"
#include "task/snapshot.h"
#include "task/task.h"

enum { TASKS = 16, DEATHS = 12, MOVES = 2, /* of one run, at most */ TURNS = 100000 };

struct marked {
        struct sqi_plan *plan;
        struct sqi_driver driver;
        void *context;
        struct sq_task *tasks;
        struct sqi_metrics *metrics;
        uint64_t random, clock_ns;
        bool in_turn; /* time goes by within a turn, and a batch takes several */
        char dir[64];

        /* the epoch under way */
        uint64_t epoch, sealed, committing;
        bool taking, failed, told[TASKS], committed[TASKS];
        struct sqi_message parts[TASKS];
        bool there[TASKS], at[TASKS];
        struct sqi_position now[TASKS], at_part[TASKS], at_seal[TASKS];
        uint64_t settled;
        bool moving; /* a drain that ends with an epoch, from which all go on */
        unsigned deaths, moves, seals, recorded, grown;
};

/* ---- The driver -------------------------------------------------------------------------------------- */

static uint64_t
now(void *context)
{
        struct marked *world = context;

        if (world->in_turn)
                world->clock_ns += draw(&world->random, 400000);
        return world->clock_ns;
}

static struct sq_time
wall(void *context)
{
        (void)context;
        return (struct sq_time){0, 0};
}

static void
log_line(void *context, struct sq_task *task, enum sq_level level, const char *text)
{
        (void)context;
        if (level <= SQ_WARN)
                fprintf(stderr, "%s: %s\n", task->component->id, text);
}

static void
take_report(void *context, struct sq_task *task, const struct sqi_message *message)
{
        struct marked *world = context;
        uint32_t t = task->id;

        switch (message->type) {
        case SQI_MSG_POSITION:
                assert_false(world->at[t]); /* it belongs to the part that is reported next */
                world->at[t] = true;
                memset(&world->now[t], 0, sizeof(world->now[t]));
                sqi_position_take(&world->now[t], message);
                break;
        case SQI_MSG_SNAPSHOT:
                world->at[t] = false;
                if (!world->taking || message->number != world->epoch)
                        break;
                world->failed |= message->text.len > 0; /* the order came too late */
                world->there[t] = true;
                world->parts[t] = *message;
                world->at_part[t] = world->now[t];
                break;
        case SQI_MSG_COMMITTED:
                if (message->number == world->committing)
                        world->committed[t] = true;
                break;
        default:
                break;
        }
}

/* ---- The topology ------------------------------------------------------------------------------------ */

static struct sqi_plan *
planned_in_one(const char *text)
{
        struct sqi_plan *plan = planned(text, NULL);

        assert_true(plan->ntasks <= TASKS);
        plan->nworkers = 1;
        for (uint32_t t = 0; t < plan->ntasks; t++)
                plan->tasks[t].worker = 0;
        plan->config.channel_batches = 0; /* whoever would make room is not running meanwhile */
        plan->config.batch_bytes = 400;
        plan->config.delivery = SQI_EXACTLY_ONCE;
        return plan;
}

static void
begin_all(struct marked *world)
{
        world->context = zmq_ctx_new();
        zmq_ctx_set(world->context, ZMQ_IO_THREADS, 0);
        world->tasks = calloc(world->plan->ntasks, sizeof(*world->tasks));
        world->metrics = calloc(world->plan->ntasks, sizeof(*world->metrics));
        for (uint32_t t = 0; t < world->plan->ntasks; t++) {
                struct sq_task *task = &world->tasks[t];

                task->plan = world->plan;
                task->id = t;
                task->incarnation = world->deaths + world->moves;
                task->component = &world->plan->components[world->plan->tasks[t].component];
                task->rundir = "";
                task->context = world->context;
                task->driver = &world->driver;
                task->metrics = &world->metrics[t];
                if (world->sealed)
                        snprintf(task->handover.restore, sizeof(task->handover.restore), "%s/%llu", world->dir,
                                 (unsigned long long)world->sealed);
                task->spout.calls = 1;
                assert_int_equal(sqi_task_open(task), 0);
                world->now[t] = world->at_seal[t];
                task->spout.resume = world->at_seal[t];
        }
        for (uint32_t t = 0; t < world->plan->ntasks; t++)
                if (sqi_task_connect(&world->tasks[t]) < 0)
                        fail_msg("%s", world->tasks[t].error);
        for (uint32_t t = 0; t < world->plan->ntasks; t++)
                world->recorded += world->tasks[t].transit.first != NULL;
}

static void
end_all(struct marked *world)
{
        for (uint32_t t = 0; t < world->plan->ntasks; t++)
                sqi_task_close(&world->tasks[t]);
        zmq_ctx_term(world->context);
        free(world->tasks);
        free(world->metrics);
        world->taking = false;
        world->committing = 0;
}

/* ---- The epochs -------------------------------------------------------------------------------------- */

static void
order(struct marked *world, uint32_t t, enum sqi_message_type type, uint64_t number)
{
        char folder[128];
        int n = snprintf(folder, sizeof(folder), "%s/%llu", world->dir, (unsigned long long)number);

        sqi_task_obey(&world->tasks[t],
                      &(struct sqi_message){.type = type, .number = number, .text = {folder, (size_t)n}});
}

/* What was sent again before the answer was there comes in one go with what is next. */
static void
tell(struct marked *world, uint32_t t)
{
        if (world->sealed && draw(&world->random, 2))
                order(world, t, SQI_MSG_COMMIT, world->sealed);
        for (uint64_t n = draw(&world->random, 4) ? 1 : 2; n > 0; n--)
                order(world, t, SQI_MSG_CHECKPOINT, world->epoch);
        world->told[t] = true;
}

static void
begin_epoch(struct marked *world)
{
        char folder[128];

        snprintf(folder, sizeof(folder), "%s/%llu", world->dir, (unsigned long long)++world->epoch);
        assert_int_equal(mkdir(folder, 0700), 0);
        world->taking = true;
        world->failed = false;
        memset(world->told, 0, sizeof(world->told));
        memset(world->there, 0, sizeof(world->there));
        for (uint32_t t = 0; t < world->plan->ntasks && draw(&world->random, 8) > 0;
             t++) /* bolts last: the others may be too late */
                tell(world, world->plan->ntasks - 1 - t);
}

static bool
all(const struct marked *world, const bool *flags)
{
        for (uint32_t t = 0; t < world->plan->ntasks; t++)
                if (!flags[t])
                        return false;
        return true;
}

/* Has the file another name, that of an earlier epoch, too? */
static bool
goes_on_in_a_file(const struct marked *world, const char *name)
{
        struct stat about;
        char path[256];

        snprintf(path, sizeof(path), "%s/%llu/%s", world->dir, (unsigned long long)world->epoch, name);
        assert_int_equal(stat(path, &about), 0);
        return about.st_nlink > 1;
}

/* As the supervisor does: the manifest is there, and the epoch is what a restore goes back to. */
static void
seal(struct marked *world)
{
        struct sqi_manifest_file files[TASKS] = {0};
        struct sqi_manifest manifest = {.epoch = world->epoch, .topology = "t", .files = files};
        char folder[128];
        int fd;

        for (uint32_t t = 0; t < world->plan->ntasks; t++) {
                struct sqi_manifest_file *file = &files[manifest.nfiles];

                if (world->parts[t].a == 0)
                        continue;
                snprintf(file->name, sizeof(file->name), "%s.%u", world->tasks[t].component->id,
                         world->plan->tasks[t].index);
                file->size = world->parts[t].a;
                file->sum = world->parts[t].b;
                world->grown += goes_on_in_a_file(world, file->name);
                manifest.nfiles++;
        }
        snprintf(folder, sizeof(folder), "%s/%llu", world->dir, (unsigned long long)world->epoch);
        fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_int_equal(sqi_manifest_write(fd, &manifest), 0);
        close(fd);
        world->sealed = world->committing = world->epoch;
        memcpy(world->at_seal, world->at_part, sizeof(world->at_seal));
        memset(world->committed, 0, sizeof(world->committed));
        memset(world->told, 0, sizeof(world->told));
        world->taking = false;
        world->seals++;
}

/* Tells one task at a time, in any order. */
static void
go_on_with_epoch(struct marked *world)
{
        uint32_t t = (uint32_t)draw(&world->random, world->plan->ntasks);

        if (world->taking && !world->told[t])
                tell(world, t);
        if (world->committing && !world->told[t]) {
                order(world, t, SQI_MSG_COMMIT, world->committing);
                world->told[t] = true;
        }
        if (world->taking && !world->failed && all(world, world->there))
                seal(world);
        else if (world->committing && all(world, world->committed))
                world->committing = 0;
}

static void
abandon(struct marked *world)
{
        for (uint32_t t = 0; t < world->plan->ntasks; t++)
                for (uint64_t n = draw(&world->random, 4) ? 1 : 2; n > 0; n--)
                        order(world, t, SQI_MSG_ABANDON, world->epoch);
        world->taking = false;
}

static void
order_drain(struct marked *world)
{
        for (uint32_t t = 0; t < world->plan->ntasks; t++) {
                sqi_task_obey(&world->tasks[t], &(struct sqi_message){.type = SQI_MSG_HANDOVER});
                order(world, t, SQI_MSG_DRAIN, 0);
        }
}

/* No epoch is made until all have ended. */
static void
begin_move(struct marked *world)
{
        if (world->taking)
                abandon(world);
        world->moving = true;
        order_drain(world);
}

/* ---- The run ----------------------------------------------------------------------------------------- */

static bool
have_ended(const struct marked *world)
{
        for (uint32_t t = 0; t < world->plan->ntasks; t++)
                if (world->tasks[t].phase != SQI_ENDED)
                        return false;
        return true;
}

static void
turn(struct marked *world, uint32_t t)
{
        struct sq_task *task = &world->tasks[t];

        world->clock_ns += draw(&world->random, 2000000);
        if (task->phase == SQI_RUNNING) {
                task->now_ns = world->clock_ns;
                world->in_turn = true;
                sqi_task_turn(task);
                world->in_turn = false;
                if (draw(&world->random, 4) == 0 && task->phase == SQI_RUNNING)
                        sqi_task_flush(task);
        } else {
                task->now_ns = world->clock_ns;
                sqi_collector_flush(&task->collector);
                sqi_epoch_act(task);
        }
        if (task->failed < 0)
                fail_msg("%s: %s", task->component->id, task->error);
}

/* The probe: what was sent into the cycles has been received there, and nobody in them can send more. */
static void
release_cycles(struct marked *world)
{
        uint64_t sent = 0, received = 0;

        for (uint32_t t = 0; t < world->plan->ntasks; t++) {
                const struct sq_task *task = &world->tasks[t];

                if (task->component->cycle && !task->settled)
                        return;
                sent += task->component->cycle ? task->collector.sent_to_cycle : 0;
                received += task->component->cycle ? task->intake.received : 0;
        }
        if (sent != received)
                return;
        for (uint32_t t = 0; t < world->plan->ntasks; t++)
                world->tasks[t].released = true;
}

static void
start_all(struct marked *world)
{
        while (!world->sealed || world->committing) { /* before a tuple flows */
                if (!world->sealed && !world->taking)
                        begin_epoch(world);
                go_on_with_epoch(world);
                for (uint32_t t = 0; t < world->plan->ntasks; t++) {
                        world->tasks[t].phase = SQI_WAITING;
                        sqi_epoch_act(&world->tasks[t]);
                }
        }
        if (world->moving)
                order_drain(world);
        for (uint32_t t = 0; t < world->plan->ntasks; t++) {
                world->tasks[t].phase = SQI_WAITING;
                order(world, t, SQI_MSG_START, 0);
        }
        /* on a busy machine the next order is there as soon */
        if (!world->taking && !world->moving && draw(&world->random, 2)) {
                begin_epoch(world);
                for (uint32_t t = 0; t < world->plan->ntasks; t++)
                        sqi_epoch_act(&world->tasks[t]);
        }
        for (uint32_t t = 0; t < world->plan->ntasks; t++)
                sqi_task_start(&world->tasks[t]);
}

/* What the tasks of the component have counted, by the 64 first bits of `count`'s state. */
static uint64_t
counted(const struct marked *world, const char *component, uint64_t *ret_keys)
{
        uint64_t sum = 0;

        *ret_keys = 0;
        for (uint32_t t = 0; t < world->plan->ntasks; t++) {
                const struct sq_task *task = &world->tasks[t];
                struct sq_str key;
                size_t cursor = 0;
                void *state;
                uint64_t n;

                if (strcmp(task->component->id, component) != 0 || !task->instance.keyed)
                        continue;
                while (sqi_keyed_step(task->instance.keyed, &cursor, &key, &state)) {
                        memcpy(&n, state, sizeof(n));
                        sum += (n >> 1) * (1 + key.len * 1000 + (uint8_t)key.ptr[key.len - 1]);
                        ++*ret_keys;
                }
        }
        return sum;
}

static void
begin_anew(struct marked *world)
{
        end_all(world);
        begin_all(world);
        start_all(world);
}

/* The last epoch is there: it was the end, or that of a drain that all go on from. False: it was the end. */
static bool
go_on(struct marked *world)
{
        if (!world->moving)
                return false;
        world->moving = false;
        world->moves++;
        begin_anew(world);
        return true;
}

/* Whether the epoch that begins, or has begun, is one that began when all had ended. */
static bool
step(struct marked *world, uint64_t odds, bool last)
{
        bool idle = !world->taking && !world->committing, ended = have_ended(world);

        if (idle && (ended || (!world->moving && draw(&world->random, 20) == 0))) {
                last = ended;
                begin_epoch(world);
        } else if (world->taking && (world->failed || draw(&world->random, 400) == 0)) {
                last = false;
                abandon(world);
        } else if (odds && !ended && !world->moving && !world->committing && world->moves < MOVES &&
                   draw(&world->random, 4 * odds) == 0) {
                last = false;
                begin_move(world);
        }
        if (odds && world->deaths < DEATHS && draw(&world->random, odds) == 0) {
                last = false;
                world->deaths++;
                begin_anew(world);
        }
        return last;
}

/* `odds`: a death in so many steps. */
static void
run(struct marked *world, uint64_t odds)
{
        bool last = false;

        for (unsigned i = 0; i < TURNS; i++) {
                turn(world, (uint32_t)draw(&world->random, world->plan->ntasks));
                release_cycles(world);
                go_on_with_epoch(world);
                if (last && !world->taking && !world->committing && !go_on(world))
                        return;
                last = step(world, odds, last && have_ended(world));
        }
        fail_msg("it does not come to an end: epoch %llu, sealed %llu, taking %d, committing %llu, %u deaths",
                 (unsigned long long)world->epoch, (unsigned long long)world->sealed, world->taking,
                 (unsigned long long)world->committing, world->deaths);
}

/* The numbers that stand in the server, each as often as it does. */
static uint64_t
served(const char *server)
{
        FILE *file = fopen(server, "re");
        char line[512], *end;
        uint64_t sum = 0, n;

        while (file && fgets(line, sizeof(line), file)) {
                n = strtoull(line, &end, 10);
                sum += *end == '\n' ? (n + 1) * (n + 1000003) : 0;
        }
        if (file)
                fclose(file);
        return sum;
}

static uint64_t
outcome(const char *topology, uint64_t seed, uint64_t odds, struct marked *world)
{
        uint64_t sum, keys;

        *world = (struct marked){.random = draw_from(seed), .clock_ns = 1000000000};
        world->plan = planned_in_one(topology);
        world->driver = (struct sqi_driver){
                .context = world, .now = now, .wall = wall, .log = log_line, .restores = true, .report = take_report};
        snprintf(world->dir, sizeof(world->dir), "%s/squall-marks-XXXXXX",
                 access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
        assert_non_null(mkdtemp(world->dir));
        if (getenv(MARKED_SERVER))
                unlink(getenv(MARKED_SERVER));
        begin_all(world);
        start_all(world);
        run(world, odds);
        sum = counted(world, "count", &keys);
        assert_true(keys > 0);
        if (getenv(MARKED_SERVER))
                sum += served(getenv(MARKED_SERVER));
        end_all(world);
        sqi_plan_free(&world->plan);
        remove_folder(world->dir);
        return sum;
}

void
check_marked(const char *topology, unsigned least_grown)
{
        struct marked world;
        uint64_t sum = outcome(topology, 1, 0, &world);
        unsigned deaths = 0, moves = 0, recorded = 0, grown = 0;

        for (uint64_t seed = 1; seed <= 20; seed++) {
                assert_int_equal(outcome(topology, seed, 150, &world), sum);
                deaths += world.deaths;
                moves += world.moves;
                recorded += world.recorded;
                grown += world.grown;
        }
        print_message("%u deaths, %u drains, %u tasks with something in transit, %u parts of what had changed only\n",
                      deaths, moves, recorded, grown);
        assert_true(moves > 0);
        assert_true(grown >= least_grown);
        assert_true(deaths > 20);
        assert_true(recorded > 0); /* else the test has seen nothing in transit */
}

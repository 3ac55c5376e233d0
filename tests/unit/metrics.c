/* SPDX-License-Identifier: Apache-2.0 */
/* Counting: histograms within their promise, totals over incarnations. */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "control/counted.h"
#include "supervisor/totals.h"

static void
a_quantile_of_one_value_is_within_a_64th(void **state)
{
        (void)state;
        for (uint64_t value = 0; value < (UINT64_C(1) << 40) - (UINT64_C(1) << 35); value += value / 7 + 1) {
                struct sqi_histogram histogram = {0};
                double off;

                sqi_histogram_add(&histogram, value);
                off = (double)sqi_histogram_quantile(&histogram, 0.5) - (double)value;
                assert_true(fabs(off) <= (double)value / 64);
        }
}

static int
by_value(const void *a, const void *b)
{
        uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

        return (x > y) - (x < y);
}

/* Latencies as they are: most near 40 us, few a thousand times that (log-normal, by the sum of uniform numbers). */
static void
percentiles_are_within_two_percent_of_those_of_the_raw_samples(void **state)
{
        enum { N = 100000 };
        static const double quantiles[] = {0.01, 0.5, 0.9, 0.99, 0.999, 0.9999};
        struct sqi_histogram *histogram = calloc(1, sizeof(*histogram));
        uint64_t *raw = calloc(N, sizeof(*raw)), seed = 1;

        (void)state;
        assert_non_null(raw);
        assert_non_null(histogram);
        for (int i = 0; i < N; i++) {
                double normal = -6;

                for (int k = 0; k < 12; k++)
                        normal += (double)((seed = sq_mix(seed)) >> 11) / (double)(UINT64_C(1) << 53);
                raw[i] = (uint64_t)(40000 * exp(1.7 * normal));
                sqi_histogram_add(histogram, raw[i]);
        }
        qsort(raw, N, sizeof(*raw), by_value);
        for (size_t q = 0; q < sizeof(quantiles) / sizeof(*quantiles); q++) {
                double is = (double)raw[(size_t)ceil(quantiles[q] * N) - 1];
                double off = (double)sqi_histogram_quantile(histogram, quantiles[q]) / is - 1;

                if (fabs(off) > 0.02)
                        fail_msg("quantile %g of %g ns is %.1f %% off", quantiles[q], is, off * 100);
        }
        free(histogram);
        free(raw);
}

static void
an_empty_histogram_has_only_zeros(void **state)
{
        struct sqi_histogram histogram = {0};

        (void)state;
        assert_int_equal(sqi_histogram_quantile(&histogram, 0), 0);
        assert_int_equal(sqi_histogram_quantile(&histogram, 1), 0);
}

static void
what_is_too_long_counts_in_the_last_bucket(void **state)
{
        struct sqi_histogram histogram = {0};

        (void)state;
        sqi_histogram_add(&histogram, UINT64_MAX);
        assert_int_equal(histogram.buckets[SQI_HISTOGRAM_BUCKETS - 1], 1);
        assert_true(sqi_histogram_quantile(&histogram, 1) == (UINT64_C(1) << 40) - 1);
}

static void
quantiles_of_a_merge_are_those_of_all_values(void **state)
{
        struct sqi_histogram low = {0}, high = {0};

        (void)state;
        for (uint64_t i = 1; i <= 10; i++) {
                sqi_histogram_add(&low, i);
                sqi_histogram_add(&high, 1000 * i);
        }
        sqi_histogram_merge(&low, &high);
        assert_int_equal(sqi_histogram_quantile(&low, 0.05), 1);
        assert_int_equal(sqi_histogram_quantile(&low, 0.5), 10);
        assert_true(fabs((double)sqi_histogram_quantile(&low, 0.99) / 10000 - 1) < 0.02);
}

/* ---- Totals ------------------------------------------------------------------------------------------ */

static struct sqi_plan_component component = {.id = "count", .first_task = 0, .ntasks = 2};
static struct sqi_plan_task tasks[] = {{.worker = 0}, {.index = 1, .worker = 1}};
static const struct sqi_plan plan = {
        .ncomponents = 1, .ntasks = 2, .nworkers = 2, .components = &component, .tasks = tasks};

static void
tell(struct sqi_totals *totals, uint32_t task, uint32_t incarnation, uint64_t executed, uint64_t pending)
{
        struct sqi_message message = {
                .type = SQI_MSG_METRICS, .worker = task, .incarnation = incarnation, .task = task};
        struct sqi_metrics metrics = {.executed = executed, .pending = pending};

        sqi_totals_take(totals, &message, &metrics);
}

static void
totals_keep_the_last_word_of_every_incarnation(void **state)
{
        struct sqi_totals *totals;
        struct sqi_metrics sum;

        (void)state;
        assert_int_equal(sqi_totals_new(&plan, &totals), 0);
        tell(totals, 0, 0, 10, 3);
        tell(totals, 0, 0, 25, 4);
        tell(totals, 0, 1, 5, 2);
        tell(totals, 0, 3, 1, 1);
        tell(totals, 0, 2, 1000, 9); /* too late */
        tell(totals, 1, 0, 100, 6);
        sqi_totals_task(totals, 0, &sum);
        assert_int_equal(sum.executed, 25 + 5 + 1);
        assert_int_equal(sum.pending, 1);
        sqi_totals_component(totals, 0, &sum);
        assert_int_equal(sum.executed, 25 + 5 + 1 + 100);
        assert_int_equal(sum.pending, 1 + 6);
        sqi_totals_free(&totals);
        assert_null(totals);
        sqi_totals_free(&totals);
}

static void
nothing_comes_after_the_last_word_of_an_incarnation(void **state)
{
        struct sqi_message message = {.type = SQI_MSG_METRICS, .incarnation = 1};
        struct sqi_metrics last = {.executed = 20}, sum;
        struct sqi_totals *totals;

        (void)state;
        assert_int_equal(sqi_totals_new(&plan, &totals), 0);
        tell(totals, 0, 1, 12, 0);
        sqi_totals_end(totals, &message, &last);
        tell(totals, 0, 1, 15, 0); /* it was under way */
        sqi_totals_task(totals, 0, &sum);
        assert_int_equal(sum.executed, 20);
        tell(totals, 0, 2, 3, 0);
        tell(totals, 0, 2, 4, 0);
        sqi_totals_task(totals, 0, &sum);
        assert_int_equal(sum.executed, 20 + 4);
        sqi_totals_free(&totals);
}

/* The counters of a task are taken alone each second, and its histograms with what it reports. */
static void
histograms_are_those_of_the_last_report_also_where_its_counters_were_known_before(void **state)
{
        struct sqi_totals *totals;
        struct sqi_message message = {.type = SQI_MSG_METRICS};
        struct sqi_metrics metrics = {.executed = 5, .execute.buckets = {[40] = 5}}, sum;

        (void)state;
        assert_int_equal(sqi_totals_new(&plan, &totals), 0);
        sqi_totals_take(totals, &message, &metrics);
        sqi_totals_take_counts(totals, &message, &(struct sqi_counts){.executed = 7});
        metrics.executed = 7;
        metrics.execute.buckets[40] = 7;
        sqi_totals_take(totals, &message, &metrics);
        sqi_totals_task(totals, 0, &sum);
        assert_int_equal(sum.execute.buckets[40], 7);
        metrics.busy_ns = 9; /* at rest */
        sqi_totals_take(totals, &message, &metrics);
        sqi_totals_task(totals, 0, &sum);
        assert_int_equal(sum.busy_ns, 9);
        assert_int_equal(sum.execute.buckets[40], 7);
        sqi_totals_free(&totals);
}

/* In a process that is killed; then read as its supervisor does. */
static void
count_and_be_killed(const char *rundir, uint32_t incarnation, uint64_t executed)
{
        pid_t pid = fork();
        int status;

        if (pid == 0) {
                struct sqi_metrics *metrics = sqi_counted_open(rundir, 3, incarnation);

                if (metrics) {
                        sqi_count(&metrics->executed, executed);
                        atomic_store(&metrics->time.watermark, (int64_t)executed * 1000);
                        atomic_store(&metrics->time.known, true);
                }
                raise(SIGKILL);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status));
}

static void
mark(const char *path, const char magic[4])
{
        int fd = open(path, O_WRONLY | O_CLOEXEC);

        assert_int_equal(pwrite(fd, magic, 4, 0), 4);
        close(fd);
}

static void
what_was_counted_outlives_who_was_killed(void **state)
{
        char rundir[] = "/tmp/squall-metrics.XXXXXX", path[64];
        struct sqi_metrics metrics = {.executed = 1};
        struct sqi_shown_time time = {0};
        struct sqi_counted_files *files;

        (void)state;
        assert_non_null(mkdtemp(rundir));
        files = sqi_counted_files_new(rundir, 4);
        snprintf(path, sizeof(path), "%s/n3", rundir);
        assert_int_equal(sqi_counted_read(files, 3, 0, &metrics), -ENOENT);
        count_and_be_killed(rundir, 0, 19);
        assert_int_equal(sqi_counted_read(files, 3, 1, &metrics), -EBADMSG);
        assert_int_equal(metrics.executed, 1);
        assert_int_equal(sqi_counted_read(files, 3, 0, &metrics), 0);
        assert_int_equal(metrics.executed, 19);
        count_and_be_killed(rundir, 1, 4); /* begins from nothing */
        assert_int_equal(sqi_counted_read(files, 3, 1, &metrics), 0);
        assert_int_equal(metrics.executed, 4);
        assert_int_equal(sqi_counted_read_time(files, 3, 0, &time), -EBADMSG);
        assert_int_equal(sqi_counted_read_time(files, 3, 1, &time), 0);
        assert_true(time.known && time.watermark == 4000);
        mark(path, "SQC\1"); /* as before */
        assert_int_equal(sqi_counted_read(files, 3, 1, &metrics), 0);
        mark(path, "SQN\2");
        assert_int_equal(sqi_counted_read(files, 3, 1, &metrics), -EBADMSG);
        mark(path, "SQN\1");
        assert_int_equal(truncate(path, 100), 0);
        assert_int_equal(sqi_counted_read(files, 3, 1, &metrics), -EBADMSG);
        assert_int_equal(sqi_counted_read_time(files, 3, 1, &time), -EBADMSG);
        sqi_counted_files_free(&files);
        assert_int_equal(unlink(path), 0);
        assert_int_equal(rmdir(rundir), 0);
}

/* What is gone by its name can still be read then. */
static void
a_file_that_was_read_stays_open_while_there_are_many_descriptors_left(void **state)
{
        char rundir[] = "/tmp/squall-metrics.XXXXXX", path[64];
        struct sqi_counts counts = {0};
        struct sqi_counted_files *files;
        struct rlimit before, few;

        (void)state;
        assert_non_null(mkdtemp(rundir));
        snprintf(path, sizeof(path), "%s/n3", rundir);
        getrlimit(RLIMIT_NOFILE, &before);
        for (int i = 0; i < 2; i++) {
                few = (struct rlimit){i ? 8 : before.rlim_cur, before.rlim_max};
                setrlimit(RLIMIT_NOFILE, &few);
                files = sqi_counted_files_new(rundir, 4);
                count_and_be_killed(rundir, 0, 19);
                assert_int_equal(sqi_counted_read_counts(files, 3, 0, &counts), 0);
                assert_int_equal(counts.executed, 19);
                assert_int_equal(unlink(path), 0);
                assert_int_equal(sqi_counted_read_counts(files, 3, 0, &counts), i ? -ENOENT : 0);
                count_and_be_killed(rundir, 1, 4);
                assert_int_equal(sqi_counted_read_counts(files, 3, 1, &counts), 0);
                assert_int_equal(counts.executed, 4);
                assert_int_equal(unlink(path), 0);
                sqi_counted_files_free(&files);
        }
        setrlimit(RLIMIT_NOFILE, &before);
        assert_int_equal(rmdir(rundir), 0);
}

static void
totals_ignore_what_a_worker_says_of_anothers_task(void **state)
{
        struct sqi_totals *totals;
        struct sqi_message message = {.type = SQI_MSG_METRICS, .worker = 0, .task = 1};
        struct sqi_metrics metrics = {.executed = 7}, sum;

        (void)state;
        assert_int_equal(sqi_totals_new(&plan, &totals), 0);
        sqi_totals_take(totals, &message, &metrics);
        message.task = 2;
        sqi_totals_take(totals, &message, &metrics);
        sqi_totals_component(totals, 0, &sum);
        assert_int_equal(sum.executed, 0);
        sqi_totals_free(&totals);
}

static void
a_gauge_ends_with_its_incarnation_and_a_counter_goes_on(void **state)
{
        struct sqi_totals *totals;
        struct sqi_metrics sum;

        (void)state;
        assert_int_equal(sqi_totals_new(&plan, &totals), 0);
        for (uint32_t incarnation = 0; incarnation < 2; incarnation++) {
                struct sqi_message message = {.type = SQI_MSG_METRICS, .incarnation = incarnation};
                struct sqi_metrics metrics = {0};
                sqi_own_metric_find(&metrics, "open", SQI_OWN_GAUGE)->value = 5;
                sqi_own_metric_find(&metrics, "seen", SQI_OWN_COUNTER)->value = 7;
                sqi_totals_take(totals, &message, &metrics);
        }
        sqi_totals_task(totals, 0, &sum);
        assert_int_equal(sqi_own_metric_find(&sum, "open", SQI_OWN_GAUGE)->value, 5);
        assert_int_equal(sqi_own_metric_find(&sum, "seen", SQI_OWN_COUNTER)->value, 14);
        sqi_totals_free(&totals);
}

/* Whatever has died of it: what the keys have counted is counted nowhere else. */
static void
keys_of_a_dead_incarnation_are_missing(void **state)
{
        struct sqi_totals *totals;
        struct sqi_metrics sum;

        (void)state;
        assert_int_equal(sqi_totals_new(&plan, &totals), 0);
        for (uint32_t incarnation = 0; incarnation < 3; incarnation++) {
                struct sqi_message message = {.type = SQI_MSG_METRICS, .incarnation = incarnation};
                struct sqi_metrics metrics = {.keys = 4, .pending = 2};
                sqi_totals_take(totals, &message, &metrics);
                assert_int_equal(sqi_totals_missing(totals), 4 * incarnation);
        }
        sqi_totals_task(totals, 0, &sum);
        assert_int_equal(sum.keys, 4);
        assert_int_equal(sum.pending, 2);
        assert_int_equal(sum.keys_lost, 8);
        sqi_totals_free(&totals);
}

static void
what_the_dead_have_counted_is_known_to_the_next_supervisor(void **state)
{
        char rundir[] = "/tmp/squall-metrics.XXXXXX", path[64];
        struct sqi_message message = {.type = SQI_MSG_METRICS, .incarnation = 1};
        struct sqi_metrics metrics = {.executed = 5, .keys = 3, .keys_lost = 1, .pending = 2}, sum;
        struct sqi_totals *totals, *next;

        (void)state;
        assert_non_null(mkdtemp(rundir));
        assert_int_equal(sqi_totals_new(&plan, &totals), 0);
        assert_int_equal(sqi_totals_keep(totals, rundir, 0, 0), 0); /* nothing */
        tell(totals, 0, 0, 20, 1);
        sqi_totals_take(totals, &message, &metrics);
        assert_int_equal(sqi_totals_keep(totals, rundir, 0, 1), 0);
        assert_int_equal(sqi_totals_new(&plan, &next), 0);
        assert_int_equal(sqi_totals_resume(next, rundir, 0), 0);
        assert_int_equal(sqi_totals_resume(next, rundir, 1), 0);
        sqi_totals_end(next, &message, &metrics); /* the file of the dead one is still there */
        sqi_totals_component(next, 0, &sum);
        assert_int_equal(sum.executed, 25);
        assert_int_equal(sum.pending, 0);
        assert_int_equal(sum.keys, 0);
        assert_int_equal(sqi_totals_missing(next), 4);
        tell(next, 0, 2, 100, 7);
        sqi_totals_task(next, 0, &sum);
        assert_int_equal(sum.executed, 125);
        assert_int_equal(sum.pending, 7);
        assert_int_equal(sqi_totals_missing(next), 4);
        sqi_totals_free(&totals);
        sqi_totals_free(&next);
        snprintf(path, sizeof(path), "%s/sums-0", rundir);
        assert_int_equal(truncate(path, 1000), 0);
        assert_int_equal(sqi_totals_new(&plan, &next), 0);
        assert_int_equal(sqi_totals_resume(next, rundir, 0), -EBADMSG);
        assert_int_equal(sqi_totals_missing(next), 0);
        sqi_totals_free(&next);
        assert_int_equal(unlink(path), 0);
        assert_int_equal(rmdir(rundir), 0);
}

static void
a_mean_is_within_a_64th_of_the_true_one(void **state)
{
        struct sqi_histogram *histogram = calloc(1, sizeof(*histogram));
        double sum = 0;

        (void)state;
        assert_non_null(histogram);
        assert_true(sqi_histogram_mean(histogram) == 0);
        for (uint64_t ns = 1; ns <= 1000000; ns += 997) {
                sqi_histogram_add(histogram, ns);
                sum += (double)ns;
        }
        double off = sqi_histogram_mean(histogram) / (sum / 1004) - 1;
        assert_true(off > -1. / 64 && off < 1. / 64);
        for (unsigned b = 1; b < SQI_HISTOGRAM_BUCKETS; b++)
                assert_true(sqi_histogram_edge(b) > sqi_histogram_edge(b - 1));
        free(histogram);
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_mean_is_within_a_64th_of_the_true_one),
                cmocka_unit_test(a_quantile_of_one_value_is_within_a_64th),
                cmocka_unit_test(percentiles_are_within_two_percent_of_those_of_the_raw_samples),
                cmocka_unit_test(an_empty_histogram_has_only_zeros),
                cmocka_unit_test(what_is_too_long_counts_in_the_last_bucket),
                cmocka_unit_test(quantiles_of_a_merge_are_those_of_all_values),
                cmocka_unit_test(totals_keep_the_last_word_of_every_incarnation),
                cmocka_unit_test(nothing_comes_after_the_last_word_of_an_incarnation),
                cmocka_unit_test(histograms_are_those_of_the_last_report_also_where_its_counters_were_known_before),
                cmocka_unit_test(what_was_counted_outlives_who_was_killed),
                cmocka_unit_test(a_file_that_was_read_stays_open_while_there_are_many_descriptors_left),
                cmocka_unit_test(what_the_dead_have_counted_is_known_to_the_next_supervisor),
                cmocka_unit_test(totals_ignore_what_a_worker_says_of_anothers_task),
                cmocka_unit_test(keys_of_a_dead_incarnation_are_missing),
                cmocka_unit_test(a_gauge_ends_with_its_incarnation_and_a_counter_goes_on),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

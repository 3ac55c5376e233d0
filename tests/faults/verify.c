/* SPDX-License-Identifier: Apache-2.0 */
/*
 * verify DIRECTORY KEYS [acked]: reads what the tasks of a fault run have written down (record.h) and the log of
 * strikes, and prints one line "name value" for each finding:
 *
 *     sent, got          positions that the spouts answer for; rows in the journals
 *     lost               positions sent and in no journal
 *     duplicates         rows beyond the first of a position
 *     corrupted          rows that nobody sent, or changed on their way
 *     disordered         first rows of a position that came after a later one of the same key
 *     strikes            in the log
 *     gap_ms             longest pause of the output that a strike fell into, or began within 50 ms after it: median
 *                        and worst
 *     replay_ms          from a strike to the first replay after it: median and worst; strikes that nothing was in
 *                        flight at are left out
 *     caught_up_ms       from a strike until all that was sent before it had come out: median and worst
 *
 * A spout task answers for every position below the one that the last word of its last incarnation names; with `acked`,
 * where nobody was left to replay anything, for those alone whose ack it was told of.
 */
#include <dirent.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../components/record.h"

enum { TASKS_MAX = 64, STRIKES_MAX = 4096 };

struct rows {
        void *bytes;
        size_t n;
};

struct list {
        uint64_t *items;
        size_t n, size;
};

struct run {
        const char *directory;
        uint64_t keys, total; /* positions below which all was sent */
        unsigned ntasks;
        uint64_t up_to[TASKS_MAX];
        int last[TASKS_MAX]; /* incarnation */
        uint8_t *seen;
        uint64_t *first_ns;
        uint64_t nseen;
        struct list outputs, replays; /* times */
        struct list acked;            /* positions */
        struct sent *sent;            /* SENT_UP_TO of all */
        size_t nsent;
        uint64_t got, duplicates, corrupted, disordered;
        uint64_t strikes[STRIKES_MAX];
        size_t nstrikes;
};

static void *
need(void *memory)
{
        if (!memory) {
                perror("verify");
                exit(2);
        }
        return memory;
}

static void
push(struct list *list, uint64_t item)
{
        if (list->n == list->size) {
                list->size = list->size ? list->size * 2 : 1024;
                list->items = need(realloc(list->items, list->size * sizeof(uint64_t)));
        }
        list->items[list->n++] = item;
}

static struct rows
read_rows(const char *directory, const char *name, size_t size)
{
        char path[512];
        struct stat about;
        struct rows rows;
        FILE *file;

        snprintf(path, sizeof(path), "%s/%s", directory, name);
        file = need(fopen(path, "re"));
        if (fstat(fileno(file), &about) < 0)
                exit(2);
        rows.bytes = need(malloc((size_t)about.st_size + 1));
        rows.n = fread(rows.bytes, size, (size_t)about.st_size / size, file);
        fclose(file);
        return rows;
}

/* ---- what was sent ----------------------------------------------------------------------------------- */

static void
take_sent(struct run *run, const char *name, unsigned task, int incarnation)
{
        struct rows rows = read_rows(run->directory, name, sizeof(struct sent));
        const struct sent *sent = rows.bytes;

        if (task >= TASKS_MAX)
                exit(2);
        if (task >= run->ntasks)
                run->ntasks = task + 1;
        run->sent = need(realloc(run->sent, (run->nsent + rows.n + 1) * sizeof(*sent)));
        for (size_t i = 0; i < rows.n; i++) {
                if (sent[i].kind == SENT_AGAIN)
                        push(&run->replays, sent[i].time_ns);
                else if (sent[i].kind == SENT_ACKED)
                        push(&run->acked, sent[i].position);
                else
                        run->sent[run->nsent++] = sent[i];
        }
        if (rows.n && incarnation > run->last[task]) {
                run->last[task] = incarnation;
                for (size_t i = rows.n; i-- > 0;)
                        if (sent[i].kind == SENT_UP_TO || sent[i].kind == SENT_END) {
                                run->up_to[task] = sent[i].position;
                                break;
                        }
        }
        free(rows.bytes);
}

static bool
is_owed(const struct run *run, uint64_t position)
{
        return position < run->up_to[position % run->ntasks];
}

/* ---- what came --------------------------------------------------------------------------------------- */

static void
take_row(struct run *run, const struct got *got, int64_t *last_seq)
{
        uint64_t position = (uint64_t)got->seq * run->keys + (uint64_t)got->key;

        run->got++;
        push(&run->outputs, got->time_ns);
        if (got->key < 0 || (uint64_t)got->key >= run->keys || got->seq < 0 ||
            got->check != record_check(got->key, got->seq)) {
                run->corrupted++;
                return;
        }
        if (position >= run->total) /* sent by an incarnation that died; its successor ended before it came so far */
                return;
        if (run->seen[position]) {
                run->duplicates++;
                if (got->time_ns < run->first_ns[position])
                        run->first_ns[position] = got->time_ns;
                return;
        }
        run->seen[position] = 1;
        run->first_ns[position] = got->time_ns;
        if (got->seq < last_seq[got->key])
                run->disordered++;
        else
                last_seq[got->key] = got->seq;
}

struct file {
        char name[64];
        unsigned task;
        int incarnation;
};

static int
by_incarnation(const void *a, const void *b)
{
        const struct file *x = a, *y = b;

        return x->task != y->task ? (x->task > y->task) - (x->task < y->task)
                                  : (x->incarnation > y->incarnation) - (x->incarnation < y->incarnation);
}

static size_t
find_files(const struct run *run, const char *kind, struct file **ret)
{
        DIR *directory = need(opendir(run->directory));
        const struct dirent *entry;
        struct file *files = NULL;
        size_t n = 0;
        size_t len = strlen(kind);

        while ((entry = readdir(directory))) {
                struct file file = {0};
                if (strncmp(entry->d_name, kind, len) != 0 ||
                    sscanf(entry->d_name + len, ".%u.%d", &file.task, &file.incarnation) != 2)
                        continue;
                snprintf(file.name, sizeof(file.name), "%s.%u.%d", kind, file.task, file.incarnation);
                files = need(realloc(files, (n + 1) * sizeof(*files)));
                files[n++] = file;
        }
        closedir(directory);
        if (n)
                qsort(files, n, sizeof(*files), by_incarnation);
        *ret = files;
        return n;
}

/* One key goes to one task, so its rows stand in order in the files of that task's incarnations. */
static void
take_journals(struct run *run)
{
        int64_t *last_seq = need(calloc(run->keys, sizeof(*last_seq)));
        struct file *files;
        size_t n = find_files(run, "got", &files);

        for (size_t f = 0; f < n; f++) {
                struct rows rows = read_rows(run->directory, files[f].name, sizeof(struct got));
                for (size_t i = 0; i < rows.n; i++)
                        take_row(run, (struct got *)rows.bytes + i, last_seq);
                free(rows.bytes);
        }
        free(files);
        free(last_seq);
}

/* ---- the strikes ------------------------------------------------------------------------------------- */

static void
read_strikes(struct run *run)
{
        char path[512], line[128];
        FILE *file;

        snprintf(path, sizeof(path), "%s/strikes", run->directory);
        file = fopen(path, "re");
        while (file && fgets(line, sizeof(line), file) && run->nstrikes < STRIKES_MAX)
                run->strikes[run->nstrikes++] = strtoull(line, NULL, 10);
        if (file)
                fclose(file);
}

static int
by_number(const void *a, const void *b)
{
        uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

        return (x > y) - (x < y);
}

static void
sort(struct list *list)
{
        if (list->n)
                qsort(list->items, list->n, sizeof(uint64_t), by_number);
}

/* The first of a sorted list at or after `time`. */
static size_t
after(const struct list *list, uint64_t time)
{
        size_t low = 0, high = list->n;

        while (low < high) {
                size_t middle = (low + high) / 2;
                if (list->items[middle] < time)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

static void
print_times(const char *name, struct list *times)
{
        size_t middle = times->n / 2;

        sort(times);
        if (times->n)
                printf("%s_median_ms %.1f\n%s_worst_ms %.1f\n", name, (double)times->items[middle] / 1e6, name,
                       (double)times->items[times->n - 1] / 1e6);
        free(times->items);
}

static void
measure_gaps(const struct run *run)
{
        struct list gaps = {0};

        for (size_t s = 0; s < run->nstrikes; s++) {
                size_t at = after(&run->outputs, run->strikes[s]);
                uint64_t worst = 0, begin = run->strikes[s] + 50000000;
                for (at = at ? at - 1 : 0; at + 1 < run->outputs.n && run->outputs.items[at] < begin; at++)
                        if (run->outputs.items[at + 1] - run->outputs.items[at] > worst)
                                worst = run->outputs.items[at + 1] - run->outputs.items[at];
                if (at + 1 < run->outputs.n)
                        push(&gaps, worst);
        }
        print_times("gap", &gaps);
}

static void
measure_replays(const struct run *run)
{
        struct list waits = {0};

        for (size_t s = 0; s < run->nstrikes; s++) {
                size_t at = after(&run->replays, run->strikes[s]);
                uint64_t next = s + 1 < run->nstrikes ? run->strikes[s + 1] : UINT64_MAX;
                if (at < run->replays.n && run->replays.items[at] < next)
                        push(&waits, run->replays.items[at] - run->strikes[s]);
        }
        print_times("replay", &waits);
}

/* done_ns[p]: when every position up to p had come out. */
static void
measure_catching_up(const struct run *run)
{
        uint64_t *done_ns = need(calloc(run->total + 1, sizeof(*done_ns))), latest = 0;
        struct list waits = {0};

        for (uint64_t p = 0; p < run->total; p++) {
                if (run->first_ns[p] > latest)
                        latest = run->first_ns[p];
                done_ns[p] = latest;
        }
        for (size_t s = 0; s < run->nstrikes; s++) {
                uint64_t position = 0;
                for (size_t i = 0; i < run->nsent; i++)
                        if (run->sent[i].time_ns <= run->strikes[s] && run->sent[i].position > position)
                                position = run->sent[i].position;
                if (position > run->total)
                        position = run->total;
                if (position && done_ns[position - 1] > run->strikes[s])
                        push(&waits, done_ns[position - 1] - run->strikes[s]);
        }
        print_times("caught_up", &waits);
        free(done_ns);
}

static bool
is_lost(const struct run *run, uint64_t position)
{
        if (run->seen[position])
                return false;
        fprintf(stderr, "lost: position %" PRIu64 "\n", position);
        return true;
}

static void
print_tuples(const struct run *run, bool acked_only, uint64_t *ret_lost)
{
        uint64_t sent = 0, lost = 0;

        for (uint64_t p = 0; p < run->total && !acked_only; p++) {
                sent += is_owed(run, p);
                lost += is_owed(run, p) && is_lost(run, p);
        }
        for (size_t i = 0; i < run->acked.n && acked_only; i++) {
                sent++;
                lost += run->acked.items[i] < run->total && is_lost(run, run->acked.items[i]);
        }
        printf("sent %" PRIu64 "\ngot %" PRIu64 "\nlost %" PRIu64 "\nduplicates %" PRIu64 "\ncorrupted %" PRIu64
               "\ndisordered %" PRIu64 "\n",
               sent, run->got, lost, run->duplicates, run->corrupted, run->disordered);
        *ret_lost = lost;
}

int
main(int argc, char **argv)
{
        struct run run = {0};
        struct file *files;
        uint64_t lost;
        size_t n;

        if (argc < 3)
                return 2;
        run.directory = argv[1];
        run.keys = strtoull(argv[2], NULL, 10);
        for (unsigned t = 0; t < TASKS_MAX; t++)
                run.last[t] = -1;
        n = find_files(&run, "sent", &files);
        for (size_t f = 0; f < n; f++)
                take_sent(&run, files[f].name, files[f].task, files[f].incarnation);
        free(files);
        for (unsigned t = 0; t < run.ntasks; t++)
                if (run.up_to[t] > run.total)
                        run.total = run.up_to[t];
        for (size_t i = 0; i < run.acked.n; i++)
                if (run.acked.items[i] >= run.total)
                        run.total = run.acked.items[i] + 1;
        run.seen = need(calloc(run.total + 1, 1));
        run.first_ns = need(calloc(run.total + 1, sizeof(uint64_t)));
        take_journals(&run);
        print_tuples(&run, argc > 3, &lost);
        read_strikes(&run);
        printf("strikes %zu\n", run.nstrikes);
        sort(&run.outputs);
        sort(&run.replays);
        measure_gaps(&run);
        measure_replays(&run);
        measure_catching_up(&run);
        return lost || run.corrupted ? 1 : 0;
}

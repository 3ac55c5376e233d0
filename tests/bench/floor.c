/* SPDX-License-Identifier: Apache-2.0 */
/*
 * floor - what hand-written C reaches on bare libzmq, with no runtime: the number that `make bench` measures Squall
 * against.
 *
 *     floor words FILE TIMES      source (lines) -> splitter -> counter
 *     floor single FILE TIMES     the same work in one loop of one process, without any transport
 *     floor latency RATE SECONDS  source -> relay -> sink, open loop
 *
 * Each prints one JSON object. Three processes, PUSH/PULL over ipc, batches of 128 KiB, tuples as msgpack arrays of one
 * string written and read by hand. It checks nothing that a trusted peer could not get wrong and survives no failure:
 * that is what makes it the floor.
 *
 * Words: each process finds line ends and white space anew on every pass. The counter keeps words of up to 16 bytes
 * inside its table (open addressing, two multiplications for a hash) and looks up a group of words at once, the slots
 * prefetched. The totals are checked against a count made with the simplest code there is.
 *
 * Latency: tuple i is due at start + i / RATE, and its latency counts from there until the sink has it (latency.h).
 * What is due goes out as one batch.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif
#include <xxhash.h>
#include <zmq.h>

#include "latency.h"

enum { BATCH = 128 * 1024, PAD = 64, GROUP = 16, HIGH_WATER = 32, INLINE = 16 };

/* What the processes share: anonymous memory, made before they fork. */
struct shared {
        uint64_t start_ns, end_ns;
        uint64_t words, distinct, sum; /* the counter's result */
        uint64_t tuples;               /* the sink's: of all that came */
        struct latency latency;
};

struct text {
        const char *bytes;
        size_t size;
        uint64_t times;
};

static struct shared *shared;
static char folder[64];
static int until_sink_ends[2];

static void
need(bool ok, const char *what)
{
        if (ok)
                return;
        fprintf(stderr, "floor: %s: %s\n", what, zmq_strerror(errno));
        _exit(1);
}

static uint64_t
now_ns(void)
{
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* ---- Sockets ----------------------------------------------------------------------------------------- */

static void *
open_socket(void *context, int type, const char *name)
{
        void *socket = zmq_socket(context, type);
        int high_water = HIGH_WATER;
        char endpoint[128];

        need(socket != NULL, "zmq_socket");
        snprintf(endpoint, sizeof(endpoint), "ipc://%s/%s", folder, name);
        zmq_setsockopt(socket, type == ZMQ_PUSH ? ZMQ_SNDHWM : ZMQ_RCVHWM, &high_water, sizeof(high_water));
        need((type == ZMQ_PUSH ? zmq_connect(socket, endpoint) : zmq_bind(socket, endpoint)) == 0, endpoint);
        return socket;
}

/*
 * libzmq loses what a peer that closes had sent and a full queue had not yet taken: so nobody leaves before the sink
 * has everything. Its end of the pipe closes with it.
 */
static void
leave(void *context, void *socket)
{
        char byte;

        while (read(until_sink_ends[0], &byte, 1) < 0 && errno == EINTR)
                ;
        zmq_close(socket);
        zmq_ctx_term(context);
}

/* A batch under construction: the message's own memory, handed to libzmq without a copy. */
struct batch {
        void *socket;
        zmq_msg_t message;
        char *at, *full;
};

static void
begin(struct batch *batch)
{
        need(zmq_msg_init_size(&batch->message, BATCH + PAD) == 0, "zmq_msg_init_size");
        batch->at = zmq_msg_data(&batch->message);
        batch->full = batch->at + BATCH;
}

/* The unused end of a batch is filled with nil, which readers skip: libzmq can't shorten a message. */
static void
flush(struct batch *batch)
{
        memset(batch->at, 0xc0, (size_t)(batch->full + PAD - batch->at));
        need(zmq_msg_send(&batch->message, batch->socket, 0) >= 0, "zmq_msg_send");
        begin(batch);
}

static void
finish(struct batch *batch, void *context)
{
        flush(batch);
        zmq_msg_close(&batch->message);
        need(zmq_send(batch->socket, "", 0, 0) == 0, "zmq_send");
        leave(context, batch->socket);
}

/* ---- Words ------------------------------------------------------------------------------------------- */

static inline bool
is_space(char c)
{
        return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Of 64 bytes, those that are not white space, as bits. */
static inline uint64_t
word_bits(const char *at)
{
        uint64_t bits = 0;
#ifdef __SSE2__
        for (int i = 0; i < 4; i++) {
                __m128i b = _mm_loadu_si128((const __m128i *)(const void *)(at + 16 * i));
                __m128i blank = _mm_cmpeq_epi8(b, _mm_set1_epi8(' '));
                __m128i ctrl = _mm_cmplt_epi8(_mm_add_epi8(b, _mm_set1_epi8((char)(128 - '\t'))),
                                              _mm_set1_epi8(-128 + 5));
                bits |= (uint64_t)(uint16_t)~_mm_movemask_epi8(_mm_or_si128(blank, ctrl)) << (16 * i);
        }
#else
        for (int i = 0; i < 64; i++)
                bits |= (uint64_t)!is_space(at[i]) << i;
#endif
        return bits;
}

typedef void word_sink(void *context, const char *word, size_t len);

/*
 * Hands every word of a line to `sink`. Bytes past the line are read but not looked at: `end` has 64 readable bytes
 * behind it. `inside` is the start of a word that runs from one block of 64 bytes into the next.
 */
static inline __attribute__((always_inline)) void
split(const char *at, const char *end, word_sink *sink, void *context)
{
        const char *inside = NULL;

        for (; at < end; at += 64) {
                uint64_t bits = word_bits(at);
                if (end - at < 64)
                        bits &= (1ull << (end - at)) - 1;
                /* A bit for each change between white space and word, a word before this block taken into account. */
                uint64_t edges = bits ^ (bits << 1 | (inside != NULL));
                while (edges) {
                        const char *edge = at + __builtin_ctzll(edges);
                        edges &= edges - 1;
                        if (inside)
                                sink(context, inside, (size_t)(edge - inside));
                        inside = inside ? NULL : edge;
                }
        }
        if (inside)
                sink(context, inside, (size_t)(end - inside));
}

/* One tuple: an array of one string. The copy may write up to 16 bytes too many, which the batch has room for. */
static inline char *
put_string(char *at, const char *bytes, size_t len)
{
        *at++ = (char)0x91;
        if (len < 32) {
                *at++ = (char)(0xa0 | len);
        } else {
                *at++ = (char)0xda;
                *at++ = (char)(len >> 8);
                *at++ = (char)len;
        }
        if (len <= 16)
                memcpy(at, bytes, 16);
        else
                memcpy(at, bytes, len);
        return at + len;
}

static inline const char *
get_string(const char *at, size_t *len)
{
        uint8_t head = (uint8_t)at[1];

        if (head != 0xda) {
                *len = head & 31u;
                return at + 2;
        }
        *len = (size_t)(uint8_t)at[2] << 8 | (uint8_t)at[3];
        return at + 4;
}

static inline void
put_tuple(struct batch *batch, const char *bytes, size_t len)
{
        if (__builtin_expect(batch->at + len + 4 > batch->full, 0)) {
                need(len + 4 <= BATCH, "a line does not fit a batch");
                flush(batch);
        }
        batch->at = put_string(batch->at, bytes, len);
}

/* ---- The counter ------------------------------------------------------------------------------------- */

struct slot {
        uint64_t low, high; /* the word; a longer one: its hash, its copy */
        uint64_t count;
        uint64_t len; /* 0: free */
};

struct table {
        struct slot *slots;
        uint64_t mask, used;
        uint64_t waiting; /* words of the group so far */
        struct slot words[GROUP];
        uint64_t hashes[GROUP];
};

static void
make_table(struct table *table)
{
        memset(table, 0, sizeof(*table));
        table->mask = (1u << 18) - 1;
        table->slots = calloc(table->mask + 1, sizeof(*table->slots));
        need(table->slots != NULL, "calloc");
}

static inline bool
same_word(const struct slot *a, const struct slot *b)
{
        if (a->low != b->low || a->len != b->len)
                return false;
        if (a->len <= INLINE)
                return a->high == b->high;
        return memcmp((const char *)(uintptr_t)a->high, (const char *)(uintptr_t)b->high, a->len) == 0;
}

static void
insert(struct table *table, struct slot *slot, const struct slot *word)
{
        *slot = *word;
        slot->count = 1;
        if (word->len > INLINE) {
                char *copy = malloc(word->len);
                need(copy != NULL, "malloc");
                memcpy(copy, (const char *)(uintptr_t)word->high, word->len);
                slot->high = (uintptr_t)copy;
        }
        need(++table->used * 2 < table->mask, "more distinct words than this table is made for");
}

static inline void
count_group(struct table *table)
{
        for (uint64_t i = 0; i < table->waiting; i++) {
                const struct slot *word = &table->words[i];
                uint64_t place = table->hashes[i];
                struct slot *slot;
                while ((slot = &table->slots[place & table->mask])->len && !same_word(slot, word))
                        place++;
                if (__builtin_expect(slot->len != 0, 1))
                        slot->count++;
                else
                        insert(table, slot, word);
        }
        table->waiting = 0;
}

/* `word` has 16 readable bytes, and stays where it is until the group is counted. */
static inline void
count_word(void *context, const char *word, size_t len)
{
        static const uint8_t keep[2 * INLINE] = {255, 255, 255, 255, 255, 255, 255, 255,
                                                 255, 255, 255, 255, 255, 255, 255, 255};
        struct table *table = context;
        struct slot *to = &table->words[table->waiting];
        uint64_t bytes[2], masks[2], hash;

        to->len = len;
        if (__builtin_expect(len <= INLINE, 1)) {
                memcpy(bytes, word, sizeof(bytes));
                memcpy(masks, keep + INLINE - len, sizeof(masks));
                to->low = bytes[0] & masks[0];
                to->high = bytes[1] & masks[1];
                hash = (to->low ^ 0x9e3779b97f4a7c15ull) * 0xff51afd7ed558ccdull +
                       (to->high ^ len) * 0xc4ceb9fe1a85ec53ull;
                hash ^= hash >> 32;
        } else {
                to->low = hash = XXH3_64bits(word, len);
                to->high = (uintptr_t)word;
        }
        __builtin_prefetch(&table->slots[hash & table->mask], 1);
        table->hashes[table->waiting] = hash;
        if (++table->waiting == GROUP)
                count_group(table);
}

/* Number of words, of distinct ones, and a sum over all (word, count) that does not depend on their order. */
static void
sum_up(const struct table *table)
{
        for (uint64_t i = 0; i <= table->mask; i++) {
                const struct slot *slot = &table->slots[i];
                const void *word = slot->len <= INLINE ? (const void *)slot : (const void *)(uintptr_t)slot->high;
                if (!slot->len)
                        continue;
                shared->words += slot->count;
                shared->distinct++;
                shared->sum += XXH3_64bits(word, slot->len) * slot->count;
        }
}

/* ---- Words: the three processes ---------------------------------------------------------------------- */

typedef void line_sink(void *context, const char *line, size_t len);

static inline __attribute__((always_inline)) void
each_line(const struct text *text, line_sink *sink, void *context)
{
        const char *end = text->bytes + text->size;

        for (const char *at = text->bytes; at < end;) {
                const char *stop = memchr(at, '\n', (size_t)(end - at));
                if (!stop)
                        stop = end;
                sink(context, at, (size_t)(stop - at));
                at = stop + 1;
        }
}

static void
send_string(void *context, const char *bytes, size_t len)
{
        put_tuple(context, bytes, len);
}

static void
source(const struct text *text)
{
        void *context = zmq_ctx_new();
        struct batch out = {.socket = open_socket(context, ZMQ_PUSH, "lines")};

        begin(&out);
        shared->start_ns = now_ns();
        for (uint64_t i = 0; i < text->times; i++)
                each_line(text, send_string, &out);
        finish(&out, context);
}

/* Calls `sink` for each string of each batch of a socket, until the empty message that ends it. `done` follows each
 * batch. */
static inline __attribute__((always_inline)) void
each_string(void *socket, line_sink *sink, void *context, void (*done)(struct table *))
{
        zmq_msg_t message;

        zmq_msg_init(&message);
        for (;;) {
                need(zmq_msg_recv(&message, socket, 0) >= 0, "zmq_msg_recv");
                const char *at = zmq_msg_data(&message), *end = at + zmq_msg_size(&message) - PAD;
                if (zmq_msg_size(&message) == 0)
                        break;
                while (at < end && (uint8_t)*at == 0x91) {
                        size_t len;
                        const char *bytes = get_string(at, &len);
                        sink(context, bytes, len);
                        at = bytes + len;
                }
                if (done)
                        done(context);
        }
        zmq_msg_close(&message);
}

static void
split_line(void *context, const char *line, size_t len)
{
        split(line, line + len, send_string, context);
}

static void
splitter(void *context, void *in)
{
        struct batch out = {.socket = open_socket(context, ZMQ_PUSH, "words")};

        begin(&out);
        each_string(in, split_line, &out, NULL);
        zmq_close(in);
        finish(&out, context);
}

static void
counter(void *context, void *in)
{
        struct table table;

        make_table(&table);
        each_string(in, count_word, &table, count_group);
        shared->end_ns = now_ns();
        sum_up(&table);
        zmq_close(in);
        zmq_ctx_term(context);
}

static void
count_line(void *context, const char *line, size_t len)
{
        split(line, line + len, count_word, context);
}

/* ---- Latency: the three processes -------------------------------------------------------------------- */

/* A tuple: an array of one uint64, the time at which it was due. */
enum { DUE_SIZE = 10, DUE_MANY = BATCH / DUE_SIZE };

static char *
put_due(char *at, uint64_t due_ns)
{
        uint64_t big = __builtin_bswap64(due_ns);

        *at++ = (char)0x91;
        *at++ = (char)0xcf;
        memcpy(at, &big, sizeof(big));
        return at + sizeof(big);
}

static uint64_t
get_due(const char *at)
{
        uint64_t big;

        memcpy(&big, at + 2, sizeof(big));
        return __builtin_bswap64(big);
}

static uint64_t
sent_in(double rate, double seconds)
{
        return (uint64_t)(rate * (seconds + (double)LATENCY_WARM_UP_NS / 1e9));
}

static void
open_loop(double rate, double seconds)
{
        void *context = zmq_ctx_new(), *socket = open_socket(context, ZMQ_PUSH, "lines");
        uint64_t start = now_ns() + 10000000u, total = sent_in(rate, seconds), sent = 0;
        static char bytes[BATCH];

        prctl(PR_SET_TIMERSLACK, 1ul);
        shared->start_ns = start;
        while (sent < total) {
                uint64_t due = start + (uint64_t)((double)sent * 1e9 / rate), now;
                char *at = bytes;
                struct timespec wake = {.tv_sec = (time_t)(due / 1000000000u), .tv_nsec = (long)(due % 1000000000u)};
                while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &wake, NULL) == EINTR)
                        ;
                for (now = now_ns(); sent < total && due <= now && at - bytes < DUE_MANY * DUE_SIZE - DUE_SIZE;) {
                        at = put_due(at, due);
                        due = start + (uint64_t)((double)++sent * 1e9 / rate);
                }
                if (at > bytes)
                        need(zmq_send(socket, bytes, (size_t)(at - bytes), 0) >= 0, "zmq_send");
        }
        need(zmq_send(socket, "", 0, 0) == 0, "zmq_send");
        leave(context, socket);
}

static void
relay(void *context, void *in)
{
        void *out = open_socket(context, ZMQ_PUSH, "words");
        zmq_msg_t message;
        size_t size;

        zmq_msg_init(&message);
        do {
                need(zmq_msg_recv(&message, in, 0) >= 0, "zmq_msg_recv");
                size = zmq_msg_size(&message);
                need(zmq_msg_send(&message, out, 0) >= 0, "zmq_msg_send");
        } while (size);
        zmq_close(in);
        leave(context, out);
}

static void
sink(void *context, void *in)
{
        zmq_msg_t message;

        zmq_msg_init(&message);
        while (need(zmq_msg_recv(&message, in, 0) >= 0, "zmq_msg_recv"), zmq_msg_size(&message)) {
                const char *at = zmq_msg_data(&message), *end = at + zmq_msg_size(&message);
                uint64_t now = now_ns();
                for (; at < end; at += DUE_SIZE, shared->tuples++)
                        latency_add(&shared->latency, get_due(at), now);
        }
        zmq_close(in);
        zmq_ctx_term(context);
}

/* ---- The whole --------------------------------------------------------------------------------------- */

struct job {
        bool latency;
        double rate, seconds;
        struct text text;
};

enum role { SINK, MIDDLE, SOURCE };

static void
play(enum role role, const struct job *job, int ready)
{
        void *context, *in;

        close(until_sink_ends[role == SINK ? 0 : 1]);
        if (role == SOURCE) {
                if (job->latency)
                        open_loop(job->rate, job->seconds);
                else
                        source(&job->text);
                return;
        }
        context = zmq_ctx_new();
        in = open_socket(context, ZMQ_PULL, role == SINK ? "words" : "lines");
        need(write(ready, "", 1) == 1, "write");
        if (role == SINK && job->latency)
                sink(context, in);
        else if (role == SINK)
                counter(context, in);
        else if (job->latency)
                relay(context, in);
        else
                splitter(context, in);
}

static void
remove_folder(void)
{
        const char *const sockets[] = {"lines", "words"};
        char path[128];

        for (int i = 0; i < 2; i++) {
                snprintf(path, sizeof(path), "%s/%s", folder, sockets[i]);
                unlink(path);
        }
        need(rmdir(folder) == 0, folder);
}

/* Forks the three from the sink to the source; each has bound its socket before the next one starts. */
static void
run_processes(const struct job *job)
{
        pid_t pids[SOURCE + 1];
        int ready[2], status;
        char byte;
        bool failed = false;

        snprintf(folder, sizeof(folder), "/tmp/squall-floor.XXXXXX");
        need(mkdtemp(folder) != NULL, folder);
        need(pipe2(ready, O_CLOEXEC) == 0 && pipe2(until_sink_ends, O_CLOEXEC) == 0, "pipe2");
        for (int role = SINK; role <= SOURCE; role++) {
                pids[role] = fork();
                need(pids[role] >= 0, "fork");
                if (pids[role] == 0) {
                        prctl(PR_SET_PDEATHSIG, SIGKILL);
                        play((enum role)role, job, ready[1]);
                        _exit(0);
                }
                if (role != SOURCE)
                        need(read(ready[0], &byte, 1) == 1, "read");
        }
        close(until_sink_ends[1]);
        for (int left = SOURCE + 1; left > 0; left--) {
                pid_t pid = wait(&status);
                if (pid > 0 && status == 0)
                        continue;
                failed = true;
                for (int role = SINK; role <= SOURCE; role++)
                        if (pids[role] != pid)
                                kill(pids[role], SIGKILL);
        }
        remove_folder();
        if (failed)
                exit(1);
}

/* The file, followed by bytes that split() may read. */
static void
read_text(const char *path, struct text *text)
{
        FILE *file = fopen(path, "re");
        struct stat status;
        char *bytes;

        need(file && fstat(fileno(file), &status) == 0, path);
        text->size = (size_t)status.st_size;
        bytes = calloc(1, text->size + PAD);
        need(bytes != NULL, "calloc");
        need(fread(bytes, 1, text->size, file) == text->size, path);
        fclose(file);
        text->bytes = bytes;
}

static void
simple_count(const struct text *text, struct table *table)
{
        const char *at = text->bytes, *end = at + text->size;

        while (at < end) {
                const char *word = at;
                while (at < end && !is_space(*at))
                        at++;
                if (at > word)
                        count_word(table, word, (size_t)(at - word));
                at++;
        }
        count_group(table);
}

static void
report_words(const char *name, const struct text *text)
{
        struct shared got = *shared;
        struct table table;
        double seconds = (double)(got.end_ns - got.start_ns) / 1e9;

        memset(shared, 0, sizeof(*shared));
        make_table(&table);
        simple_count(text, &table);
        sum_up(&table);
        if (got.words != shared->words * text->times || got.distinct != shared->distinct ||
            got.sum != shared->sum * text->times) {
                fprintf(stderr, "floor: wrong counts: %lu words, %lu distinct\n", (unsigned long)got.words,
                        (unsigned long)got.distinct);
                exit(1);
        }
        printf("{\"bench\":\"%s\",\"words\":%lu,\"distinct\":%lu,\"seconds\":%.3f,\"words_per_s\":%.0f}\n", name,
               (unsigned long)got.words, (unsigned long)got.distinct, seconds, (double)got.words / seconds);
}

static void
run_words(bool single, const char *path, const char *times)
{
        struct job job = {.latency = false};
        struct table table;

        read_text(path, &job.text);
        job.text.times = strtoull(times, NULL, 10);
        if (!single) {
                run_processes(&job);
        } else {
                make_table(&table);
                shared->start_ns = now_ns();
                for (uint64_t i = 0; i < job.text.times; i++)
                        each_line(&job.text, count_line, &table);
                count_group(&table);
                shared->end_ns = now_ns();
                sum_up(&table);
        }
        report_words(single ? "floor-single" : "floor-words", &job.text);
}

static void
run_latency(const char *rate, const char *seconds)
{
        struct job job = {.latency = true, .rate = strtod(rate, NULL), .seconds = strtod(seconds, NULL)};

        run_processes(&job);
        need(shared->tuples == sent_in(job.rate, job.seconds), "a tuple is missing");
        latency_print(&shared->latency, stdout);
}

int
main(int argc, char **argv)
{
        shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        need(shared != MAP_FAILED, "mmap");
        if (argc == 4 && strcmp(argv[1], "words") == 0)
                run_words(false, argv[2], argv[3]);
        else if (argc == 4 && strcmp(argv[1], "single") == 0)
                run_words(true, argv[2], argv[3]);
        else if (argc == 4 && strcmp(argv[1], "latency") == 0)
                run_latency(argv[2], argv[3]);
        else {
                fputs("usage: floor words|single FILE TIMES, floor latency RATE SECONDS\n", stderr);
                return 2;
        }
        return 0;
}

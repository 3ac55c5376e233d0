/* SPDX-License-Identifier: Apache-2.0 */
#include "rig/views.h"

#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "task/task.h"

enum { REMNANT = UINT16_MAX };

/* To open and close pages takes microseconds: so many tuples are closed one by one, those that come later a group at a
 * time. */
enum { ONE_BY_ONE = 4096, GROUP = 64 };

/* A tuple that takes more than a quarter of the ring is executed as it is. */
enum { RING_BYTES = 4 << 20, PAGES_MAX = RING_BYTES / 4096, WHAT_MAX = 256 };

/* What the pages of a tuple begin with; its fields come next. */
struct slot {
        struct sq_tuple tuple;
        size_t size;
        uint8_t bytes[];
};

struct sqi_views {
        uint8_t *ring;
        size_t page, npages;
        size_t next; /* page that the next tuple begins at */
        /* pages that are open: of tuples that are over from `open` to `next`, and ahead up to `ready` */
        size_t open, ready;
        uint64_t ntuples;
        size_t begin, end; /* pages of the tuple under way; none: begin == end */
        uint16_t starts
                /* by page: 1 + the first page of its tuple; 0: none yet; REMNANT: its first page has another tuple */
                [PAGES_MAX];
        bool faulted; /* since the last report */
        char what[WHAT_MAX];
};

struct sqi_views *
sqi_views_new(void)
{
        struct sqi_views *views = calloc(1, sizeof(*views));

        if (!views)
                return NULL;
        views->page = (size_t)sysconf(_SC_PAGESIZE);
        views->npages = RING_BYTES / views->page;
        views->ring = mmap(NULL, RING_BYTES, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (views->ring == MAP_FAILED) {
                free(views);
                return NULL;
        }
        return views;
}

void
sqi_views_free(struct sqi_views **views)
{
        if (!*views)
                return;
        munmap((*views)->ring, RING_BYTES);
        free(*views);
        *views = NULL;
}

static void
protect(const struct sqi_views *views, size_t begin, size_t end, int how)
{
        (void)mprotect(views->ring + begin * views->page, (end - begin) * views->page, how);
}

/* Forbids all that is over, and what is open ahead. */
static void
close_pages(struct sqi_views *views)
{
        if (views->ready > views->open)
                protect(views, views->open, views->ready, PROT_NONE);
        views->open = views->ready = views->next;
}

/* Takes the next pages for a tuple, open. False: it is too large. */
static bool
take_pages(struct sqi_views *views, size_t pages)
{
        if (pages > views->npages / 4)
                return false;
        if (views->next + pages > views->npages) {
                close_pages(views);
                views->next = views->open = views->ready = 0;
        }
        views->begin = views->next;
        views->end = views->next = views->begin + pages;
        if (views->end <= views->ready)
                return true;
        views->ready = views->end + (views->ntuples < ONE_BY_ONE ? 0 : GROUP);
        if (views->ready > views->npages)
                views->ready = views->npages;
        protect(views, views->begin, views->ready, PROT_READ | PROT_WRITE);
        return true;
}

/* Copies the tuple into pages of its own; NULL: it is too large. */
static struct slot *
open_slot(struct sqi_views *views, const struct sq_tuple *in)
{
        size_t size = in->slice.offsets[in->slice.n];

        if (!take_pages(views, (sizeof(struct slot) + size + views->page - 1) / views->page))
                return NULL;
        for (size_t p = views->begin; p < views->end; p++)
                views->starts[p] = (uint16_t)(views->begin + 1);
        for (size_t p = views->end; p < views->npages && views->starts[p] != 0 && views->starts[p] <= p; p++)
                views->starts[p] = REMNANT;
        struct slot *slot = (struct slot *)(void *)(views->ring + views->begin * views->page);
        slot->tuple = *in;
        slot->size = size;
        memcpy(slot->bytes, in->slice.at, size);
        slot->tuple.slice.at = slot->bytes;
        return slot;
}

enum sq_verdict
sqi_views_execute(struct sqi_views *views, struct sq_task *task, const struct sq_tuple *in)
{
        struct slot *slot = views ? open_slot(views, in) : NULL;

        if (!slot)
                return task->instance.code->bolt->execute(task, in);
        task->bolt.tuple = &slot->tuple;
        sqi_task_forget_guess(task); /* it points at the tuple as it came */
        enum sq_verdict verdict = task->instance.code->bolt->execute(task, &slot->tuple);
        task->bolt.tuple = in;
        if (task->bolt.key)
                memset(task->bolt.key, '?', task->bolt.key_size);
        memset(slot->bytes, '?', slot->size);
        views->begin = views->end = 0;
        if (++views->ntuples < ONE_BY_ONE || views->ntuples % GROUP == 0)
                close_pages(views);
        sqi_views_report(views, task);
        return verdict;
}

/* The page of an address in a tuple that is over, or -1. */
static ptrdiff_t
page_of(const struct sqi_views *views, const void *at)
{
        const uint8_t *byte = at;
        size_t page;

        if (byte < views->ring || byte >= views->ring + RING_BYTES)
                return -1;
        page = (size_t)(byte - views->ring) / views->page;
        return views->starts[page] == 0 || (page >= views->begin && page < views->end) ? -1 : (ptrdiff_t)page;
}

/* The pages of the tuple at `page`, opened. */
static void
open_pages(const struct sqi_views *views, ptrdiff_t page, size_t *ret_begin, size_t *ret_end)
{
        size_t begin = views->starts[page] == REMNANT ? (size_t)page : views->starts[page] - 1u, end = begin + 1;

        while (views->starts[page] != REMNANT && end < views->npages && views->starts[end] == views->starts[begin])
                end++;
        protect(views, begin, end, PROT_READ | PROT_WRITE);
        *ret_begin = begin;
        *ret_end = end;
}

static void
describe(const struct sqi_views *views, size_t begin, const void *at, char *what, size_t size)
{
        const struct slot *slot = (const struct slot *)(const void *)(views->ring + begin * views->page);
        const struct sqi_input *input = slot->tuple.input;
        const struct sqi_slice *slice = &slot->tuple.slice;
        const uint8_t *byte = at;
        uint32_t f = 0;

        if (views->starts[begin] == REMNANT) {
                snprintf(what, size, "an earlier tuple");
                return;
        }
        if (byte < slot->bytes) {
                snprintf(what, size, "an earlier tuple from \"%s\"", input->source);
                return;
        }
        while (f + 1 < slice->n && byte >= slot->bytes + slice->offsets[f + 1])
                f++;
        snprintf(what, size, "field \"%s\" of an earlier tuple from \"%s\"",
                 f < input->stream->nfields ? input->stream->fields[f].name : "?", input->source);
}

bool
sqi_views_stale(struct sqi_views *views, const void *at, char *what, size_t size)
{
        ptrdiff_t page = views ? page_of(views, at) : -1;
        size_t begin, end;

        if (page < 0)
                return false;
        open_pages(views, page, &begin, &end);
        describe(views, begin, at, what, size);
        protect(views, begin, end, PROT_NONE);
        if (views->ready > views->next)
                views->ready = views->next; /* it may be one of those ahead */
        return true;
}

bool
sqi_views_fault(struct sqi_views *views, const void *at)
{
        ptrdiff_t page = views ? page_of(views, at) : -1;
        size_t begin, end;

        if (page < 0)
                return false;
        open_pages(views, page, &begin, &end);
        if (!views->faulted)
                describe(views, begin, at, views->what, sizeof(views->what));
        views->faulted = true;
        size_t head = views->starts[begin] == REMNANT ? 0 : sizeof(struct slot);
        memset(views->ring + begin * views->page + head, '?', (end - begin) * views->page - head);
        return true;
}

void
sqi_views_report(struct sqi_views *views, struct sq_task *task)
{
        if (!views || !views->faulted)
                return;
        views->faulted = false;
        protect(views, 0, views->npages, PROT_NONE);
        views->open = views->ready = views->next;
        sqi_task_misuse(
                task,
                "it reads %s (a view is good until the callback returns: copy it, or keep the tuple with sq_keep())",
                views->what);
}

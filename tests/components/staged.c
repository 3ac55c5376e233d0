/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A sink that stages, of a server that is a file: the numbers that are there, and lines "NAME MARK". It is replaced at
 * once, or not at all. PATH.fault says what goes wrong: "away", before anything is done; "lost", when all is done and
 * the answer does not come, once; a number is refused.
 */
#include <errno.h>
#include <squall-kit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct staged {
        struct sq_sink sink;
        const char *path;
        char fault[32], name[256], mark[256], new[512];
};

static void
declare(struct sq_declaration *decl)
{
        const struct staged *self = sq_declared_state(decl);

        sq_sink_declare_staged(&self->sink, decl);
}

/* The first word of a file beside the server's. */
static void
read_fault(struct staged *self)
{
        FILE *file;

        self->fault[0] = '\0';
        snprintf(self->new, sizeof(self->new), "%s.fault", self->path);
        file = fopen(self->new, "re");
        if (file && fscanf(file, "%31s", self->fault) != 1)
                self->fault[0] = '\0';
        if (file)
                fclose(file);
        if (strcmp(self->fault, "lost") == 0)
                unlink(self->new);
}

/* What stands there goes to the new file; our mark is left out. */
static void
copy_rows(struct staged *self, FILE *from, FILE *to)
{
        char line[512], mark[256];

        self->mark[0] = '\0';
        while (from && fgets(line, sizeof(line), from)) {
                if (sscanf(line, "%255s %255[^\n]", self->name, mark) < 2 ||
                    strcmp(self->name, sq_sink_mark_name(&self->sink)) != 0)
                        fputs(line, to);
                else
                        snprintf(self->mark, sizeof(self->mark), "%s", mark);
        }
}

/* 0, or -EBADMSG. */
static int
put_rows(struct staged *self, size_t first, size_t n, FILE *to)
{
        struct sq_record record;
        char text[32];

        for (size_t i = first; i < first + n; i++) {
                sq_sink_record(&self->sink, i, &record);
                snprintf(text, sizeof(text), "%lld", (long long)sq_record_get(&record, "n").as.i);
                if (strcmp(text, self->fault) == 0)
                        return -EBADMSG;
                fprintf(to, "%s\n", text);
        }
        return 0;
}

static int
transact(struct sq_task *task, struct staged *self, size_t first, size_t n)
{
        FILE *from = fopen(self->path, "re"), *to;
        int r;

        snprintf(self->new, sizeof(self->new), "%s.new", self->path);
        to = fopen(self->new, "we");
        if (!to)
                abort();
        copy_rows(self, from, to);
        r = sq_sink_resume(task, (struct sq_str){self->mark, strlen(self->mark)}, &first, &n);
        if (r == 0)
                r = put_rows(self, first, n, to);
        if (r == 0)
                fprintf(to, "%s %s\n", sq_sink_mark_name(&self->sink), sq_sink_mark(&self->sink));
        if (from)
                fclose(from);
        if (fclose(to) != 0 || (r == 0 && rename(self->new, self->path) < 0))
                abort();
        return r;
}

static int
send(struct sq_task *task, size_t first, size_t n, size_t *ret_done)
{
        struct staged *self = sq_state(task);
        int r;

        (void)ret_done;
        if (!self->sink.staged)
                return 0;
        read_fault(self);
        snprintf(self->sink.why, sizeof(self->sink.why), "%s", self->fault);
        r = strcmp(self->fault, "away") == 0 ? -EAGAIN : transact(task, self, first, n);
        return r == 0 && strcmp(self->fault, "lost") == 0 ? -EAGAIN : r;
}

static int
prepare(struct sq_task *task)
{
        return sq_sink_open_staged(task, "server", send);
}

SQ_BOLT(staged) = {
        .state = sizeof(struct staged),
        .options = {SQ_REQ_STR(struct staged, path, "the server"), SQ_OPT_SINK(struct staged, sink)},
        .streams = {SQ_ERRORS},
        .declare = declare,
        .prepare = prepare,
        .execute = sq_sink_execute,
        .flush = sq_sink_flush,
        .finish = sq_sink_flush,
        .cleanup = sq_sink_close,
        .precommit = sq_sink_precommit,
        .commit = sq_sink_commit,
};

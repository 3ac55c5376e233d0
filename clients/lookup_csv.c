/* SPDX-License-Identifier: Apache-2.0 */
/* A CSV file with a header, held in memory as a whole. Of rows with the same key the last one counts. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lookup.h"

/* The file that was read. */
struct csv {
        dev_t device;
        ino_t inode;
        off_t size;
        struct timespec changed;
};

struct header {
        size_t n, key; /* key: the column that is it */
        char *names[SQ_FIELDS_MAX];
};

static int
wrong(struct sqi_lookup *table, const char *what)
{
        snprintf(table->why, sizeof(table->why), "%s", what);
        return -EINVAL;
}

static int
read_header(struct sqi_lookup *table, struct sq_str record, char *scratch, struct header *header)
{
        struct sq_str cell;

        header->key = SQ_FIELDS_MAX;
        while (sq_csv_cell(&record, (struct sq_csv_dialect){0}, &scratch, &cell)) {
                if (header->n == SQ_FIELDS_MAX)
                        return wrong(table, "has more columns than a tuple has fields");
                header->names[header->n] = strndup(cell.ptr, cell.len);
                if (!header->names[header->n])
                        return wrong(table, strerror(ENOMEM));
                if (strcmp(header->names[header->n], table->column) == 0)
                        header->key = header->n;
                header->n++;
        }
        return header->key < header->n ? 0 : wrong(table, "its header lacks the column that is the key");
}

static int
read_row(struct sqi_lookup *table, struct sq_str record, char *scratch, const struct header *header,
         struct sqi_rows *rows)
{
        struct sq_value values[SQ_FIELDS_MAX];
        struct sq_str cell, key = {"", 0};
        size_t n = 0;

        for (; n < header->n && sq_csv_cell(&record, (struct sq_csv_dialect){0}, &scratch, &cell); n++) {
                values[n] = sq_str(cell);
                if (n == header->key)
                        key = cell;
        }
        table->row.len = 0;
        if (sq_encode_values(&table->row, n, (const char *const *)header->names, values) < 0 ||
            !sqi_rows_put(rows, key, (struct sq_str){table->row.bytes, table->row.len}))
                return wrong(table, strerror(ENOMEM));
        return 0;
}

static int
read_record(struct sqi_lookup *table, struct sq_str record, struct header *header, struct sqi_rows *rows)
{
        char *scratch = malloc(record.len + 1);
        int r = scratch ? 0 : wrong(table, strerror(ENOMEM));

        if (r == 0)
                r = header->n == 0 ? read_header(table, record, scratch, header)
                                   : read_row(table, record, scratch, header, rows);
        free(scratch);
        return r;
}

static int
read_all(struct sqi_lookup *table, int fd, struct sqi_rows *rows)
{
        struct sq_reader reader = {.csv = true};
        struct header header = {0};
        struct sq_str record;
        int r = 0, read = 0;

        sq_reader_open(&reader, fd, 0, UINT64_MAX);
        while (r == 0 && (read = sq_reader_next(&reader, true, &record)) > 0)
                r = reader.wrong ? wrong(table, reader.wrong) : read_record(table, record, &header, rows);
        if (r == 0 && read < 0)
                r = wrong(table, sq_reader_error(&reader, read));
        if (r == 0 && header.n == 0)
                r = wrong(table, "has no header");
        for (size_t i = 0; i < header.n; i++)
                free(header.names[i]);
        sq_reader_close(&reader);
        return r;
}

static bool
is_same(const struct csv *csv, const struct stat *about)
{
        return csv->device == about->st_dev && csv->inode == about->st_ino && csv->size == about->st_size &&
               csv->changed.tv_sec == about->st_mtim.tv_sec && csv->changed.tv_nsec == about->st_mtim.tv_nsec;
}

/* All of the file, or what was there stays. */
static int
load(struct sqi_lookup *table)
{
        struct csv *csv = table->own;
        int fd = open(table->place, O_RDONLY | O_CLOEXEC), r;
        struct sqi_rows rows = {0};
        struct stat about;

        if (fd < 0 || fstat(fd, &about) < 0) {
                r = wrong(table, strerror(errno));
                if (fd >= 0)
                        close(fd);
                return r;
        }
        *csv = (struct csv){about.st_dev, about.st_ino, about.st_size, about.st_mtim};
        r = read_all(table, fd, &rows);
        close(fd);
        if (r < 0) {
                sqi_rows_clear(&rows);
                return r;
        }
        sqi_rows_clear(&table->rows);
        table->rows = rows;
        return 0;
}

static int
begin(struct sqi_lookup *table)
{
        table->own = calloc(1, sizeof(struct csv));
        return table->own ? load(table) : wrong(table, strerror(ENOMEM));
}

/* A file that is gone, or is wrong, is read again when it is another one. */
static void
look(struct sqi_lookup *table)
{
        const struct csv *csv = table->own;
        struct stat about;

        table->why[0] = '\0';
        if (stat(table->place, &about) == 0 && !is_same(csv, &about))
                (void)load(table);
}

static void
end(struct sqi_lookup *table)
{
        free(table->own);
        table->own = NULL;
}

const struct sqi_lookup_from sqi_lookup_csv = {.open = begin, .look = look, .close = end};

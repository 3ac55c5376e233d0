/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The log of one topology: what its workers print and what its supervisor has to say about it, in one file, a line
 * each:
 *
 *     2026-11-23T00:20:02.123456Z warning count/1#0 text
 *
 * time (UTC), level, task and incarnation of its worker ("supervisor#0" for what is said about the topology), text.
 * When the file has SQI_LOG_FILE_MAX bytes it becomes log.1, that one log.2, and so on; log.SQI_LOG_FILE_KEPT is the
 * last.
 */
#ifndef SQI_LOG_FILE_H
#define SQI_LOG_FILE_H

#include <limits.h>
#include <stdint.h>
#include <sys/types.h>

#include "squall.h"

enum { SQI_LOG_FILE_MAX = 8 << 20, SQI_LOG_FILE_KEPT = 4, SQI_LOG_FILE_NAME = 192 };

struct sqi_log_file {
        char path[PATH_MAX];
        struct sq_append *file; /* NULL: it could not be opened */
        off_t size;
        uint64_t lost; /* lines that could not be written, since that was last told */
        int error;     /* what became of the last line: 0, or a negative errno */
        bool failing;  /* that has been told */
};

/* 0 or a negative errno. It begins as zeroes: what is added to one that was never to be opened goes nowhere. */
int sqi_log_file_open(const char *path, struct sqi_log_file *ret);
void sqi_log_file_close(struct sqi_log_file *log);

void sqi_log_file_add(struct sqi_log_file *log, enum sq_level level, const char *who, uint32_t incarnation,
                      const char *text);

/* A line of another kind, whole, with its newline. */
void sqi_log_file_add_whole(struct sqi_log_file *log, const char *line, size_t size);

/* Once in a while: is there something to tell? It has begun to lose lines (`error` says why), or it is written again
 * and lacks *ret_lost of them. */
enum sqi_log_news { SQI_LOG_AS_BEFORE, SQI_LOG_FAILS, SQI_LOG_GOES_ON };
enum sqi_log_news sqi_log_file_look(struct sqi_log_file *log, uint64_t *ret_lost);

/* A line that a worker printed: its level and, where several tasks share a worker, its task are taken from its
 * beginning. */
void sqi_log_file_add_line(struct sqi_log_file *log, const char *worker, uint32_t incarnation, const char *line);

/* One line, taken apart: views into it. False: it is none. */
struct sqi_log_entry {
        struct sq_str time, task, text;
        enum sq_level level;
        uint32_t incarnation;
};
bool sqi_log_file_parse(const char *line, size_t len, struct sqi_log_entry *ret);

const char *sqi_level_name(enum sq_level level); /* "warning" */
/* The level that `text` begins with the name of; -1: none. *ret_len is the name's length. */
int sqi_level_of(const char *text, size_t *ret_len);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/log_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { LINE_SIZE = 2048, STAMP_SIZE = 32 };

static const char *const levels[] = {
        [SQ_ERROR] = "error", [SQ_WARN] = "warning", [SQ_INFO] = "info", [SQ_DEBUG] = "debug"};
enum { NLEVELS = sizeof(levels) / sizeof(levels[0]) };

const char *
sqi_level_name(enum sq_level level)
{
        return (int)level < NLEVELS ? levels[level] : "?";
}

int
sqi_level_of(const char *text, size_t *ret_len)
{
        for (int i = 0; i < NLEVELS; i++)
                if (strncmp(text, levels[i], strlen(levels[i])) == 0) {
                        *ret_len = strlen(levels[i]);
                        return i;
                }
        return -1;
}

/* ---- Writing ----------------------------------------------------------------------------------------- */

static int
open_file(const char *path, struct sq_append **ret, off_t *ret_size)
{
        struct stat about;
        int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600), r = 0;

        if (fd < 0)
                return -errno;
        *ret = fstat(fd, &about) < 0 ? NULL : sq_append_new(fd, true);
        if (*ret) {
                *ret_size = about.st_size;
        } else {
                r = -errno;
                close(fd);
        }
        return r;
}

int
sqi_log_file_open(const char *path, struct sqi_log_file *ret)
{
        snprintf(ret->path, sizeof(ret->path), "%s", path);
        ret->error = open_file(path, &ret->file, &ret->size);
        return ret->error;
}

void
sqi_log_file_close(struct sqi_log_file *log)
{
        sq_append_free(&log->file);
}

static void
rotate(struct sqi_log_file *log)
{
        char from[PATH_MAX + 16], to[PATH_MAX + 16], path[PATH_MAX];

        for (int i = SQI_LOG_FILE_KEPT; i > 0; i--) {
                snprintf(from, sizeof(from), i > 1 ? "%s.%d" : "%s", log->path, i - 1);
                snprintf(to, sizeof(to), "%s.%d", log->path, i);
                rename(from, to);
        }
        memcpy(path, log->path, sizeof(path));
        sqi_log_file_close(log);
        sqi_log_file_open(path, log);
}

static void
stamp(char ret[STAMP_SIZE])
{
        struct timespec now;
        struct tm utc;
        size_t n;

        clock_gettime(CLOCK_REALTIME, &now);
        gmtime_r(&now.tv_sec, &utc);
        n = strftime(ret, STAMP_SIZE, "%Y-%m-%dT%H:%M:%S", &utc);
        snprintf(ret + n, STAMP_SIZE - n, ".%06uZ", (unsigned)(now.tv_nsec / 1000) % 1000000u);
}

/* A full disk must not stop a topology: the line is lost then, and counted. */
void
sqi_log_file_add_whole(struct sqi_log_file *log, const char *line, size_t size)
{
        size_t done;

        if (!log->path[0])
                return;
        if (log->file)
                log->error = sq_append(log->file, (struct sq_str){NULL, 0}, line, size, &done);
        if (log->error < 0)
                log->lost++;
        else
                log->size += (off_t)size;
        if (log->size >= SQI_LOG_FILE_MAX)
                rotate(log);
}

enum sqi_log_news
sqi_log_file_look(struct sqi_log_file *log, uint64_t *ret_lost)
{
        if (!log->file && log->path[0])
                log->error = open_file(log->path, &log->file, &log->size);
        *ret_lost = log->lost;
        if (log->error < 0) {
                bool known = log->failing;

                log->failing = true;
                return known ? SQI_LOG_AS_BEFORE : SQI_LOG_FAILS;
        }
        log->failing = false;
        log->lost = 0;
        return *ret_lost > 0 ? SQI_LOG_GOES_ON : SQI_LOG_AS_BEFORE;
}

void
sqi_log_file_add(struct sqi_log_file *log, enum sq_level level, const char *who, uint32_t incarnation, const char *text)
{
        char line[LINE_SIZE], at[STAMP_SIZE];
        int n;

        if (!log->path[0])
                return;
        stamp(at);
        n = snprintf(line, sizeof(line), "%s %s %s#%u %s\n", at, sqi_level_name(level), who, incarnation, text);
        if (n >= LINE_SIZE) {
                n = LINE_SIZE - 1;
                line[n - 1] = '\n';
        }
        for (char *c = line; c < line + n - 1; c++)
                if (*c == '\n')
                        *c = ' ';
        sqi_log_file_add_whole(log, line, (size_t)n);
}

static bool
take_level(const char **line, enum sq_level *ret)
{
        size_t len;
        int level = sqi_level_of(*line, &len);

        if (level < 0 || strncmp(*line + len, ": ", 2) != 0)
                return false;
        *ret = (enum sq_level)level;
        *line += len + 2;
        return true;
}

/* A packed worker is called by all its tasks, "split/0 count/1", and each of them writes its own name before the
 * level. */
static bool
take_task(const char **line, const char *worker, char *ret, size_t size)
{
        const char *end = strstr(*line, ": "), *at;
        size_t len = end ? (size_t)(end - *line) : 0;

        if (len == 0 || len >= size || memchr(*line, ' ', len) || !strchr(worker, ' '))
                return false;
        memcpy(ret, *line, len);
        ret[len] = '\0';
        at = strchr(ret, '/');
        if (!at || at[1] < '0' || at[1] > '9')
                return false;
        *line = end + 2;
        return true;
}

void
sqi_log_file_add_line(struct sqi_log_file *log, const char *worker, uint32_t incarnation, const char *line)
{
        char task[SQI_LOG_FILE_NAME], name[SQI_LOG_FILE_NAME];
        const char *text = line, *who = worker;
        enum sq_level level = SQ_INFO;

        if (take_task(&text, worker, task, sizeof(task)) && take_level(&text, &level)) {
                who = task;
        } else {
                text = line;
                take_level(&text, &level);
        }
        snprintf(name, sizeof(name), "%s", who);
        for (char *c = name; *c; c++)
                if (*c == ' ')
                        *c = ','; /* the name of a packed worker is one word here */
        sqi_log_file_add(log, level, name, incarnation, text);
}

/* ---- Reading ----------------------------------------------------------------------------------------- */

static bool
take_word(const char **at, const char *end, struct sq_str *ret)
{
        const char *space = memchr(*at, ' ', (size_t)(end - *at));

        if (!space || space == *at)
                return false;
        *ret = (struct sq_str){*at, (size_t)(space - *at)};
        *at = space + 1;
        return true;
}

bool
sqi_log_file_parse(const char *line, size_t len, struct sqi_log_entry *ret)
{
        const char *at = line, *end = line + len, *hash;
        struct sq_str level, who;
        size_t n;
        int number;

        if (!take_word(&at, end, &ret->time) || !take_word(&at, end, &level) || !take_word(&at, end, &who))
                return false;
        number = sqi_level_of(level.ptr, &n);
        hash = memrchr(who.ptr, '#', who.len);
        if (number < 0 || n != level.len || !hash)
                return false;
        ret->level = (enum sq_level)number;
        ret->incarnation = 0;
        for (const char *digit = hash + 1; digit < who.ptr + who.len && *digit >= '0' && *digit <= '9'; digit++)
                ret->incarnation = ret->incarnation * 10 + (uint32_t)(*digit - '0');
        ret->task = (struct sq_str){who.ptr, (size_t)(hash - who.ptr)};
        ret->text = (struct sq_str){at, (size_t)(end - at)};
        return true;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/state.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/complain.h"
#include "base/random.h"
#include "base/sealed.h"
#include "daemon/log_file.h"
#include "daemon/killed.h"
#include "daemon/record.h"
#include "daemon/submission.h"

enum { PLACE_SIZE = 96 };
static const char fresh_prefix[] = ".new-", old_prefix[] = ".old-";

/* ---- The directory ----------------------------------------------------------------------------------- */

int
sqi_state_default(char ret[PATH_MAX])
{
        const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");

        if (state && *state)
                snprintf(ret, PATH_MAX, "%s/squall", state);
        else if (geteuid() == 0)
                snprintf(ret, PATH_MAX, "/var/lib/squall");
        else if (home && *home)
                snprintf(ret, PATH_MAX, "%s/.local/state/squall", home);
        else
                return -ENOENT;
        return 0;
}

/* With all that lead to it. */
static int
make_folders(const char *path)
{
        char part[PATH_MAX];

        for (size_t i = 1; i < sizeof(part); i++) {
                int r;

                if (path[i] && path[i] != '/')
                        continue;
                memcpy(part, path, i);
                part[i] = '\0';
                r = sqi_folder_make(AT_FDCWD, part);
                if (r < 0 || !path[i])
                        return r;
        }
        return -ENAMETOOLONG;
}

static int
check_ours(const struct sqi_state *state, char *error, size_t size)
{
        struct stat about;

        if (fstat(state->fd, &about) < 0)
                return sqi_complain(-errno, error, size, "%s: %s", state->path, strerror(errno));
        if (about.st_uid != geteuid())
                return sqi_complain(-EPERM, error, size, "the state directory %s belongs to user %u, not to us",
                                    state->path, about.st_uid);
        if (about.st_mode & 077)
                return sqi_complain(-EPERM, error, size,
                                    "the state directory %s is open to others, mode %03o (chmod 700 %s)", state->path,
                                    (unsigned)about.st_mode & 0777u, state->path);
        return 0;
}

/* Whoever has it has written its pid there. */
static int
take_lock(struct sqi_state *state, char *error, size_t size)
{
        char text[24] = "";
        ssize_t n;
        int r;

        state->lock = openat(state->fd, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (state->lock < 0)
                return sqi_complain(-errno, error, size, "cannot lock the state directory %s: %s", state->path,
                                    strerror(errno));
        if (sqi_lock_take(state->lock) < 0) {
                r = -EWOULDBLOCK;
                n = pread(state->lock, text, sizeof(text) - 1, 0);
                text[n > 0 ? n : 0] = '\0';
                return sqi_complain(
                        r, error, size,
                        "the supervisor with pid %d has the state directory %s (stop it with squall supervisor --stop)",
                        atoi(text), state->path);
        }
        n = snprintf(text, sizeof(text), "%d\n", (int)getpid());
        if (pwrite(state->lock, text, (size_t)n, 0) != n ||
            ftruncate(state->lock, n) < 0) /* in this order a full disk does no harm */
                return sqi_complain(-EIO, error, size, "cannot write %s/lock: %s", state->path, strerror(errno));
        return 0;
}

/* What was under way when a supervisor died: not yet there, or not there any more. */
static void
sweep(struct sqi_state *state)
{
        int fd = sqi_folder_open(state->topologies, ".");
        DIR *folder = fd < 0 ? NULL : fdopendir(fd);
        const struct dirent *entry;

        while (folder && (entry = readdir(folder)))
                if (strncmp(entry->d_name, fresh_prefix, strlen(fresh_prefix)) == 0 ||
                    strncmp(entry->d_name, old_prefix, strlen(old_prefix)) == 0)
                        sqi_folder_remove(state->topologies, entry->d_name);
        if (folder)
                closedir(folder);
        else if (fd >= 0)
                close(fd);
}

static int
open_state(struct sqi_state *state, char *error, size_t size)
{
        int r = make_folders(state->path);

        if (r == 0)
                r = state->fd = sqi_folder_open(AT_FDCWD, state->path);
        if (r < 0)
                return sqi_complain(r, error, size, "cannot use the state directory %s: %s", state->path, strerror(-r));
        r = check_ours(state, error, size);
        if (r == 0)
                r = take_lock(state, error, size);
        if (r < 0)
                return r;
        r = sqi_folder_make(state->fd, "topologies");
        if (r == 0)
                r = state->topologies = sqi_folder_open(state->fd, "topologies");
        if (r < 0)
                return sqi_complain(r, error, size, "cannot use %s/topologies: %s", state->path, strerror(-r));
        r = sqi_folder_make(state->fd, "snapshots");
        if (r == 0)
                r = state->snapshots = sqi_folder_open(state->fd, "snapshots");
        if (r < 0)
                return sqi_complain(r, error, size, "cannot use %s/snapshots: %s", state->path, strerror(-r));
        r = sqi_folder_make(state->fd, "killed");
        if (r == 0)
                r = state->killed = sqi_folder_open(state->fd, "killed");
        if (r < 0)
                return sqi_complain(r, error, size, "cannot use %s/killed: %s", state->path, strerror(-r));
        sweep(state);
        sqi_killed_sweep(state->killed);
        return 0;
}

int
sqi_state_open(const char *path, struct sqi_state *ret, char *error, size_t size)
{
        struct sqi_state state = {.fd = -1, .topologies = -1, .snapshots = -1, .killed = -1, .lock = -1};
        char cwd[PATH_MAX] = "";
        int n, r;

        if (path[0] != '/' && !getcwd(cwd, sizeof(cwd)))
                return sqi_complain(-errno, error, size, "no working directory: %s", strerror(errno));
        n = snprintf(state.path, sizeof(state.path), "%s%s%s", cwd, cwd[0] ? "/" : "", path);
        if (n < 0 || n >= PATH_MAX - NAME_MAX - SQI_ID_MAX - PLACE_SIZE)
                return sqi_complain(-ENAMETOOLONG, error, size, "the state directory is too long a path");
        while (n > 1 && state.path[n - 1] == '/')
                state.path[--n] = '\0';
        r = open_state(&state, error, size);
        if (r < 0)
                sqi_state_close(&state);
        else
                *ret = state;
        return r;
}

void
sqi_state_close(struct sqi_state *state)
{
        if (state->topologies >= 0)
                close(state->topologies);
        if (state->snapshots >= 0)
                close(state->snapshots);
        if (state->killed >= 0)
                close(state->killed);
        if (state->lock >= 0)
                close(state->lock);
        if (state->fd >= 0)
                close(state->fd);
        state->fd = state->topologies = state->snapshots = state->killed = state->lock = -1;
}

const char *
sqi_state_path(const struct sqi_state *state, const char *name, const char *file, char ret[PATH_MAX])
{
        int n = snprintf(ret, PATH_MAX, "%s/topologies/%s/%s", state->path, name, file);

        return n < PATH_MAX ? ret : ""; /* sqi_state_open() has left room for what is ours */
}

static int
compare_names(const void *a, const void *b)
{
        return strcmp(*(const char *const *)a, *(const char *const *)b);
}

char **
sqi_state_names(struct sqi_state *state)
{
        int fd = sqi_folder_open(state->topologies, ".");
        DIR *folder = fd < 0 ? NULL : fdopendir(fd);
        const struct dirent *entry;
        size_t n = 0, count = 0;
        char **names, *at;

        while (folder && (entry = readdir(folder)))
                count++;
        names = malloc((count + 1) * sizeof(*names) + count * (SQI_ID_MAX + 1));
        at = names ? (char *)(names + count + 1) : NULL;
        if (folder)
                rewinddir(folder);
        while (names && folder && n < count && (entry = readdir(folder))) {
                if (!sqi_is_id(entry->d_name))
                        continue;
                names[n++] = strcpy(at, entry->d_name);
                at += strlen(at) + 1;
        }
        if (folder)
                closedir(folder);
        if (names) {
                names[n] = NULL;
                qsort(names, n, sizeof(*names), compare_names);
        }
        return names;
}

/* ---- The record -------------------------------------------------------------------------------------- */

int
sqi_state_put(struct sqi_state *state, const struct sqi_record *record)
{
        return sqi_state_put_at(state, record->name, record);
}

static int
put_at(struct sqi_state *state, const char *name, const struct sqi_record *record)
{
        int folder = sqi_folder_open(state->topologies, name), r;

        if (folder < 0)
                return folder;
        r = sqi_record_write(folder, record);
        close(folder);
        return r;
}

int
sqi_state_put_at(struct sqi_state *state, const char *name, const struct sqi_record *record)
{
        int r;

        sqi_desk_aside(state->desk);
        r = put_at(state, name, record);
        sqi_desk_back(state->desk);
        return r;
}

int
sqi_state_get(struct sqi_state *state, const char *name, struct sqi_record *ret, bool *ret_torn)
{
        int folder = sqi_folder_open(state->topologies, name), r;

        if (folder < 0)
                return folder;
        r = sqi_record_read(folder, ret, ret_torn);
        close(folder);
        return r;
}

/* ---- Topologies -------------------------------------------------------------------------------------- */

/* In the place of one with that name, if there is one: they change places, and the old one is removed. */
static int
put_in_place(struct sqi_state *state, const char *fresh, const char *name)
{
        if (renameat2(state->topologies, fresh, state->topologies, name, RENAME_NOREPLACE) < 0) {
                if (errno != EEXIST ||
                    renameat2(state->topologies, fresh, state->topologies, name, RENAME_EXCHANGE) < 0)
                        return -errno;
                sqi_folder_remove(state->topologies, fresh);
        }
        return fsync(state->topologies) < 0 ? -errno : 0;
}

static int
put_together(struct sqi_state *state, const struct sqi_record *record, struct sqi_plan *plan, struct sq_str yaml,
             const char *place, char *error, size_t size)
{
        char fresh[PLACE_SIZE], components[PATH_MAX];
        struct sqi_submission submission = {.record = record,
                                            .plan = plan,
                                            .yaml = yaml,
                                            .components = sqi_state_path(state, record->name, "components", components),
                                            .letters = state->path};
        int folder, r;

        snprintf(fresh, sizeof(fresh), "%s%s", fresh_prefix, record->serial);
        folder = mkdirat(state->topologies, fresh, 0700) < 0 ? -errno : sqi_folder_open(state->topologies, fresh);
        if (folder < 0) {
                r = sqi_complain(folder, error, size, "cannot write into the state directory: %s", strerror(-folder));
        } else {
                r = sqi_submission_fill(&submission, folder, error, size);
                close(folder);
                if (r == 0) {
                        r = put_in_place(state, fresh, place);
                        if (r < 0)
                                sqi_complain(r, error, size, "cannot write into the state directory: %s", strerror(-r));
                }
                if (r < 0)
                        sqi_folder_remove(state->topologies, fresh);
        }
        return r;
}

static int
add(struct sqi_state *state, const struct sqi_record *record, struct sqi_plan *plan, struct sq_str yaml,
    const char *place, char *error, size_t size)
{
        int r;

        sqi_desk_aside(state->desk);
        r = put_together(state, record, plan, yaml, place, error, size);
        sqi_desk_back(state->desk);
        return r;
}

int
sqi_state_add(struct sqi_state *state, const struct sqi_record *record, struct sqi_plan *plan, struct sq_str yaml,
              char *error, size_t size)
{
        return add(state, record, plan, yaml, record->name, error, size);
}

int
sqi_state_add_next(struct sqi_state *state, const struct sqi_record *record, struct sqi_plan *plan, struct sq_str yaml,
                   char *error, size_t size)
{
        char next[SQI_NEXT_SIZE];

        return add(state, record, plan, yaml, sqi_state_next(record->name, next), error, size);
}

const char *
sqi_state_next(const char *name, char ret[SQI_NEXT_SIZE])
{
        snprintf(ret, SQI_NEXT_SIZE, ".next-%.*s", SQI_ID_MAX, name);
        return ret;
}

static void
move_logs(struct sqi_state *state, const char *from, const char *to)
{
        char source[PLACE_SIZE + 16], target[PLACE_SIZE + 16];

        for (int i = 0; i <= SQI_LOG_FILE_KEPT; i++) {
                char file[16] = "log";

                if (i > 0)
                        snprintf(file, sizeof(file), "log.%d", i);
                snprintf(source, sizeof(source), "%s/%s", from, file);
                snprintf(target, sizeof(target), "%s/%s", to, file);
                renameat(state->topologies, source, state->topologies, target);
        }
}

static int
swap_next(struct sqi_state *state, const char *name)
{
        char next[SQI_NEXT_SIZE];

        move_logs(state, name, sqi_state_next(name, next));
        if (renameat2(state->topologies, next, state->topologies, name, RENAME_EXCHANGE) < 0 ||
            fsync(state->topologies) < 0)
                return -errno;
        return 0;
}

int
sqi_state_swap_next(struct sqi_state *state, const char *name)
{
        int r;

        sqi_desk_aside(state->desk);
        r = swap_next(state, name);
        sqi_desk_back(state->desk);
        return r;
}

/* From the rename on it is not an update any more; a removal that fails or is cut off is ended by the next sweep. */
static int
drop_next(struct sqi_state *state, const char *name)
{
        char next[SQI_NEXT_SIZE], old[PLACE_SIZE];

        snprintf(old, sizeof(old), "%s%016" PRIx64, old_prefix, sqi_random());
        if (renameat(state->topologies, sqi_state_next(name, next), state->topologies, old) < 0)
                return errno == ENOENT ? 0 : -errno;
        if (fsync(state->topologies) < 0)
                return -errno;
        (void)sqi_folder_remove(state->topologies, old);
        return 0;
}

int
sqi_state_drop_next(struct sqi_state *state, const char *name)
{
        int r;

        sqi_desk_aside(state->desk);
        r = drop_next(state, name);
        sqi_desk_back(state->desk);
        return r;
}

static int
remove_all(struct sqi_state *state, const struct sqi_record *record)
{
        char old[PLACE_SIZE], log[PLACE_SIZE];
        int r = drop_next(state, record->name); /* first: it must not become another topology's */

        if (r < 0)
                return r;
        snprintf(log, sizeof(log), "%s/log", record->name);
        if (faccessat(state->topologies, log, F_OK, 0) == 0 &&
            sqi_killed_take(state->killed, state->topologies, record->name) == 0)
                return 0;
        snprintf(old, sizeof(old), "%s%s", old_prefix, record->serial);
        if (renameat(state->topologies, record->name, state->topologies, old) < 0)
                return errno == ENOENT ? 0 : -errno;
        if (fsync(state->topologies) < 0)
                return -errno;
        return sqi_folder_remove(state->topologies, old);
}

int
sqi_state_remove(struct sqi_state *state, const struct sqi_record *record)
{
        int r;

        sqi_desk_aside(state->desk);
        r = remove_all(state, record);
        sqi_desk_back(state->desk);
        return r;
}

bool
sqi_state_killed_log(const struct sqi_state *state, const char *name, char ret[PATH_MAX])
{
        int n = snprintf(ret, PATH_MAX, "%s/killed/%s/log", state->path, name);

        return n < PATH_MAX && sqi_killed_has_log(state->killed, name);
}

int
sqi_state_plan(struct sqi_state *state, const char *name, struct sqi_plan **ret, char *error, size_t size)
{
        int folder = sqi_folder_open(state->topologies, name), r;
        void *bytes;
        size_t length;
        bool torn;

        r = folder < 0 ? folder : sqi_sealed_read(folder, "plan", &bytes, &length, &torn);
        if (folder >= 0)
                close(folder);
        if (r < 0)
                return sqi_complain(r, error, size, "its plan cannot be read: %s", sqi_sealed_reason(r));
        r = sqi_plan_decode(bytes, length, ret, error, size);
        free(bytes);
        return r;
}

/* ---- Snapshots --------------------------------------------------------------------------------------- */

const char *
sqi_state_line(const struct sqi_record *record, char ret[SQI_LINE_FOLDER])
{
        snprintf(ret, SQI_LINE_FOLDER, "%s-%s", record->name, record->line);
        return ret;
}

const char *
sqi_state_snapshots(const struct sqi_state *state, const struct sqi_record *record, char ret[PATH_MAX])
{
        char line[SQI_LINE_FOLDER];
        int n = snprintf(ret, PATH_MAX, "%s/snapshots/%s", state->path, sqi_state_line(record, line));

        return n < PATH_MAX ? ret : "";
}

bool
sqi_state_is_there(const struct sqi_state *state)
{
        struct stat open, named;

        return fstat(state->fd, &open) == 0 && stat(state->path, &named) == 0 && open.st_dev == named.st_dev &&
               open.st_ino == named.st_ino;
}

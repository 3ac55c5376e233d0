/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/daemon.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/sealed.h"
#include "control/lease.h"
#include "daemon/hosted.h"
#include "supervisor/running.h"

enum { TEXT_SIZE = 2048, PREFIX_SIZE = 24 };

void
sqi_daemon_tell(struct sqi_daemon *daemon, enum sq_level level, const char *topology, const char *format, ...)
{
        char text[TEXT_SIZE];
        va_list args;

        if (!daemon->options.tell)
                return;
        va_start(args, format);
        vsnprintf(text, sizeof(text), format, args);
        va_end(args);
        daemon->options.tell(daemon->options.context, level, topology, text);
}

struct sqi_hosted *
sqi_daemon_find(struct sqi_daemon *daemon, struct sq_str name)
{
        for (struct sqi_hosted *hosted = daemon->first; hosted; hosted = hosted->next)
                if (!hosted->discarded && strlen(hosted->record.name) == name.len &&
                    memcmp(hosted->record.name, name.ptr, name.len) == 0)
                        return hosted;
        return NULL;
}

/* ---- Run directories: BASE/top-OURS-SERIAL, OURS being a hash of the state directory, so that each daemon knows its own. ---- */

static const char *
rundir_prefix(const struct sqi_daemon *daemon, char ret[PREFIX_SIZE])
{
        snprintf(ret, PREFIX_SIZE, "top-%08x-", (unsigned)XXH3_64bits(daemon->state.path, strlen(daemon->state.path)));
        return ret;
}

/* Of the snapshots that found no room on disk. */
static const char *
spare_prefix(const struct sqi_daemon *daemon, char ret[PREFIX_SIZE])
{
        rundir_prefix(daemon, ret);
        ret[0] = 's', ret[1] = 'n', ret[2] = 'p'; /* in place of "top" */
        return ret;
}

const char *
sqi_daemon_rundir(const struct sqi_daemon *daemon, const char *serial, char ret[SQI_RUNDIR_SIZE])
{
        char prefix[PREFIX_SIZE];
        int n = snprintf(ret, SQI_RUNDIR_SIZE, "%s/%s%s", daemon->base, rundir_prefix(daemon, prefix), serial);

        return n < SQI_RUNDIR_SIZE ? ret : "";
}

const char *
sqi_daemon_spare(const struct sqi_daemon *daemon, const char *line, char ret[PATH_MAX])
{
        char prefix[PREFIX_SIZE];

        snprintf(ret, PATH_MAX, "%s/%s%s", daemon->base, spare_prefix(daemon, prefix), line);
        return ret;
}

static void
kill_holder(const char *rundir, uint32_t worker)
{
        struct pollfd gone = {.fd = -1, .events = POLLIN};
        uint32_t incarnation;
        pid_t pid = 0, again = 0;

        if (sqi_lease_holder(rundir, worker, &pid, &incarnation) < 0 || pid == 0)
                return;
        gone.fd = pidfd_open(pid, 0);
        if (gone.fd < 0)
                return;
        if (sqi_lease_holder(rundir, worker, &again, &incarnation) == 0 && again == pid &&
            pidfd_send_signal(gone.fd, SIGKILL, NULL, 0) == 0)
                while (poll(&gone, 1, -1) < 0 && errno == EINTR)
                        continue;
        close(gone.fd);
}

/* A run directory that no topology has: its kill was under way when a supervisor died. */
void
sqi_daemon_clear_rundir(struct sqi_daemon *daemon, const char *path)
{
        DIR *folder = opendir(path);
        const struct dirent *entry;
        struct sqi_rundir rundir;
        char error[TEXT_SIZE];
        unsigned worker;

        while (folder && (entry = readdir(folder)))
                if (sscanf(entry->d_name, "w%u", &worker) == 1)
                        kill_holder(path, worker);
        if (folder)
                closedir(folder);
        if (sqi_rundir_open(path, &rundir, error, sizeof(error)) < 0)
                sqi_daemon_tell(daemon, SQ_WARN, NULL, "%s", error);
        else
                sqi_rundir_remove(&rundir);
        sqi_cgroup_remove(&daemon->supervisor->cgroup, path);
}

static bool
is_wanted(const struct sqi_daemon *daemon, const char *path)
{
        for (const struct sqi_hosted *hosted = daemon->first; hosted; hosted = hosted->next)
                if (hosted->record.outcome == SQI_OUTCOME_NONE && strcmp(hosted->record.rundir, path) == 0)
                        return true;
        return false;
}

static void
sweep_rundirs(struct sqi_daemon *daemon)
{
        char prefix[PREFIX_SIZE], path[SQI_RUNDIR_SIZE + NAME_MAX + 2];
        DIR *folder = opendir(daemon->base);
        const struct dirent *entry;

        rundir_prefix(daemon, prefix);
        while (folder && (entry = readdir(folder))) {
                if (strncmp(entry->d_name, prefix, strlen(prefix)) != 0)
                        continue;
                snprintf(path, sizeof(path), "%s/%s", daemon->base, entry->d_name);
                if (!is_wanted(daemon, path))
                        sqi_daemon_clear_rundir(daemon, path);
        }
        if (folder)
                closedir(folder);
}

static bool
is_line(const struct sqi_daemon *daemon, const char *name)
{
        char line[SQI_LINE_FOLDER];

        for (const struct sqi_hosted *hosted = daemon->first; hosted; hosted = hosted->next)
                if (strcmp(sqi_state_line(&hosted->record, line), name) == 0)
                        return true;
        return false;
}

/* Snapshots of topologies that are not there any more. */
static void
sweep_lines(const struct sqi_daemon *daemon, const char *path, const char *prefix)
{
        DIR *folder = opendir(path);
        const struct dirent *entry;

        while (folder && (entry = readdir(folder)))
                if (entry->d_name[0] != '.' && strncmp(entry->d_name, prefix, strlen(prefix)) == 0 &&
                    !is_line(daemon, entry->d_name + strlen(prefix)))
                        sqi_folder_remove(dirfd(folder), entry->d_name);
        if (folder)
                closedir(folder);
}

static void
sweep_all(struct sqi_daemon *daemon)
{
        char path[PATH_MAX + 16], prefix[PREFIX_SIZE];

        if (daemon->unread)
                return;
        sweep_rundirs(daemon);
        snprintf(path, sizeof(path), "%s/snapshots", daemon->state.path);
        sweep_lines(daemon, path, "");
        sweep_lines(daemon, daemon->base, spare_prefix(daemon, prefix));
}

/* ---- The start --------------------------------------------------------------------------------------- */

/* Else it is a shortage that passes. */
static bool
is_damage(int error)
{
        return error == -EBADMSG || error == -ENOENT || error == -EPROTO;
}

static int
look_at_plan(struct sqi_hosted *hosted)
{
        char cause[SQI_RECORD_CAUSE];
        int r = sqi_state_plan(&hosted->daemon->state, hosted->record.name, &hosted->plan, cause, sizeof(cause));

        if (r == 0 || hosted->record.outcome == SQI_OUTCOME_FAILED)
                return 0;
        memcpy(hosted->record.cause, cause, sizeof(cause));
        hosted->record.outcome = SQI_OUTCOME_FAILED;
        return r;
}

static int
load_one(struct sqi_daemon *daemon, const char *name)
{
        struct sqi_record record = {0};
        struct sqi_hosted *hosted;
        bool torn = false;
        int r = sqi_state_get(&daemon->state, name, &record, &torn);

        if (r < 0) {
                snprintf(record.name, sizeof(record.name), "%s", name);
                snprintf(record.cause, sizeof(record.cause), "its record in the state directory cannot be read: %s",
                         is_damage(r) ? "it is damaged (submit it again)" : strerror(-r));
                record.outcome = SQI_OUTCOME_FAILED;
                daemon->unread = true;
        }
        hosted = sqi_hosted_new(daemon, &record);
        if (!hosted)
                return -ENOMEM;
        if (torn)
                sqi_daemon_tell(daemon, SQ_WARN, name, "its record was damaged; the one before it is used");
        if (r == 0)
                r = look_at_plan(hosted);
        if (r < 0 && !is_damage(r)) {
                hosted->record.outcome = SQI_OUTCOME_NONE;
                sqi_hosted_wait(hosted, hosted->record.cause);
                hosted->record.cause[0] = '\0';
        }
        if (hosted->record.outcome == SQI_OUTCOME_FAILED)
                sqi_daemon_tell(daemon, SQ_ERROR, name, "is not run: %s", hosted->record.cause);
        return 0;
}

static int
load(struct sqi_daemon *daemon)
{
        char **names = sqi_state_names(&daemon->state);
        int r = names ? 0 : -ENOMEM;

        for (size_t i = 0; r == 0 && names[i]; i++)
                r = load_one(daemon, names[i]);
        free(names);
        return r;
}

static void
discard(struct sqi_daemon *daemon)
{
        struct sqi_snapshots snapshots;
        struct sqi_hosted *next;

        for (struct sqi_hosted *hosted = daemon->first; hosted; hosted = next) {
                int r;

                next = hosted->next;
                if (!hosted->discarded)
                        continue;
                if (!hosted->running && access(hosted->record.rundir, F_OK) == 0)
                        sqi_daemon_clear_rundir(daemon, hosted->record.rundir);
                sqi_hosted_snapshots(hosted, &snapshots);
                r = sqi_state_remove(&daemon->state, &hosted->record);
                if (r < 0)
                        sqi_daemon_tell(daemon, SQ_ERROR, hosted->record.name,
                                        "cannot remove it from the state directory: %s", strerror(-r));
                else
                        sqi_snapshots_remove(&snapshots);
                sqi_hosted_free(&hosted);
        }
}

static int
open_daemon(struct sqi_daemon *daemon, char *error, size_t size)
{
        int r = sqi_state_open(daemon->options.state, &daemon->state, error, size);

        if (r == 0)
                r = sqi_rundir_base(daemon->base, error, size);
        if (r == 0)
                r = sqi_server_open(daemon->options.socket, &daemon->server, error, size);
        if (r == 0 && daemon->options.listen)
                r = sqi_server_listen(&daemon->server, daemon->options.listen, daemon->options.cert,
                                      daemon->options.clients, error, size);
        if (r < 0)
                return r;
        r = sqi_supervisor_new(&daemon->supervisor, error, size);
        if (r < 0)
                return r;
        r = load(daemon);
        if (r < 0)
                snprintf(error, size, "cannot start: %s", strerror(-r));
        return r;
}

int
sqi_daemon_new(const struct sqi_daemon_options *options, struct sqi_daemon **ret, char *error, size_t size)
{
        struct sqi_daemon *daemon = calloc(1, sizeof(*daemon));
        int r;

        if (!daemon) {
                snprintf(error, size, "out of memory");
                return -ENOMEM;
        }
        daemon->options = *options;
        daemon->state.fd = daemon->state.lock = daemon->state.topologies = daemon->state.snapshots = -1;
        daemon->server.lock = -1;
        r = open_daemon(daemon, error, size);
        if (r < 0) {
                sqi_daemon_free(&daemon);
                return r;
        }
        sqi_state_get_answers(&daemon->state, &daemon->answers);
        sweep_all(daemon);
        for (struct sqi_hosted *hosted = daemon->first; hosted; hosted = hosted->next)
                if (hosted->retry_at)
                        continue;
                else if (hosted->record.outcome == SQI_OUTCOME_NONE || hosted->record.trial)
                        sqi_update_load(hosted);
                else if (hosted->record.wish == SQI_WISH_KILLED)
                        hosted->discarded = true;
        discard(daemon);
        *ret = daemon;
        return 0;
}

void
sqi_daemon_free(struct sqi_daemon **daemon)
{
        struct sqi_daemon *it = *daemon;

        if (!it)
                return;
        while (it->waiters) {
                struct sqi_waiter *waiter = it->waiters;

                it->waiters = waiter->next;
                free(waiter);
        }
        while (it->first) {
                struct sqi_hosted *hosted = it->first;

                if (it->left)
                        sqi_running_leave(&hosted->running);
                sqi_hosted_free(&hosted);
        }
        sqi_supervisor_free(&it->supervisor);
        if (it->server.socket)
                sqi_server_close(&it->server);
        sqi_state_close(&it->state);
        free(it);
        *daemon = NULL;
}

/* ---- The loop ---------------------------------------------------------------------------------------- */

void
sqi_daemon_fds(const struct sqi_daemon *daemon, int ret_fds[SQI_DAEMON_FDS])
{
        ret_fds[0] = sqi_supervisor_fd(daemon->supervisor);
        ret_fds[1] = sqi_server_fd(&daemon->server);
        ret_fds[2] = sqi_gate_fd(&daemon->server.gate);
}

static uint64_t
earlier(uint64_t a, uint64_t b)
{
        return a < b ? a : b;
}

uint64_t
sqi_daemon_due(const struct sqi_daemon *daemon)
{
        uint64_t due = earlier(sqi_supervisor_due(daemon->supervisor), sqi_answer_due(daemon));

        for (const struct sqi_hosted *hosted = daemon->first; hosted; hosted = hosted->next)
                if (hosted->retry_at && !daemon->stopping)
                        due = earlier(due, hosted->retry_at);
        return daemon->first ? earlier(due, daemon->sample_due) : due;
}

static void
take_commands(struct sqi_daemon *daemon)
{
        struct sqi_caller caller;
        zmq_msg_t message;

        zmq_msg_init(&message);
        do {
                daemon->server.touched = false;
                while (sqi_server_receive(&daemon->server, &caller, &message) > 0)
                        sqi_answer(daemon, &caller, zmq_msg_data(&message), zmq_msg_size(&message));
        } while (daemon->server.touched);
        zmq_msg_close(&message);
}

/* Removed or put elsewhere under us: what runs goes on, but nothing can be written down. */
static void
look_at_state(struct sqi_daemon *daemon)
{
        bool lost = !sqi_state_is_there(&daemon->state);

        if (lost && !daemon->lost)
                sqi_daemon_tell(
                        daemon, SQ_ERROR, NULL,
                        "the state directory %s has been removed or replaced: what runs goes on, but nothing is written down any more "
                        "(put it back, or kill the topologies and start the supervisor anew)",
                        daemon->state.path);
        daemon->lost = lost;
}

static void
sample(struct sqi_daemon *daemon, uint64_t now)
{
        if (now < daemon->sample_due)
                return;
        daemon->sample_due = now + SQI_SECOND;
        look_at_state(daemon);
        for (struct sqi_hosted *hosted = daemon->first; hosted; hosted = hosted->next) {
                sqi_status_sample(hosted, now);
                if (sqi_hosted_is_running(hosted))
                        sqi_hosted_save(hosted);
        }
}

void
sqi_daemon_serve(struct sqi_daemon *daemon)
{
        sqi_supervisor_serve(daemon->supervisor);
        sqi_gate_serve(&daemon->server.gate);
        take_commands(daemon);
        for (struct sqi_hosted *hosted = daemon->first; hosted; hosted = hosted->next) {
                sqi_hosted_look(hosted);
                if (sqi_hosted_is_running(hosted))
                        sqi_levels_tell(&hosted->levels, hosted->running);
                sqi_update_watch(hosted, sqi_clock_ns());
                sqi_hosted_retry(hosted, sqi_clock_ns());
        }
        discard(daemon);
        sample(daemon, sqi_clock_ns());
        sqi_answer_waiters(daemon, sqi_clock_ns());
        if (daemon->server.touched)
                take_commands(daemon);
}

/* ---- The end ----------------------------------------------------------------------------------------- */

void
sqi_daemon_stop(struct sqi_daemon *daemon)
{
        for (struct sqi_hosted *hosted = daemon->first; hosted; hosted = hosted->next) {
                if (!sqi_hosted_is_running(hosted))
                        continue;
                if (daemon->stopping)
                        sqi_running_abort(hosted->running);
                else
                        sqi_hosted_hand_over(hosted, NULL, 0);
        }
        daemon->stopping = true;
        daemon->stop_error[0] = '\0';
}

void
sqi_daemon_resume(struct sqi_daemon *daemon, const char *cause)
{
        daemon->stopping = false;
        snprintf(daemon->stop_error, sizeof(daemon->stop_error), "%s", cause);
        sqi_daemon_tell(daemon, SQ_ERROR, NULL, "it is not stopped, for something would be lost: %s", cause);
        for (struct sqi_hosted *hosted = daemon->first; hosted; hosted = hosted->next)
                if (hosted->over && hosted->running && hosted->record.wish != SQI_WISH_KILLED &&
                    sqi_running_lifecycle(hosted->running)->handover)
                        hosted->over = false; /* is looked at anew, and begins again */
}

void
sqi_daemon_leave(struct sqi_daemon *daemon)
{
        daemon->stopping = daemon->left = true;
        for (struct sqi_hosted *hosted = daemon->first; hosted; hosted = hosted->next)
                sqi_hosted_save(hosted);
}

bool
sqi_daemon_is_over(const struct sqi_daemon *daemon)
{
        if (!daemon->stopping || daemon->left)
                return daemon->left;
        for (const struct sqi_hosted *hosted = daemon->first; hosted; hosted = hosted->next)
                if (sqi_hosted_is_running(hosted))
                        return false;
        return true;
}

void
sqi_daemon_reopen_logs(struct sqi_daemon *daemon)
{
        char path[PATH_MAX];

        for (struct sqi_hosted *hosted = daemon->first; hosted; hosted = hosted->next) {
                sqi_journal_close(&hosted->journal);
                (void)sqi_journal_open(sqi_state_path(&daemon->state, hosted->record.name, "log", path),
                                       &hosted->journal);
        }
}

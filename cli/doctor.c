/* SPDX-License-Identifier: Apache-2.0 */
/* What would go wrong on this machine, and the mend: one check a function, one table. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>
#include <zmq.h>

#include "json.h"
#include "supervisor/cgroup.h"
#include "component/catalog.h"
#include "component/connectors.h"
#include "control/mark.h"
#include "supervisor/program.h"
#include "verb.h"

enum verdict { GOOD, WARNING, BAD };
enum { TEXT = 512, FILES_WANTED = 1024, SOCKETS_PATH = 80 };

/* What a check found, and what to do about it ("" when all is well). */
struct finding {
        enum verdict verdict;
        char found[TEXT], mend[TEXT];
};

static void
check_kernel(struct finding *ret)
{
        struct utsname name;
        int fd = (int)syscall(SYS_pidfd_open, getpid(), 0);

        (void)uname(&name);
        snprintf(ret->found, TEXT, "Linux %s", name.release);
        if (fd < 0) {
                ret->verdict = BAD;
                snprintf(ret->mend, TEXT,
                         "pidfd_open() does not work (%s): Linux 5.3 or newer, and a sandbox that allows it",
                         strerror(errno));
                return;
        }
        close(fd);
}

static void
check_libraries(struct finding *ret)
{
        int major, minor, patch;

        zmq_version(&major, &minor, &patch);
        snprintf(ret->found, TEXT, "libzmq %d.%d.%d", major, minor, patch);
        if (major < 4 || (major == 4 && minor < 3)) {
                ret->verdict = BAD;
                snprintf(ret->mend, TEXT, "libzmq 4.3 or newer: apt-get install libzmq5");
        }
}

static void
check_files(struct finding *ret)
{
        struct rlimit limit;

        (void)getrlimit(RLIMIT_NOFILE, &limit);
        snprintf(ret->found, TEXT, "%llu open files (at most %llu)", (unsigned long long)limit.rlim_cur,
                 (unsigned long long)limit.rlim_max);
        if (limit.rlim_max < FILES_WANTED) {
                ret->verdict = WARNING;
                snprintf(
                        ret->mend, TEXT,
                        "a worker needs a descriptor or two for each task it talks to: ulimit -Hn %d, or LimitNOFILE= in the unit",
                        FILES_WANTED);
        }
}

static void
check_cgroup(struct finding *ret)
{
        struct sqi_cgroup cgroup;

        sqi_cgroup_find(&cgroup);
        if (cgroup.memory && cgroup.cpu) {
                snprintf(ret->found, TEXT, "limits of memory and CPU by cgroup v2 below %.300s", cgroup.base);
                return;
        }
        snprintf(ret->found, TEXT, "limits by %s: of %s, files and nice value",
                 cgroup.memory ? "cgroup v2 and rlimits" : "rlimits", cgroup.memory ? "memory" : "a worker's memory");
        snprintf(
                ret->mend, TEXT,
                "%s a cgroup v2 of ours: DelegateSubgroup=supervisor in the unit (systemd 254), or export SQUALL_CGROUP=FOLDER",
                cgroup.base[0] != '\0' ? "for CPU too, the cpu controller in"
                                       : "topology.cpu, topology.worker.cpu and topology.memory.mb want");
}

static void
check_processes(struct finding *ret)
{
        struct rlimit limit;

        (void)getrlimit(RLIMIT_NPROC, &limit);
        if (limit.rlim_cur == RLIM_INFINITY)
                snprintf(ret->found, TEXT, "processes without limit");
        else
                snprintf(ret->found, TEXT, "%llu processes", (unsigned long long)limit.rlim_cur);
        if (limit.rlim_cur != RLIM_INFINITY && limit.rlim_cur < FILES_WANTED) {
                ret->verdict = WARNING;
                snprintf(ret->mend, TEXT,
                         "a task is a process of about four threads: ulimit -u %d, or topology.workers to pack them",
                         FILES_WANTED);
        }
}

static void
check_runtime_folder(struct finding *ret)
{
        const char *folder = getenv("XDG_RUNTIME_DIR"), *where = folder && *folder != '\0' ? folder : "/tmp";
        struct statvfs space;

        snprintf(ret->found, TEXT, "run directories go below %s", where);
        if (access(where, W_OK | X_OK) < 0) {
                ret->verdict = BAD;
                snprintf(ret->mend, TEXT, "%s: %s (export XDG_RUNTIME_DIR to a folder of yours)", where,
                         strerror(errno));
        } else if (strlen(where) > SOCKETS_PATH) {
                ret->verdict = BAD;
                snprintf(
                        ret->mend, TEXT,
                        "its name is too long for sockets, which may have 107 bytes (export XDG_RUNTIME_DIR to a shorter one)");
        } else if (statvfs(where, &space) == 0 && space.f_bavail * space.f_frsize < 16u * 1024 * 1024) {
                ret->verdict = WARNING;
                snprintf(ret->mend, TEXT, "only %llu KiB are free there",
                         (unsigned long long)(space.f_bavail * space.f_frsize / 1024));
        }
}

static void
check_components(struct finding *ret)
{
        enum sq_kind kind;
        size_t found = 0, broken = 0, i;

        for (kind = SQ_KIND_SPOUT; kind <= SQ_KIND_GROUPING; kind++) {
                char **names = sqi_catalog_names(kind);

                for (i = 0; names && names[i]; i++, found++) {
                        char *path = sqi_catalog_find(kind, names[i], "."), error[256] = "";
                        struct sqi_component *component;

                        if (path && sqi_component_load(path, &component, error, sizeof(error)) == 0)
                                sqi_component_close(&component);
                        else if (broken++ == 0)
                                snprintf(ret->mend, TEXT, "%.100s: %.200s (make install again)", names[i], error);
                        free(path);
                }
                sqi_catalog_names_free(names);
        }
        snprintf(ret->found, TEXT, "%zu built-in components", found);
        ret->verdict = broken > 0 ? BAD : GOOD;
        if (found == 0) {
                ret->verdict = BAD;
                snprintf(ret->mend, TEXT,
                         "none are next to the command or in ../lib/squall (make install, or export SQUALL_LIBDIR)");
        }
}

static bool
list_connector(const struct sqi_connector *connector, void *context)
{
        struct finding *ret = context;
        char *text = connector->built ? ret->found : ret->mend;
        size_t used = strlen(text);

        if (connector->built)
                snprintf(text + used, TEXT - used, "%s%s (%s)", used ? ", " : "connectors: ", connector->name,
                         sqi_kind_name(connector->kind));
        else
                snprintf(text + used, TEXT - used, "%s%s %s needs %s",
                         used ? "; " : "not built: ", sqi_kind_name(connector->kind), connector->name,
                         connector->libraries);
        return true;
}

/* Those that stand on a library of their own, which a build may do without. */
static void
check_connectors(struct finding *ret)
{
        static const char how[] = ": install what is missing (as root: make deps) and build again";
        size_t used;

        sqi_connectors_each(list_connector, ret);
        if (ret->found[0] == '\0')
                snprintf(ret->found, TEXT, "no connectors are built in");
        used = strlen(ret->mend);
        if (used > 0) {
                ret->verdict = WARNING;
                snprintf(ret->mend + used, TEXT - used, "%s", how);
        }
}

static void
check_worker(struct finding *ret)
{
        int program = sqi_program_open(ret->mend, TEXT);

        ret->verdict = program < 0 ? BAD : GOOD;
        snprintf(ret->found, TEXT, program < 0 ? "no worker can be started" : SQI_WORKER_PROGRAM " is of this version");
        if (program >= 0)
                close(program);
}

static void
check_cores(struct finding *ret)
{
        char pattern[128] = "";
        FILE *file = fopen("/proc/sys/kernel/core_pattern", "re");
        struct rlimit limit;

        if (file && fgets(pattern, sizeof(pattern), file))
                pattern[strcspn(pattern, "\n")] = '\0';
        if (file)
                fclose(file);
        (void)getrlimit(RLIMIT_CORE, &limit);
        snprintf(ret->found, TEXT,
                 limit.rlim_cur > 0 ? "cores of crashed components go to %s" : "no cores of crashed components%.0s",
                 pattern);
        if (limit.rlim_cur == 0)
                snprintf(ret->mend, TEXT,
                         "ulimit -c unlimited keeps them; a crash is reported with its tuple and backtrace anyway");
}

static void
check_memory(struct finding *ret)
{
        long pages = sysconf(_SC_AVPHYS_PAGES), size = sysconf(_SC_PAGESIZE), cpus = sysconf(_SC_NPROCESSORS_ONLN);
        long free_mb = pages / 1024 * size / 1024;

        snprintf(ret->found, TEXT, "%ld CPUs, %ld MiB of free memory", cpus, free_mb);
        if (free_mb < 64) {
                ret->verdict = WARNING;
                snprintf(
                        ret->mend, TEXT,
                        "a worker takes about 8 MiB, and its channels topology.channel.batches x topology.batch.bytes each");
        }
}

static void
check_compiler(struct finding *ret)
{
        bool found = system("command -v cc >/dev/null 2>&1") == 0; /* NOLINT(cert-env33-c): the shell's own look-up */

        snprintf(ret->found, TEXT, found ? "a C compiler, for components of your own" : "no C compiler");
        if (!found) {
                ret->verdict = WARNING;
                snprintf(ret->mend, TEXT, "components of your own need one: apt-get install gcc libc6-dev");
        }
}

static const struct {
        const char *name;
        void (*run)(struct finding *ret);
} checks[] = {
        {"kernel", check_kernel},         {"libraries", check_libraries},   {"files", check_files},
        {"processes", check_processes},   {"limits", check_cgroup},         {"runtime", check_runtime_folder},
        {"components", check_components}, {"connectors", check_connectors}, {"worker", check_worker},
        {"memory", check_memory},         {"cores", check_cores},           {"compiler", check_compiler},
};

static const char *const verdicts[] = {"ok", "warning", "error"};

static void
print(struct sqi_writer *json, const char *name, const struct finding *finding)
{
        if (!json) {
                printf("%-7s  %-10s  %s\n", verdicts[finding->verdict], name, finding->found);
                if (finding->mend[0] != '\0')
                        printf("%21s%s\n", "", finding->mend);
                return;
        }
        sqi_write_map(json, NULL);
        sqi_write_text(json, "check", name);
        sqi_write_text(json, "verdict", verdicts[finding->verdict]);
        sqi_write_text(json, "found", finding->found);
        sqi_write_text(json, "mend", finding->mend[0] != '\0' ? finding->mend : NULL);
        sqi_write_end(json);
}

static int
run(const struct cli_args *args)
{
        struct sqi_writer json = sqi_writer(SQI_JSON), *as_json = cli_flag(args, "json") ? &json : NULL;
        int status = CLI_DONE;
        size_t i;

        if (as_json) {
                sqi_write_map(&json, NULL);
                sqi_write_array(&json, "checks");
        }
        for (i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
                struct finding finding = {.verdict = GOOD};

                checks[i].run(&finding);
                print(as_json, checks[i].name, &finding);
                status = finding.verdict == BAD ? CLI_FAILED : status;
        }
        if (as_json) {
                sqi_write_end(&json);
                sqi_write_end(&json);
                cli_json_print(&json);
        }
        return status;
}

SQI_VERB(doctor) = {
        .about = "Look for what would go wrong on this machine, and say the mend.",
        .details = "Exit status: 0 nothing is in the way (there may be warnings); 1 something is.",
        .options = {CLI_OPTION_JSON},
        .example = "squall doctor",
        .run = run,
};

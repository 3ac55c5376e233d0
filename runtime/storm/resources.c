/* SPDX-License-Identifier: Apache-2.0 */
#include "storm/resources.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/complain.h"
#include "base/home.h"
#include "component/catalog.h"

#if defined(__x86_64__)
#define MACHINE "x86_64"
#define LOADER "/lib64/ld-linux-x86-64.so.2"
#elif defined(__aarch64__)
#define MACHINE "aarch64"
#define LOADER "/lib/ld-linux-aarch64.so.1"
#else
#define MACHINE ""
#define LOADER ""
#endif

#define PROGRAM "squall-shell"

static const char start[] = "# How Storm starts a component of a Squall topology.\n"
                            "[ \"$(uname -m)\" = " MACHINE
                            " ] || { echo \"squall: the topology was submitted from a machine of kind " MACHINE
                            ", and this node is $(uname -m)\" >&2; exit 2; }\n"
                            "why=$(" LOADER " --list ./" PROGRAM " 2>&1 >/dev/null) || "
                            "{ echo \"squall: this node cannot run " PROGRAM ": $why\" >&2; exit 2; }\n"
                            "exec " LOADER " ./" PROGRAM "\n";

/* What is packed, and the words of it: all that lives as long as the plan. */
struct packing {
        struct sqi_plan *plan;
        struct sqi_jar *jar;
        struct sqi_arena *arena;
        size_t nlibraries, nfiles, files_size;
        const char *libraries[256]; /* names of those that are in it */
        char *error;
        size_t size;
};

static int
add_file(struct packing *packing, const char *name, const char *path)
{
        char entry[PATH_MAX];
        int r;

        snprintf(entry, sizeof(entry), "resources/%s", name);
        r = sqi_jar_add_file(packing->jar, entry, path);
        return r < 0 ? sqi_complain(r, packing->error, packing->size, "cannot read %s: %s", path, strerror(-r)) : 0;
}

/* ---- Libraries --------------------------------------------------------------------------------------- */

/* Every node has them, and of the version that its loader is of. */
static bool
is_of_libc(const char *name)
{
        static const char *const names[] = {"ld-linux", "libc.so",      "libm.so",   "libdl.so",     "libpthread.so",
                                            "librt.so", "libresolv.so", "libanl.so", "linux-vdso.so"};

        for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
                if (strncmp(name, names[i], strlen(names[i])) == 0)
                        return true;
        return false;
}

static int
add_library(struct packing *packing, const char *name, const char *path)
{
        char real[PATH_MAX];

        if (is_of_libc(name))
                return 0;
        for (size_t i = 0; i < packing->nlibraries; i++)
                if (strcmp(packing->libraries[i], name) == 0)
                        return 0;
        if (packing->nlibraries == sizeof(packing->libraries) / sizeof(packing->libraries[0]))
                return sqi_complain(-E2BIG, packing->error, packing->size, "the components need too many libraries");
        if (!(packing->libraries[packing->nlibraries] = sqi_arena_text(packing->arena, name)))
                return sqi_complain(-ENOMEM, packing->error, packing->size, "out of memory");
        packing->nlibraries++;
        return add_file(packing, name, realpath(path, real) ? real : path);
}

/* A line of the loader's: NAME => PATH (ADDRESS). */
static int
take_line(struct packing *packing, char *line, const char *of)
{
        char *arrow = strstr(line, " => "), *end;

        if (!arrow)
                return 0;
        *arrow = '\0';
        line += strspn(line, " \t");
        if (strncmp(arrow + 4, "not found", 9) == 0)
                return sqi_complain(-ENOENT, packing->error, packing->size,
                                    "%s needs the library %s, which is not here", of, line);
        end = strstr(arrow + 4, " (");
        if (end)
                *end = '\0';
        return add_library(packing, line, arrow + 4);
}

/* The loader knows what it would load. */
static int
add_libraries(struct packing *packing, const char *path)
{
        char command[PATH_MAX + 64], *line = NULL;
        size_t room = 0;
        FILE *list;
        int r = 0;

        if (strchr(path, '\''))
                return sqi_complain(-EINVAL, packing->error, packing->size, "%s: a path with a quote is not taken",
                                    path);
        snprintf(command, sizeof(command), LOADER " --list '%s' 2>/dev/null", path);
        list = popen(command, "re");
        if (!list)
                return sqi_complain(-errno, packing->error, packing->size, "cannot run " LOADER ": %s",
                                    strerror(errno));
        while (r == 0 && getline(&line, &room, list) > 0)
                r = take_line(packing, line, path);
        free(line);
        (void)pclose(list);
        return r;
}

/* ---- The program, components, files -------------------------------------------------------------------- */

static int
add_program(struct packing *packing)
{
        char *place;
        int r = -ENOENT;

        for (size_t i = 0; r == -ENOENT && (place = sqi_home_place(PROGRAM, i)); i++) {
                if (access(place, R_OK) == 0) {
                        r = add_file(packing, PROGRAM, place);
                        if (r == 0)
                                r = add_libraries(packing, place);
                }
                free(place);
        }
        return r == -ENOENT ? sqi_complain(r, packing->error, packing->size,
                                           "the program " PROGRAM " is not beside squall (install Squall anew)")
                            : r;
}

/* Is it of the folder of the topology file? Then it goes along; else it is a path of the nodes. */
static bool
is_within(const char *path, const char *folder)
{
        size_t len = strlen(folder);

        return strncmp(path, folder, len) == 0 && path[len] == '/';
}

static int
ship_file(struct packing *packing, const char **path)
{
        const char *slash = strrchr(*path, '/');
        char *name = sqi_arena_print(packing->arena, "files/%zu-%s", packing->nfiles++, slash ? slash + 1 : *path);
        struct stat stat_of;
        int r;

        if (!name)
                return sqi_complain(-ENOMEM, packing->error, packing->size, "out of memory");
        if (stat(*path, &stat_of) == 0)
                packing->files_size += (size_t)stat_of.st_size;
        if (packing->files_size > SQI_RESOURCES_FILES_MAX)
                return sqi_complain(
                        -EFBIG, packing->error, packing->size,
                        "%s: the files of a topology go to every node, and are %d MiB together at most (give "
                        "a path outside the topology file's folder, which each node has)",
                        *path, SQI_RESOURCES_FILES_MAX >> 20);
        r = add_file(packing, name, *path);
        *path = name;
        return r;
}

static int
ship_files(struct packing *packing, struct sqi_plan_component *component, const struct sqi_component *loaded)
{
        const struct sq_option *options = sqi_component_options(loaded);
        int r = 0;

        for (uint32_t i = 0; i < component->nsettings && r == 0; i++) {
                struct sqi_setting *setting = &component->settings[i];
                const struct sq_option *option = sqi_option_find(options, setting->name);

                if (option && option->type == SQ_OPTION_PATH && setting->shape == SQI_SCALAR &&
                    is_within(setting->values[0], packing->plan->directory) && access(setting->values[0], R_OK) == 0)
                        r = ship_file(packing, &setting->values[0]);
        }
        return r;
}

static int
add_component(struct packing *packing, struct sqi_plan_component *component)
{
        char *name = sqi_arena_print(packing->arena, "/components/%s.so", component->id);
        struct sqi_component *loaded = NULL;
        int r = name ? 0 : sqi_complain(-ENOMEM, packing->error, packing->size, "out of memory");

        if (r == 0)
                r = sqi_component_load(component->path, &loaded, packing->error, packing->size);
        if (r == 0)
                r = add_file(packing, name + 1, component->path);
        if (r == 0)
                r = add_libraries(packing, component->path);
        if (r == 0)
                r = ship_files(packing, component, loaded);
        sqi_component_close(&loaded);
        component->path = name;
        return r;
}

static int
add_plan(struct packing *packing)
{
        void *bytes = NULL;
        size_t length = 0;
        int r = sqi_plan_encode(packing->plan, &bytes, &length);

        if (r == 0)
                sqi_jar_add(packing->jar, "resources/plan", bytes, length);
        free(bytes);
        return r < 0 ? sqi_complain(r, packing->error, packing->size, "out of memory") : 0;
}

int
sqi_resources_pack(struct sqi_plan *plan, struct sqi_arena *arena, struct sqi_jar *jar, char *error, size_t size)
{
        struct packing packing = {.plan = plan, .jar = jar, .arena = arena, .error = error, .size = size};
        int r = 0;

        if (LOADER[0] == '\0')
                r = sqi_complain(-ENOTSUP, error, size, "a topology goes to Storm from x86-64 and AArch64 only");
        sqi_jar_add(jar, "resources/" SQI_RESOURCES_SCRIPT, start, sizeof(start) - 1);
        if (r == 0)
                r = add_program(&packing);
        for (uint32_t c = 0; c < plan->ncomponents && r == 0; c++)
                r = add_component(&packing, &plan->components[c]);
        plan->directory = "/";
        if (r == 0)
                r = add_plan(&packing);
        if (r == 0 && (r = sqi_jar_end(jar)) < 0)
                (void)sqi_complain(r, error, size, "the jar gets too large: %s", strerror(-r));
        return r;
}

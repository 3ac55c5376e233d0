/* SPDX-License-Identifier: Apache-2.0 */
#include "save.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "command/server.h"
#include "component/catalog.h"
#include "control/snapshot_format.h"
#include "update_plan.h"
#include "tuple/writer.h"

int
cli_full_path(const char *path, char ret[PATH_MAX])
{
        char folder[PATH_MAX];
        int n;

        if (path[0] == '/') {
                n = snprintf(ret, PATH_MAX, "%s", path);
        } else {
                if (!getcwd(folder, sizeof(folder)))
                        return cli_error(CLI_FAILED, "the working directory cannot be found: %s", strerror(errno));
                n = snprintf(ret, PATH_MAX, "%s/%s", folder, path);
        }
        while (n > 1 && n < PATH_MAX && ret[n - 1] == '/')
                ret[--n] = '\0';
        return n < PATH_MAX ? CLI_DONE : cli_error(CLI_USAGE, "%s is too long a path", path);
}

/* STATE/savepoints/NAME-TIME */
static int
default_path(struct cli_talk *talk, const char *name, char ret[PATH_MAX])
{
        struct sqi_request request = {.command = SQI_COMMAND_PING, .seconds = -1};
        int status = cli_ask(talk, &request), n;
        time_t now = time(NULL);
        struct tm utc;
        char text[32];

        if (status != CLI_DONE)
                return status;
        struct sq_str folder = cli_get_str(talk->value, "state_dir");
        gmtime_r(&now, &utc);
        strftime(text, sizeof(text), "%Y%m%dT%H%M%SZ", &utc);
        n = snprintf(ret, PATH_MAX, "%.*s/savepoints/%s-%s", (int)folder.len, folder.ptr, name, text);
        return n < PATH_MAX ? CLI_DONE : cli_error(CLI_FAILED, "the path of the state directory is too long");
}

int
cli_save(bool lossy, struct cli_talk *talk, const char *name, const char *path, bool ends, char ret_path[PATH_MAX])
{
        struct sqi_request request = {
                .command = SQI_COMMAND_SAVEPOINT, .seconds = -1, .name = cli_str(name), .leave = ends};
        struct sqi_plan *plan = NULL;
        struct sq_str source = {NULL, 0};
        int status = cli_running_plan(talk, name, &plan, &source);

        free((void *)(uintptr_t)source.ptr);
        if (status == CLI_DONE && !lossy && !sqi_server_is_remote(talk->path))
                status = cli_check_keeps(plan);
        sqi_plan_free(&plan);
        if (status == CLI_DONE)
                status = path ? cli_full_path(path, ret_path) : default_path(talk, name, ret_path);
        request.path = cli_str(ret_path);
        if (status == CLI_DONE)
                status = cli_ask(talk, &request);
        if (status == CLI_DONE)
                status = cli_await(talk, cli_get_str(talk->value, "topology"), cli_get_str(talk->value, "serial"),
                                   "saved");
        return status;
}

void
cli_print_saved(const char *name, const char *path)
{
        struct sqi_writer writer = sqi_writer(SQI_JSON);

        sqi_write_map(&writer, NULL);
        sqi_write_text(&writer, "topology", name);
        sqi_write_text(&writer, "path", path);
        sqi_write_end(&writer);
        printf("%.*s\n", (int)writer.size, (const char *)writer.bytes);
        sqi_writer_drop(&writer);
}

/* ---- Beginning from one ------------------------------------------------------------------------------ */

static const struct sqi_plan_component *
owner_of(const struct sqi_plan *plan, const char *file)
{
        for (uint32_t c = 0; c < plan->ncomponents; c++) {
                size_t n = strlen(plan->components[c].id);

                if (strncmp(file, plan->components[c].id, n) == 0 && file[n] == '.' &&
                    file[n + 1 + strspn(file + n + 1, "0123456789")] == '\0')
                        return &plan->components[c];
        }
        return NULL;
}

/* NULL: the component takes the keys in this file. */
static const char *
obstacle(const struct sqi_plan_component *component, const char *path, const struct sqi_manifest_file *file)
{
        struct sqi_component *loaded = NULL;
        struct file_head about;
        char whole[PATH_MAX + SQI_MANIFEST_FILE + 1], error[256];
        const char *why = NULL;

        snprintf(whole, sizeof(whole), "%s/%s", path, file->name);
        if (sqi_snapshot_look(AT_FDCWD, whole, &about) < 0)
                return "its file is of another version";
        if (about.nkeys == 0)
                return NULL;
        if (sqi_component_load(component->path, &loaded, error, sizeof(error)) < 0)
                return "its component cannot be loaded";
        if (!sqi_component_hands_on(loaded) || !sqi_bolt_takes(loaded->bolt, about.state_version, about.state_size))
                why = "its component keeps another state for a key (or another `.state_version`, and no `.migrate` that reads it)";
        sqi_component_close(&loaded);
        return why;
}

int
cli_open_savepoint(const char *path, const struct sqi_plan *plan, struct sqi_savepoint *ret)
{
        struct sqi_savepoint savepoint;
        char error[PATH_MAX + 512];
        int r = sqi_savepoint_open(path, NULL, &savepoint, error, sizeof(error));

        if (r < 0)
                return cli_error(CLI_USAGE, "%s", error);
        if (sqi_savepoint_fits(&savepoint, plan, error, sizeof(error)) < 0)
                r = cli_error(CLI_USAGE, "%s", error);
        for (uint32_t i = 0; i < savepoint.manifest.nfiles && r == 0; i++) {
                const struct sqi_manifest_file *file = &savepoint.manifest.files[i];
                const struct sqi_plan_component *component = owner_of(plan, file->name);
                const char *why = component ? obstacle(component, savepoint.path, file) : NULL;

                if (why)
                        r = cli_error(CLI_USAGE, "it cannot begin from %s: the keys of '%s' have no place: %s", path,
                                      component->id, why);
        }
        if (r != 0)
                sqi_savepoint_close(&savepoint);
        else
                *ret = savepoint;
        return r;
}

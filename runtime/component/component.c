/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loads a component and mistrusts it: the file is looked at before the dynamic linker sees it, the manifest before the
 * definition, the definition before anybody uses it. What a table of a definition says is within the limits of squall.h
 * afterwards.
 */
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "component/catalog.h"
#include "component/elf.h"
#include "component/settings.h"

#define KIT "libsquall-kit.so"

/* Where an error goes. */
struct report {
        char *error;
        size_t size;
};

static int refuse(const struct report *report, int r, const char *format, ...) SQ_PRINTF(3, 4);

static int
refuse(const struct report *report, int r, const char *format, ...)
{
        va_list args;

        va_start(args, format);
        vsnprintf(report->error, report->size, format, args);
        va_end(args);
        return r;
}

const struct sq_option *
sqi_component_options(const struct sqi_component *component)
{
        if (component->grouping)
                return component->grouping->options;
        return component->bolt ? component->bolt->options : component->spout->options;
}

const char *
sqi_component_about(const struct sqi_component *component)
{
        const char *about = component->grouping ? component->grouping->about
                            : component->bolt   ? component->bolt->about
                                                : component->spout->about;

        return about ? about : "";
}

size_t
sqi_component_state_size(const struct sqi_component *component)
{
        if (component->grouping)
                return component->grouping->state;
        return component->bolt ? component->bolt->state : component->spout->state;
}

const struct sq_field *
sqi_component_out(const struct sqi_component *component)
{
        return component->kind == SQ_KIND_BOLT ? component->bolt->out : component->spout->out;
}

const struct sq_stream *
sqi_component_streams(const struct sqi_component *component)
{
        return component->kind == SQ_KIND_BOLT ? component->bolt->streams : component->spout->streams;
}

sqi_declare_fn
sqi_component_declare(const struct sqi_component *component)
{
        return component->kind == SQ_KIND_BOLT ? component->bolt->declare : component->spout->declare;
}

sqi_declare_fn
sqi_component_probe(const struct sqi_component *component)
{
        return component->kind == SQ_KIND_BOLT ? component->bolt->probe : component->spout->probe;
}

size_t
sqi_component_key_state(const struct sqi_component *component)
{
        return component->bolt ? component->bolt->key_state : component->spout->key_state;
}

bool
sqi_component_hands_on(const struct sqi_component *component)
{
        return component->kind == SQ_KIND_BOLT && component->bolt->key_state > 0 && !component->bolt->state_is_volatile;
}

bool
sqi_bolt_takes(const struct sq_bolt *bolt, uint32_t version, size_t size)
{
        return version == bolt->state_version ? size == bolt->key_state : bolt->migrate != NULL;
}

static size_t
option_size(enum sq_option_type type)
{
        static const size_t sizes[] = {
                [SQ_OPTION_INT] = sizeof(int64_t),         [SQ_OPTION_FLOAT] = sizeof(double),
                [SQ_OPTION_BOOL] = sizeof(bool),           [SQ_OPTION_STR] = sizeof(const char *),
                [SQ_OPTION_PATH] = sizeof(const char *),   [SQ_OPTION_ENUM] = sizeof(int64_t),
                [SQ_OPTION_LIST] = sizeof(struct sq_list), [SQ_OPTION_MAP] = sizeof(struct sq_pairs),
                [SQ_OPTION_OUTPUT] = sizeof(const char *), [SQ_OPTION_NESTED] = sizeof(struct sq_nested),
        };

        return (size_t)type < sizeof(sizes) / sizeof(sizes[0]) ? sizes[type] : 0;
}

static int
check_option(const struct report *report, const struct sq_option *options, size_t i, size_t state)
{
        const struct sq_option *option = &options[i];
        size_t size = option_size(option->type);
        const char *fallback;
        struct sqi_setting setting;
        void *block;
        int r;

        if (size == 0 || option->offset > state || state - option->offset < size)
                return refuse(report, -EINVAL, "its setting '%s' does not lie in the state (see .state and SQ_OPT_...)",
                              option->name);
        if (option->type == SQ_OPTION_ENUM && (!option->choices || option->choices[0] == '\0'))
                return refuse(report, -EINVAL, "its setting '%s' has no choices", option->name);
        if (sqi_option_find(options, option->name) != option)
                return refuse(report, -EINVAL, "its setting '%s' is there twice", option->name);
        if (!option->fallback || sqi_option_is_many(option))
                return 0;
        block = calloc(1, state);
        if (!block)
                return refuse(report, -ENOMEM, "out of memory");
        fallback = option->fallback;
        setting = (struct sqi_setting){option->name, SQI_SCALAR, 1, NULL, &fallback, NULL};
        r = sqi_settings_store(options, &setting, block, report->error, report->size);
        free(block);
        return r < 0 ? refuse(report, -EINVAL, "the default '%s' of its setting '%s' is no %s", fallback, option->name,
                              sqi_option_type_name(option->type))
                     : 0;
}

static int
check_fields(const struct report *report, const struct sq_field *fields, const char *where)
{
        size_t i, j;

        for (i = 0; i < SQ_FIELDS_MAX && fields[i].name; i++) {
                if (fields[i].name[0] == '\0' || (unsigned)fields[i].type > SQ_TEXT)
                        return refuse(report, -EINVAL, "field %zu of its %s has no name or no type", i, where);
                for (j = 0; j < i; j++)
                        if (strcmp(fields[i].name, fields[j].name) == 0)
                                return refuse(report, -EINVAL, "field '%s' is there twice in its %s", fields[i].name,
                                              where);
        }
        return 0;
}

static int
check_streams(const struct report *report, const struct sq_stream *streams)
{
        size_t i, j;
        int r = 0;

        for (i = 0; r == 0 && i < SQ_STREAMS_MAX && streams[i].id; i++) {
                if (streams[i].id[0] == '\0' || strcmp(streams[i].id, "default") == 0)
                        return refuse(report, -EINVAL, "its stream %zu has no name of its own ('default' is .out)",
                                      i + 1);
                for (j = 0; j < i; j++)
                        if (strcmp(streams[i].id, streams[j].id) == 0)
                                return refuse(report, -EINVAL, "its stream '%s' is there twice", streams[i].id);
                r = check_fields(report, streams[i].fields, streams[i].id);
        }
        return r;
}

/* The callback that it must have; NULL: it has it. */
static const char *
lacks(const struct sqi_component *component)
{
        if (component->grouping)
                return component->grouping->choose ? NULL : "choose";
        if (component->bolt)
                return component->bolt->execute ? NULL : "execute";
        return component->spout->next ? NULL : "next";
}

static int
check_definition(const struct report *report, const struct sqi_component *component)
{
        const struct sq_option *options = sqi_component_options(component);
        int r = 0;

        if (lacks(component))
                return refuse(report, -EINVAL, "it has no .%s", lacks(component));
        if (sqi_component_state_size(component) > 1u << 30)
                return refuse(report, -EINVAL, "its .state is larger than 1 GiB");
        if (component->kind == SQ_KIND_BOLT && component->bolt->key_state > 1u << 30)
                return refuse(report, -EINVAL, "its .key_state is larger than 1 GiB");
        for (size_t i = 0; r == 0 && i < SQ_OPTIONS_MAX && options[i].name; i++)
                r = check_option(report, options, i, sqi_component_state_size(component));
        if (component->grouping)
                return r;
        if (r == 0 && component->kind == SQ_KIND_BOLT)
                r = check_fields(report, component->bolt->in, "input");
        if (r == 0)
                r = check_fields(report, sqi_component_out(component), "output");
        return r < 0 ? r : check_streams(report, sqi_component_streams(component));
}

static int
refuse_abi(const struct report *report, uint32_t abi)
{
        if (abi > SQ_ABI)
                return refuse(report, -ENOEXEC,
                              "built for version %u of squall.h, and this Squall has version %u (update Squall, or "
                              "build the component again with this squall.h)",
                              abi, SQ_ABI);
        return refuse(
                report, -ENOEXEC,
                "built for version %u of squall.h, and this Squall has version %u (build it again; its source stays "
                "as it is, unless the compiler reports a setting whose member has another type)",
                abi, SQ_ABI);
}

/* A definition from before the last callbacks were added is shorter than ours: it has none of these. */
static int
take_definition(const struct report *report, const struct sq_manifest *manifest, struct sqi_component *component)
{
        static const size_t sizes[] = {[SQ_KIND_SPOUT] = sizeof(struct sq_spout),
                                       [SQ_KIND_BOLT] = sizeof(struct sq_bolt),
                                       [SQ_KIND_GROUPING] = sizeof(struct sq_grouping)};
        size_t size = sizes[component->kind];

        if (manifest->size > size)
                return refuse(
                        report, -ENOEXEC,
                        "its struct sq_%s has %llu bytes, of which this Squall knows %zu: it was built for a later "
                        "Squall (update Squall, or build the component again with this squall.h)",
                        sqi_kind_name(component->kind), (unsigned long long)manifest->size, size);
        component->definition = calloc(1, size);
        if (!component->definition)
                return refuse(report, -ENOMEM, "out of memory");
        memcpy(component->definition, manifest->definition, manifest->size);
        if (component->kind == SQ_KIND_BOLT)
                component->bolt = component->definition;
        else if (component->kind == SQ_KIND_SPOUT)
                component->spout = component->definition;
        else
                component->grouping = component->definition;
        return 0;
}

static int
read_manifest(const struct report *report, struct sqi_component *component)
{
        const struct sq_manifest *manifest = dlsym(component->handle, "sq_manifest");
        int r;

        if (!manifest)
                return refuse(
                        report, -ENOEXEC,
                        "not a component: it has no sq_manifest (register it with SQ_BOLT, SQ_SPOUT or SQ_GROUPING)");
        if (manifest->abi != SQ_ABI)
                return refuse_abi(report, manifest->abi);
        if (manifest->kind < SQ_KIND_SPOUT || manifest->kind > SQ_KIND_GROUPING)
                return refuse(report, -ENOEXEC, "neither a spout, a bolt nor a grouping (kind %u)", manifest->kind);
        if (!manifest->definition || !manifest->name)
                return refuse(report, -ENOEXEC,
                              "its sq_manifest is not filled in (register it with SQ_BOLT, SQ_SPOUT or SQ_GROUPING)");
        component->name = manifest->name;
        component->kind = (enum sq_kind)manifest->kind;
        r = take_definition(report, manifest, component);
        return r < 0 ? r : check_definition(report, component);
}

/*
 * The kit lies beside the program, or where that is installed. A component finds it from its own place, but not from
 * the copy that a supervisor keeps of it. Once it is loaded it is found by its name. False: it is not there.
 */
static bool
load_kit(void)
{
        static const char *const places[] = {KIT, "../" KIT, "../lib/squall/" KIT};
        char program[PATH_MAX], path[PATH_MAX + 64];
        ssize_t n = readlink("/proc/self/exe", program, sizeof(program) - 1);

        program[n > 0 ? n : 0] = '\0';
        for (size_t i = 0; n > 0 && i < sizeof(places) / sizeof(places[0]); i++) {
                snprintf(path, sizeof(path), "%.*s/%s", (int)(strrchr(program, '/') - program), program, places[i]);
                if (dlopen(path, RTLD_NOW | RTLD_LOCAL))
                        return true;
        }
        return false;
}

/*
 * Code that was once loaded stays: what it leaves behind (a thread of a library, a destructor of a thread's variable, a
 * pointer to a string of its) would end the process when it is taken away, and threads that end together would unload
 * in each other's way.
 */
enum { HOW_TO_LOAD = RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE };

static void *
open_library(const char *path)
{
        void *handle = dlopen(path, HOW_TO_LOAD);
        const char *cause = !handle ? dlerror() : NULL;

        if (!cause || strncmp(cause, KIT ":", sizeof(KIT)) != 0)
                return handle ? handle : dlopen(path, HOW_TO_LOAD); /* once more, for dlerror() */
        return load_kit() ? dlopen(path, HOW_TO_LOAD) : NULL;
}

static int
load(const struct report *report, const char *path, struct sqi_component *component)
{
        const char *cause;
        int r;

        component->path = realpath(path, NULL);
        if (!component->path)
                return refuse(report, -errno, "can't read it: %s", strerror(errno));
        r = sqi_elf_check(component->path, report->error, report->size);
        if (r < 0)
                return r;
        component->handle = open_library(component->path);
        if (!component->handle) {
                cause = dlerror();
                return refuse(report, -ENOEXEC, "can't load it: %s", cause ? cause : "?");
        }
        return read_manifest(report, component);
}

int
sqi_component_load(const char *path, struct sqi_component **ret, char *error, size_t size)
{
        struct report report = {error, size};
        struct sqi_component *component;
        int r;

        component = calloc(1, sizeof(*component));
        if (!component)
                return refuse(&report, -ENOMEM, "out of memory");
        r = load(&report, path, component);
        if (r < 0)
                sqi_component_close(&component);
        else
                *ret = component;
        return r;
}

void
sqi_component_close(struct sqi_component **component)
{
        if (!*component)
                return;
        if ((*component)->handle)
                (void)dlclose((*component)->handle);
        free((*component)->definition);
        free((*component)->path);
        free(*component);
        *component = NULL;
}

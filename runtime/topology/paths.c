/* SPDX-License-Identifier: Apache-2.0 */
/* Paths in settings: a file that one component reads must not be written by another, which may empty it before a line
 * is read. Nor may it get the dead letters, which would come in again. */
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "component/settings.h"
#include "topology/model.h"

/* A path setting of a component. */
struct path {
        const struct sqi_model_component *owner;
        const char *text;
        struct sqi_place place;
        bool written;
};

static bool
is_path(const struct sqi_model_component *component, size_t i, struct path *ret)
{
        const struct sqi_setting *setting = &component->settings[i];
        const struct sq_option *options = component->kind == SQ_KIND_SPOUT ? component->loaded->spout->options
                                                                           : component->loaded->bolt->options;
        const struct sq_option *option = sqi_option_find(options, setting->name);

        if (!option || !sqi_option_is_path(option) || setting->shape != SQI_SCALAR)
                return false;
        *ret = (struct path){component, setting->values[0], component->setting_places[i],
                             option->type == SQ_OPTION_OUTPUT};
        return true;
}

static bool
is_stdin(const char *path)
{
        return strcmp(path, "-") == 0 || strcmp(path, "/dev/stdin") == 0;
}

/* A shell may have opened any file as standard input or output. */
static int
look_at(const struct path *path, struct stat *ret)
{
        if (!path->written && is_stdin(path->text))
                return fstat(STDIN_FILENO, ret);
        return strcmp(path->text, "-") == 0 ? fstat(STDOUT_FILENO, ret) : stat(path->text, ret);
}

/* By whatever name and link. A file that is not there yet is known by its name alone. */
static bool
is_same_file(const struct path *a, const struct path *b)
{
        struct stat one, other;

        if (look_at(a, &one) < 0 || look_at(b, &other) < 0)
                return strcmp(a->text, b->text) == 0 && strcmp(a->text, "-") != 0;
        return S_ISREG(one.st_mode) && one.st_dev == other.st_dev && one.st_ino == other.st_ino;
}

static void
check_against_inputs(struct sqi_model *model, const struct path *output)
{
        struct path input;

        for (size_t c = 0; c < model->ncomponents; c++)
                for (size_t i = 0; model->components[c].loaded && i < model->components[c].nsettings; i++)
                        if (is_path(&model->components[c], i, &input) && !input.written && is_same_file(&input, output))
                                sqi_model_error(model, output->place,
                                                "'%s' would write the file that '%s' reads (give it another path)",
                                                output->owner->id.text, input.owner->id.text);
}

/* Two readers would have a part each of standard input, as chance has it. */
static void
check_stdin(struct sqi_model *model)
{
        const struct sqi_model_component *reader = NULL;
        struct path input;

        for (size_t c = 0; c < model->ncomponents; c++)
                for (size_t i = 0; model->components[c].loaded && i < model->components[c].nsettings; i++) {
                        if (!is_path(&model->components[c], i, &input) || input.written || !is_stdin(input.text))
                                continue;
                        if (model->hosted)
                                sqi_model_error(
                                        model, input.place,
                                        "'%s' would read standard input, which a supervisor does not have (give "
                                        "it a file; only `squall run` reads standard input)",
                                        input.owner->id.text);
                        if (model->on_stdin)
                                sqi_model_error(model, input.place,
                                                "'%s' would read standard input, which the topology came from (give it "
                                                "as a file)",
                                                input.owner->id.text);
                        if (reader)
                                sqi_model_error(model, input.place, "'%s' would read standard input, which '%s' reads",
                                                input.owner->id.text, reader->id.text);
                        reader = input.owner;
                }
}

/* Exactly once a file goes back to where an epoch ended: the lines of another writer would go with it. */
static void
check_against_outputs(struct sqi_model *model, const struct path *output)
{
        struct path other;

        for (size_t c = 0; &model->components[c] < output->owner; c++)
                for (size_t i = 0; model->components[c].loaded && i < model->components[c].nsettings; i++)
                        if (is_path(&model->components[c], i, &other) && other.written &&
                            strcmp(other.text, "-") != 0 && is_same_file(&other, output))
                                sqi_model_error(model, output->place,
                                                "'%s' writes the file that '%s' writes, which exactly-once can't take "
                                                "back for one of them (give it another path)",
                                                output->owner->id.text, other.owner->id.text);
}

static void
check_output(struct sqi_model *model, const struct path *output)
{
        check_against_inputs(model, output);
        if (model->config.delivery == SQI_EXACTLY_ONCE)
                check_against_outputs(model, output);
}

static void
check_against_letters(struct sqi_model *model, const struct path *path, const char *letters)
{
        if (letters && is_same_file(path, &(struct path){.text = letters, .written = true}))
                sqi_model_error(model, path->place,
                                "'%s' %s the file that gets the dead letters (give it another path, or set "
                                "topology.dead.letter.path to another one)",
                                path->owner->id.text, path->written ? "would write" : "reads");
}

/* If nothing else is said, `run` has them in its working directory. NULL: a supervisor has them in its own. */
static const char *
letters_of(const struct sqi_model *model, char ret[PATH_MAX])
{
        if (model->config.dead_letter || model->hosted || !model->name.text)
                return model->config.dead_letter;
        snprintf(ret, PATH_MAX, "%s.dead-letters.jsonl", model->name.text);
        return ret;
}

void
sqi_check_paths(struct sqi_model *model)
{
        char buffer[PATH_MAX];
        const char *letters = letters_of(model, buffer);
        struct path path;

        check_stdin(model);

        for (size_t c = 0; c < model->ncomponents; c++)
                for (size_t i = 0; model->components[c].loaded && i < model->components[c].nsettings; i++) {
                        if (!is_path(&model->components[c], i, &path))
                                continue;
                        check_against_letters(model, &path, letters);
                        if (path.written)
                                check_output(model, &path);
                }
}

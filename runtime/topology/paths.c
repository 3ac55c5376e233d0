/* SPDX-License-Identifier: Apache-2.0 */
/* Paths in settings: a file that one component reads must not be written by another, which may empty it before a line
 * is read. */
#include <string.h>
#include <sys/stat.h>

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

/* By whatever name and link. A file that is not there yet is known by its name alone. */
static bool
is_same_file(const char *a, const char *b)
{
        struct stat one, other;

        if (stat(a, &one) < 0 || stat(b, &other) < 0)
                return strcmp(a, b) == 0;
        return S_ISREG(one.st_mode) && one.st_dev == other.st_dev && one.st_ino == other.st_ino;
}

static void
check_against_inputs(struct sqi_model *model, const struct path *output)
{
        struct path input;

        for (size_t c = 0; c < model->ncomponents; c++)
                for (size_t i = 0; model->components[c].loaded && i < model->components[c].nsettings; i++)
                        if (is_path(&model->components[c], i, &input) && !input.written &&
                            is_same_file(input.text, output->text))
                                sqi_model_error(model, output->place,
                                                "'%s' would write the file that '%s' reads (give it another path)",
                                                output->owner->id.text, input.owner->id.text);
}

void
sqi_check_paths(struct sqi_model *model)
{
        struct path output;

        for (size_t c = 0; c < model->ncomponents; c++)
                for (size_t i = 0; model->components[c].loaded && i < model->components[c].nsettings; i++)
                        if (is_path(&model->components[c], i, &output) && output.written)
                                check_against_inputs(model, &output);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "component/connectors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/home.h"

static FILE *
open_list(void)
{
        FILE *list = NULL;
        char *path;

        for (size_t i = 0; !list && (path = sqi_home_place("connectors", i)); i++) {
                list = fopen(path, "re");
                free(path);
        }
        return list;
}

static bool
read_line(const char *line, struct sqi_connector *ret)
{
        char folder[8], built[4];

        if (sscanf(line, "%7[a-z]/%63s %127s %3s", folder, ret->name, ret->libraries, built) != 4)
                return false;
        ret->kind = strcmp(folder, "bolts") == 0 ? SQ_KIND_BOLT : SQ_KIND_SPOUT;
        ret->built = strcmp(built, "yes") == 0;
        return true;
}

void
sqi_connectors_each(sqi_connector_visit *visit, void *context)
{
        FILE *list = open_list();
        struct sqi_connector connector;
        char line[256];
        bool more = list != NULL;

        while (more && fgets(line, sizeof(line), list))
                if (read_line(line, &connector))
                        more = visit(&connector, context);
        if (list)
                fclose(list);
}

struct search {
        enum sq_kind kind;
        const char *name;
        struct sqi_connector found;
};

static bool
compare(const struct sqi_connector *connector, void *context)
{
        struct search *search = context;

        if (connector->kind != search->kind || strcmp(connector->name, search->name) != 0)
                return true;
        search->found = *connector;
        return false;
}

bool
sqi_connector_lacks(enum sq_kind kind, const char *name, char *libraries, size_t size)
{
        struct search search = {.kind = kind, .name = name, .found = {.built = true}};

        sqi_connectors_each(compare, &search);
        if (!search.found.built)
                snprintf(libraries, size, "%s", search.found.libraries);
        return !search.found.built;
}

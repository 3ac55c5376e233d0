/* SPDX-License-Identifier: Apache-2.0 */
#include "component/catalog.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/home.h"

/* The `i`th folder to look into, to be freed; NULL past the last. */
static char *
folder_at(enum sq_kind kind, size_t i)
{
        char folder[16];

        snprintf(folder, sizeof(folder), "%ss", sqi_kind_name(kind));
        return sqi_home_place(folder, i);
}

static char *
find_built_in(enum sq_kind kind, const char *name)
{
        char *folder, *path = NULL;
        int n;

        for (size_t i = 0; !path && (folder = folder_at(kind, i)); i++) {
                n = asprintf(&path, "%s/%s.so", folder, name);
                free(folder);
                if (n < 0)
                        return NULL;
                if (access(path, F_OK) < 0) {
                        free(path);
                        path = NULL;
                }
        }
        return path;
}

char *
sqi_catalog_find(enum sq_kind kind, const char *name, const char *base)
{
        char *path = NULL;

        if (!strchr(name, '/'))
                return name[0] != '\0' && name[0] != '.' ? find_built_in(kind, name) : NULL;
        if (name[0] == '/')
                return strdup(name);
        while (strncmp(name, "./", 2) == 0)
                name += 2;
        return asprintf(&path, "%s/%s", base, name) < 0 ? NULL : path;
}

struct names {
        char **items;
        size_t n;
};

static int
compare_names(const void *a, const void *b)
{
        return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool
add_name(struct names *names, const char *name, size_t len)
{
        char **items;

        for (size_t i = 0; i < names->n; i++)
                if (strlen(names->items[i]) == len && memcmp(names->items[i], name, len) == 0)
                        return true;
        items = reallocarray(names->items, names->n + 2, sizeof(*items));
        if (!items)
                return false;
        names->items = items;
        items[names->n] = strndup(name, len);
        items[names->n + 1] = NULL;
        return items[names->n++];
}

static bool
add_folder(struct names *names, const char *path)
{
        const struct dirent *entry;
        bool ok = true;
        size_t len;
        DIR *folder;

        folder = opendir(path);
        if (!folder)
                return true;
        while (ok && (entry = readdir(folder))) {
                len = strlen(entry->d_name);
                if (len > 3 && entry->d_name[0] != '.' && strcmp(entry->d_name + len - 3, ".so") == 0)
                        ok = add_name(names, entry->d_name, len - 3);
        }
        (void)closedir(folder);
        return ok;
}

char **
sqi_catalog_names(enum sq_kind kind)
{
        struct names names = {calloc(1, sizeof(char *)), 0};
        bool ok = names.items != NULL;
        char *folder;

        for (size_t i = 0; ok && (folder = folder_at(kind, i)); i++) {
                ok = add_folder(&names, folder);
                free(folder);
        }
        if (!ok) {
                sqi_catalog_names_free(names.items);
                return NULL;
        }
        qsort(names.items, names.n, sizeof(*names.items), compare_names);
        return names.items;
}

void
sqi_catalog_names_free(char **names)
{
        for (size_t i = 0; names && names[i]; i++)
                free(names[i]);
        free(names);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "kit.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include "base/home.h"
#include "verb.h"

static void *
open_kit(void)
{
        void *handle = NULL;
        char *path;

        for (size_t i = 0; !handle && (path = sqi_home_place("libsquall-kit.so", i)); i++) {
                handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
                free(path);
        }
        return handle;
}

static bool
find_functions(struct cli_kit *kit)
{
        const struct {
                const char *name;
                void *place;
        } names[] = {
#define X(name) {"sq_" #name, &kit->name}
                X(exprs_new),           X(exprs_free),  X(exprs_open),    X(exprs_field), X(exprs_add),
                X(exprs_add_condition), X(exprs_error), X(exprs_nfields), X(exprs_used),  X(exprs_begin_values),
                X(exprs_holds),         X(exprs_try),   X(function),
#undef X
        };
        void *handle = open_kit(), *symbol;

        for (size_t i = 0; handle && i < sizeof(names) / sizeof(*names); i++) {
                symbol = dlsym(handle, names[i].name);
                if (!symbol)
                        return false;
                memcpy(names[i].place, &symbol, sizeof(symbol)); /* dlsym() returns no pointer to a function */
        }
        return handle;
}

int
cli_kit_load(struct cli_kit *ret)
{
        if (find_functions(ret))
                return CLI_DONE;
        return cli_error(CLI_FAILED,
                         "libsquall-kit.so is missing or of another version (make install, or export SQUALL_LIBDIR)");
}

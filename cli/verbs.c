/* SPDX-License-Identifier: Apache-2.0 */
/* The verbs, as their files have put them into a section of the program. */
#include <stdlib.h>
#include <string.h>

#include "base/nearest.h"
#include "verb.h"

/* The bounds of the section that SQI_VERB fills, from the linker. */
extern const struct cli_entry *__start_squall_verbs[], *__stop_squall_verbs[];

static int
compare_entries(const void *a, const void *b)
{
        return strcmp((*(const struct cli_entry *const *)a)->name, (*(const struct cli_entry *const *)b)->name);
}

const struct cli_entry *const *
cli_verbs(size_t *ret_n)
{
        static const struct cli_entry *sorted[64];
        const struct cli_entry **at;
        size_t n = 0;

        for (at = __start_squall_verbs; at != __stop_squall_verbs; at++) {
                if (n == sizeof(sorted) / sizeof(sorted[0]))
                        abort();
                sorted[n++] = *at;
        }
        qsort(sorted, n, sizeof(sorted[0]), compare_entries);
        *ret_n = n;
        return sorted;
}

const struct cli_entry *
cli_verb_find(const char *name)
{
        const struct cli_entry *const *verbs;
        size_t i, n;

        verbs = cli_verbs(&n);
        for (i = 0; i < n; i++)
                if (strcmp(verbs[i]->name, name) == 0)
                        return verbs[i];
        return NULL;
}

int
cli_unknown_verb(const char *name)
{
        struct sqi_nearest nearest = sqi_nearest(name);
        const struct cli_entry *const *verbs;
        size_t i, n;

        verbs = cli_verbs(&n);
        for (i = 0; i < n; i++)
                if (!verbs[i]->verb->hidden)
                        sqi_nearest_offer(&nearest, verbs[i]->name);
        if (sqi_nearest_name(&nearest))
                return cli_error(CLI_USAGE, "no verb '%s' (did you mean '%s'?)", name, sqi_nearest_name(&nearest));
        return cli_error(CLI_USAGE, "no verb '%s' (squall help lists them)", name);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Optimal string alignment: Levenshtein's distance with swaps of neighbours, by three rows of the usual table.
 */
#include "base/nearest.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static size_t
least(size_t a, size_t b)
{
        return a < b ? a : b;
}

static bool
same(char a, char b)
{
        return tolower((unsigned char)a) == tolower((unsigned char)b);
}

size_t
sqi_distance(const char *a, const char *b)
{
        size_t rows[3][SQI_WORD_MAX + 1];
        size_t na = strlen(a), nb = strlen(b), i, j;
        size_t *before = rows[0], *above = rows[1], *row = rows[2], *spare;

        if (na > SQI_WORD_MAX || nb > SQI_WORD_MAX)
                return na > nb ? na : nb;
        for (j = 0; j <= nb; j++)
                above[j] = before[j] = j;
        for (i = 1; i <= na; i++) {
                row[0] = i;
                for (j = 1; j <= nb; j++) {
                        row[j] = least(above[j - 1] + !same(a[i - 1], b[j - 1]), least(above[j], row[j - 1]) + 1);
                        if (i > 1 && j > 1 && same(a[i - 1], b[j - 2]) && same(a[i - 2], b[j - 1]))
                                row[j] = least(row[j], before[j - 2] + 1);
                }
                spare = before;
                before = above;
                above = row;
                row = spare;
        }
        return above[nb];
}

struct sqi_nearest
sqi_nearest(const char *word)
{
        return (struct sqi_nearest){.word = word, .distance = least(strlen(word) / 3 + 1, 5)};
}

void
sqi_nearest_offer(struct sqi_nearest *nearest, const char *candidate)
{
        size_t distance = sqi_distance(nearest->word, candidate);

        if (distance > nearest->distance || distance >= strlen(candidate) || strlen(candidate) > SQI_WORD_MAX ||
            (nearest->best[0] != '\0' && distance == nearest->distance))
                return;
        snprintf(nearest->best, sizeof(nearest->best), "%s", candidate);
        nearest->distance = distance;
}

void
sqi_nearest_offer_choices(struct sqi_nearest *nearest, const char *choices)
{
        char word[SQI_WORD_MAX + 1];
        size_t len;

        for (; *choices != '\0'; choices += len + (choices[len] == '|')) {
                len = strcspn(choices, "|");
                snprintf(word, sizeof(word), "%.*s", (int)len, choices);
                sqi_nearest_offer(nearest, word);
        }
}

const char *
sqi_nearest_name(const struct sqi_nearest *nearest)
{
        return nearest->best[0] != '\0' ? nearest->best : NULL;
}

const char *
sqi_nearest_hint(const struct sqi_nearest *nearest, char hint[SQI_HINT_SIZE])
{
        hint[0] = '\0';
        if (nearest->best[0] != '\0')
                snprintf(hint, SQI_HINT_SIZE, " (did you mean '%s'?)", nearest->best);
        return hint;
}

/* As many as there is room for, with what says that there are more, and the end. */
void
sqi_list_add(char list[SQI_LIST_SIZE], const char *name)
{
        static const char more[] = ", ...";
        size_t used = strlen(list), room = SQI_LIST_SIZE - used - sizeof(")");
        char entry[SQI_WORD_MAX + sizeof(" (it has ''")];
        size_t n = (size_t)snprintf(entry, sizeof(entry), "%s'%.*s'", used ? ", " : " (it has ", SQI_WORD_MAX, name);

        if (used >= strlen(more) && strcmp(list + used - strlen(more), more) == 0)
                return;
        snprintf(list + used, room, "%s", n + sizeof(more) <= room ? entry : more);
}

const char *
sqi_list_end(char list[SQI_LIST_SIZE])
{
        size_t used = strlen(list);

        if (used > 0)
                snprintf(list + used, SQI_LIST_SIZE - used, ")");
        return list;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The nearest name to a misspelt one:
 *
 *     struct sqi_nearest nearest = sqi_nearest("suffle");
 *     for (...)
 *             sqi_nearest_offer(&nearest, candidate);
 *     printf("no grouping 'suffle'%s", sqi_nearest_hint(&nearest, hint));   // " (did you mean 'shuffle'?)", or ""
 */
#ifndef SQI_NEAREST_H
#define SQI_NEAREST_H

#include <stddef.h>

enum { SQI_WORD_MAX = 64, SQI_HINT_SIZE = 128 };

struct sqi_nearest {
        const char *word; /* borrowed */
        char best[SQI_WORD_MAX + 1];
        size_t distance;
};

struct sqi_nearest sqi_nearest(const char *word);
void sqi_nearest_offer(struct sqi_nearest *nearest, const char *candidate);
void sqi_nearest_offer_choices(struct sqi_nearest *nearest, const char *choices); /* "a|b|c" */

/* NULL when nothing offered is near: at most a third of the word's letters differ. */
const char *sqi_nearest_name(const struct sqi_nearest *nearest);
const char *sqi_nearest_hint(const struct sqi_nearest *nearest, char hint[SQI_HINT_SIZE]);

/*
 * Where nothing is near, all that there are:
 *
 *     char list[SQI_LIST_SIZE] = "";
 *     for (...)
 *             sqi_list_add(list, candidate);
 *     printf("no field 'x'%s", sqi_list_end(list));                           // " (it has 'a', 'b')", or "" of none
 */
enum { SQI_LIST_SIZE = 512 };
void sqi_list_add(char list[SQI_LIST_SIZE], const char *name);
const char *sqi_list_end(char list[SQI_LIST_SIZE]);

/* The number of letters to insert, delete, replace or swap with their neighbour, case aside (optimal string alignment).
 * Words beyond SQI_WORD_MAX letters are near to nothing. */
size_t sqi_distance(const char *a, const char *b);

#endif

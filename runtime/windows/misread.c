/* SPDX-License-Identifier: Apache-2.0 */
/* What is said of a text that is no aggregate: "sun(v)". */
#include <stdio.h>
#include <string.h>

#include "base/nearest.h"
#include "windows/aggregate.h"

enum { TEXT_MAX = 160 };

/* Words of other languages for them. */
static const struct {
        const char *word, *name;
} others[] = {{"average", "avg"},   {"mean", "avg"},        {"median", "p50"},   {"std", "stddev"},
              {"stdev", "stddev"},  {"total", "sum"},       {"minimum", "min"},  {"maximum", "max"},
              {"uniq", "distinct"}, {"unique", "distinct"}, {"list", "collect"}, {"arg_min", "min_by"},
              {"arg_max", "max_by"}};

static const char *
name_near_to(const char *word, struct sqi_nearest *nearest)
{
        static const char choices[] =
                "count|sum|avg|min|max|stddev|distinct|first|last|min_by|max_by|collect|p50|p90|p95|p99|p99.9|top10";

        for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
                if (strcmp(others[i].word, word) == 0)
                        return others[i].name;
        sqi_nearest_offer_choices(nearest, choices);
        return sqi_nearest_name(nearest);
}

/* Its words with a space between each two, whatever stands there: "sum(v)" is "sum v". */
static void
take_apart(const char *text, char *ret)
{
        size_t n = 0;

        for (; *text && n < TEXT_MAX - 1; text++)
                if (!strchr(" (),:", *text))
                        ret[n++] = *text;
                else if (n > 0 && ret[n - 1] != ' ')
                        ret[n++] = ' ';
        while (n > 0 && ret[n - 1] == ' ')
                n--;
        ret[n] = '\0';
}

void
sqi_aggregate_refuse(const char *text, char *ret_why, size_t size)
{
        struct sqi_aggregate aggregate;
        struct sqi_nearest nearest;
        char words[TEXT_MAX], first[TEXT_MAX], guess[2 * TEXT_MAX];
        const char *name;
        size_t length;

        take_apart(text, words);
        length = strcspn(words, " ");
        (void)snprintf(first, sizeof(first), "%.*s", (int)length, words);
        nearest = sqi_nearest(first);
        name = sqi_aggregate_read(words, &aggregate) ? first : name_near_to(first, &nearest);
        if (name) {
                (void)snprintf(guess, sizeof(guess), "%s%s", name, words + length);
                if (sqi_aggregate_read(guess, &aggregate)) {
                        (void)snprintf(ret_why, size, "`%s` is no aggregate (did you mean `%s`?)", text, guess);
                        return;
                }
        }
        (void)snprintf(ret_why, size,
                       "`%s` is no aggregate: count, or with a field sum, avg, min, max, stddev, distinct, p50, p99.9, "
                       "top10, first, last, collect, or with two min_by and max_by (sum FIELD, min_by FIELD NUMBER)",
                       text);
}

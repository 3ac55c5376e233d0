/* SPDX-License-Identifier: Apache-2.0 */
#include "control/heavy.h"

#include <stdbool.h>
#include <string.h>

static uint32_t
count_of(const struct sqi_heavy_key *key)
{
        return atomic_load_explicit(&key->count, memory_order_relaxed);
}

static void
set(_Atomic uint32_t *counter, uint32_t n)
{
        atomic_store_explicit(counter, n, memory_order_relaxed);
}

static bool
is_same(const struct sqi_heavy_key *key, const uint64_t words[SQI_HEAVY_WORDS])
{
        for (unsigned w = 0; w < SQI_HEAVY_WORDS; w++)
                if (atomic_load_explicit(&key->text[w], memory_order_relaxed) != words[w])
                        return false;
        return count_of(key) > 0;
}

/* Its own, or else the least. */
static struct sqi_heavy_key *
find(struct sqi_heavy *heavy, const uint64_t words[SQI_HEAVY_WORDS])
{
        struct sqi_heavy_key *least = &heavy->keys[0];

        for (unsigned k = 0; k < SQI_HEAVY_KEYS; k++) {
                if (is_same(&heavy->keys[k], words))
                        return &heavy->keys[k];
                if (count_of(&heavy->keys[k]) < count_of(least))
                        least = &heavy->keys[k];
        }
        for (unsigned w = 0; w < SQI_HEAVY_WORDS; w++)
                atomic_store_explicit(&least->text[w], words[w], memory_order_relaxed);
        return least;
}

static void
halve(struct sqi_heavy *heavy)
{
        for (unsigned k = 0; k < SQI_HEAVY_KEYS; k++)
                set(&heavy->keys[k].count, count_of(&heavy->keys[k]) / 2);
        set(&heavy->total, atomic_load_explicit(&heavy->total, memory_order_relaxed) / 2);
}

void
sqi_heavy_add(struct sqi_heavy *heavy, const char *text, size_t len)
{
        uint64_t words[SQI_HEAVY_WORDS] = {0};
        struct sqi_heavy_key *key;

        memcpy(words, text, len < sizeof(words) ? len : sizeof(words));
        key = find(heavy, words);
        set(&key->count, count_of(key) + 1);
        set(&heavy->total, atomic_load_explicit(&heavy->total, memory_order_relaxed) + 1);
        if (atomic_load_explicit(&heavy->total, memory_order_relaxed) >= SQI_HEAVY_FULL)
                halve(heavy);
}

static void
copy_text(const struct sqi_heavy_key *key, char ret_text[SQI_HEAVY_TEXT + 1])
{
        for (unsigned w = 0; w < SQI_HEAVY_WORDS; w++) {
                uint64_t word = atomic_load_explicit(&key->text[w], memory_order_relaxed);

                memcpy(ret_text + 8 * w, &word, sizeof(word));
        }
        ret_text[SQI_HEAVY_TEXT] = '\0';
        for (char *at = ret_text; *at; at++)
                if ((unsigned char)*at < ' ' || *at == 127)
                        *at = '?';
}

double
sqi_heavy_first(const struct sqi_heavy *heavy, char ret_text[SQI_HEAVY_TEXT + 1])
{
        const struct sqi_heavy_key *most = &heavy->keys[0], *least = &heavy->keys[0];
        uint32_t total = atomic_load_explicit(&heavy->total, memory_order_relaxed);

        for (unsigned k = 1; k < SQI_HEAVY_KEYS; k++) {
                if (count_of(&heavy->keys[k]) > count_of(most))
                        most = &heavy->keys[k];
                if (count_of(&heavy->keys[k]) < count_of(least))
                        least = &heavy->keys[k];
        }
        if (total == 0 || count_of(most) == 0)
                return 0;
        copy_text(most, ret_text);
        return most == least ? 0 : (double)(count_of(most) - count_of(least)) / total;
}

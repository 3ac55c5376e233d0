/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A table as that of a bag (kit/bag.c), from which keys can go: where one goes, those behind it that would not be found
 * any more move up (D. Knuth, TAOCP 3, 6.4, algorithm R).
 *
 * Of distinct values it keeps the smallest keys as a bag does, but more of them, so that it takes a third of the values
 * that there were to go before it has to be put together anew.
 */
#include "windows/tally.h"

#include <squall-kit.h>
#include <stdlib.h>
#include <string.h>

#include "windows/cells.h"
#include "windows/top.h"

enum { KEPT = SQ_BAG_DISTINCT_KEPT * 3 / 2, KEPT_MOST = SQ_BAG_DISTINCT_KEPT * 2, FEWEST_PLACES = 8 };

static uint64_t
ceiling_of(const struct sqi_tally *tally)
{
        return UINT64_MAX - tally->above;
}

/* ---- The table ---------------------------------------------------------------------------------------- */

static struct sqi_tallied *
find(const struct sqi_tally *tally, uint64_t key)
{
        size_t place = sq_mix(key) & (tally->size - 1);

        while (tally->places[place].n && tally->places[place].key != key)
                place = (place + 1) & (tally->size - 1);
        return &tally->places[place];
}

/* Into `size` places; what is above the ceiling goes. */
static bool
move(struct sqi_tally *tally, size_t size)
{
        struct sqi_tally moved = *tally;

        moved.places = calloc(size, sizeof(*moved.places));
        if (!moved.places)
                return false;
        moved.size = size;
        moved.used = 0;
        for (size_t i = 0; i < tally->size; i++) {
                struct sqi_tallied *place = &tally->places[i];

                if (!place->n)
                        continue;
                if (place->key <= ceiling_of(tally)) {
                        *find(&moved, place->key) = *place;
                        moved.used++;
                } else {
                        free(place->value);
                }
        }
        free(tally->places);
        *tally = moved;
        return true;
}

static int
compare_keys(const void *left, const void *right)
{
        uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;

        return (a > b) - (a < b);
}

/* Keeps the smallest keys. */
static bool
thin_out(struct sqi_tally *tally)
{
        uint64_t *keys = malloc(tally->used * sizeof(*keys));
        size_t n = 0;

        if (!keys)
                return false;
        for (size_t i = 0; i < tally->size; i++)
                if (tally->places[i].n)
                        keys[n++] = tally->places[i].key;
        qsort(keys, n, sizeof(*keys), compare_keys);
        tally->above = UINT64_MAX - keys[KEPT - 1];
        free(keys);
        return move(tally, tally->size);
}

/* The place of the key, which is there then. NULL: no memory. */
static struct sqi_tallied *
put(struct sqi_tally *tally, uint64_t key, uint64_t n)
{
        struct sqi_tallied *place;

        if (tally->used * 2 >= tally->size && !move(tally, tally->size ? tally->size * 2 : FEWEST_PLACES))
                return NULL;
        place = find(tally, key);
        tally->used += place->n == 0;
        place->key = key;
        place->n += n;
        return place;
}

static void
close_up(struct sqi_tally *tally, size_t hole)
{
        size_t mask = tally->size - 1;

        for (size_t i = (hole + 1) & mask; tally->places[i].n; i = (i + 1) & mask) {
                size_t home = sq_mix(tally->places[i].key) & mask;

                if (((i - home) & mask) < ((i - hole) & mask))
                        continue; /* it is found without the hole */
                tally->places[hole] = tally->places[i];
                hole = i;
        }
        tally->places[hole] = (struct sqi_tallied){0};
}

static void
take(struct sqi_tally *tally, uint64_t key, uint64_t n)
{
        struct sqi_tallied *place = tally->size ? find(tally, key) : NULL;

        if (!place || !place->n)
                return; /* it is above the ceiling */
        place->n -= n < place->n ? n : place->n;
        if (place->n)
                return;
        free(place->value);
        tally->used--;
        close_up(tally, (size_t)(place - tally->places));
        if (tally->size > FEWEST_PLACES && tally->used * 16 < tally->size)
                (void)move(tally, tally->size / 4); /* it may stay as it is where there is no memory */
}

/* ---- Values ------------------------------------------------------------------------------------------- */

static bool
put_value(struct sqi_tally *tally, uint64_t key, uint64_t n, struct sq_value value)
{
        struct sqi_tallied *place = put(tally, key, n);
        bool is_long = sqi_value_is_long(value);

        if (!place || place->value)
                return place != NULL;
        place->value = malloc(sizeof(value) + (is_long ? value.len : 0));
        if (!place->value)
                return false;
        *place->value = value;
        if (is_long) {
                void *bytes = place->value + 1;

                if (value.len)
                        memcpy(bytes, value.as.ptr, value.len);
                place->value->as.ptr = bytes;
        }
        return true;
}

static bool
put_distinct(struct sqi_tally *tally, uint64_t key, uint64_t n)
{
        if (key > ceiling_of(tally))
                return true;
        return put(tally, key, n) && (tally->used < KEPT_MOST || thin_out(tally));
}

/* What a slot has left out is not to be taken off later. */
static bool
lower_ceiling(struct sqi_tally *tally, const struct sqi_sketch *sketch)
{
        if (sketch->above <= tally->above)
                return true;
        tally->above = sketch->above;
        return !tally->size || move(tally, tally->size);
}

bool
sqi_tally_fold(const struct sqi_aggregate *aggregate, struct sqi_tally *tally, const void *cell, struct sq_value value)
{
        if (value.type == SQ_NIL)
                return true;
        tally->n++;
        switch (aggregate->kind) {
        case SQI_QUANTILE:
                return put(tally, sq_bag_ordered(value.as.f), 1) != NULL;
        case SQI_DISTINCT:
                return lower_ceiling(tally, cell) && put_distinct(tally, sq_bag_hash(value), 1);
        case SQI_TOP:
                return put_value(tally, sq_bag_hash(value), 1, value);
        default:
                return true;
        }
}

/* ---- Slots -------------------------------------------------------------------------------------------- */

bool
sqi_aggregate_tallies(const struct sqi_aggregate *aggregate)
{
        return aggregate->kind == SQI_COUNT || aggregate->kind == SQI_QUANTILE || aggregate->kind == SQI_DISTINCT ||
               aggregate->kind == SQI_TOP;
}

static bool
put_sketch(struct sqi_tally *tally, const struct sqi_sketch *sketch, const struct sq_occurrence *places, bool distinct)
{
        bool ok = !distinct || lower_ceiling(tally, sketch);

        for (size_t i = 0; places && i < sketch->size && ok; i++)
                if (places[i].n)
                        ok = distinct ? put_distinct(tally, places[i].key, places[i].n)
                                      : put(tally, places[i].key, places[i].n) != NULL;
        tally->n += sketch->n;
        return ok;
}

static void
take_sketch(struct sqi_tally *tally, const struct sqi_sketch *sketch, const struct sq_occurrence *places)
{
        for (size_t i = 0; places && i < sketch->size; i++)
                if (places[i].n)
                        take(tally, places[i].key, places[i].n);
        tally->n -= sketch->n;
}

bool
sqi_tally_put(const struct sqi_aggregate *aggregate, struct sqi_tally *tally, const struct sqi_blobs *blobs,
              const void *cell)
{
        const struct sqi_ranking *ranking = cell;
        const void *bytes;
        uint64_t at = 0, hash;
        struct sq_value value;
        bool ok = true;

        if (aggregate->kind == SQI_COUNT) {
                tally->n += *(const uint64_t *)cell;
                return true;
        }
        bytes = sqi_blob_peek(blobs, aggregate->blob);
        if (aggregate->kind != SQI_TOP)
                return put_sketch(tally, cell, bytes, aggregate->kind == SQI_DISTINCT);
        while (ok && sqi_values_step(&ranking->values, sqi_blob_peek(blobs, aggregate->blob + SQI_SECOND), &at, &hash,
                                     &value))
                ok = put_value(tally, hash, sqi_ranking_times(&ranking->times, bytes, hash), value);
        tally->n += ranking->times.n;
        return ok;
}

void
sqi_tally_take(const struct sqi_aggregate *aggregate, struct sqi_tally *tally, const struct sqi_blobs *blobs,
               const void *cell)
{
        if (aggregate->kind == SQI_COUNT)
                tally->n -= *(const uint64_t *)cell;
        else /* of SQI_TOP the sketch is the first of its cell */
                take_sketch(tally, cell, sqi_blob_peek(blobs, aggregate->blob));
}

/* ---- The result --------------------------------------------------------------------------------------- */

bool
sqi_tally_is_worn(const struct sqi_tally *tally)
{
        return tally->above > 0 && tally->used <= SQ_BAG_DISTINCT_KEPT;
}

/* A bag of what is in the places, side by side: one that can only be ended. */
static bool
as_bag(const struct sqi_tally *tally, struct sq_bag *ret)
{
        struct sq_bag bag = {.places = malloc((tally->used + 1) * sizeof(*bag.places)), .ceiling = ceiling_of(tally)};

        if (!bag.places)
                return false;
        for (size_t i = 0; i < tally->size; i++)
                if (tally->places[i].n)
                        bag.places[bag.used++] = (struct sq_occurrence){tally->places[i].key, tally->places[i].n};
        bag.size = bag.used;
        *ret = bag;
        return true;
}

static bool
sketched(const struct sqi_aggregate *aggregate, const struct sqi_tally *tally, struct sq_value *ret)
{
        struct sq_bag bag;

        if (aggregate->kind == SQI_DISTINCT && tally->above == 0 && tally->used <= SQ_BAG_DISTINCT_KEPT) {
                *ret = sq_int((int64_t)tally->used);
                return true;
        }
        if (!as_bag(tally, &bag))
                return false;
        if (aggregate->kind == SQI_DISTINCT)
                *ret = sq_int(sq_bag_distinct(&bag));
        else
                *ret = tally->n ? sq_float(sq_bag_quantile(&bag, tally->n, aggregate->quantile)) : sq_nil();
        free(bag.places);
        return true;
}

static bool
listed(const struct sqi_aggregate *aggregate, const struct sqi_tally *tally, struct sq_value *ret, void **ret_memory)
{
        struct sqi_top top;

        if (!sqi_top_begin(&top, aggregate->most))
                return false;
        for (size_t i = 0; i < tally->size; i++)
                if (tally->places[i].n)
                        sqi_top_offer(&top, &(struct sqi_standing){*tally->places[i].value, tally->places[i].n,
                                                                   tally->places[i].key});
        return sqi_top_end(&top, ret, ret_memory);
}

bool
sqi_tally_result(const struct sqi_aggregate *aggregate, const struct sqi_tally *tally, struct sq_value *ret,
                 void **ret_memory)
{
        *ret_memory = NULL;
        if (aggregate->kind == SQI_TOP)
                return listed(aggregate, tally, ret, ret_memory);
        if (aggregate->kind != SQI_COUNT)
                return sketched(aggregate, tally, ret);
        *ret = sq_int((int64_t)tally->n);
        return true;
}

void
sqi_tally_clear(struct sqi_tally *tally)
{
        for (size_t i = 0; i < tally->size; i++)
                free(tally->places[i].value);
        free(tally->places);
        *tally = (struct sqi_tally){0};
}

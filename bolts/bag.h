/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bags of 64-bit keys that know how often each occurs, and that merge; and the two sketches that are made of them.
 *
 * Quantiles: how often each double occurs, cut to the 11 first bits of its mantissa: whole numbers up to 2,048 as they are, others up to
 * 0.1 % too low.
 *
 * Distinct values: they are hashed, and of more than BAG_DISTINCT hashes the smallest are kept, from whose density the number follows (Z. Bar-Yossef
 * et al., "Counting Distinct Elements in a Data Stream", RANDOM 2002): exact below, within some 2 % above.
 */
#ifndef BOLTS_BAG_H
#define BOLTS_BAG_H

#include <math.h>
#include <squall.h>
#include <stdlib.h>
#include <string.h>

enum { BAG_DISTINCT = 2048, BAG_MANTISSA_CUT = 42 };

/* Open addressing, a power of two of places. {.ceiling = UINT64_MAX} is an empty one. */
struct bag {
        struct occurrence {
                uint64_t key, n; /* n: 0 in a free place */
        } * places;
        size_t used, size;
        uint64_t ceiling; /* of distinct values: no key above it was kept */
};

static inline uint64_t
bag_mix(uint64_t x)
{
        x = (x ^ (x >> 33)) * 0xff51afd7ed558ccdu;
        x = (x ^ (x >> 33)) * 0xc4ceb9fe1a85ec53u;
        return x ^ (x >> 33);
}

static inline struct occurrence *
bag_find(const struct bag *bag, uint64_t key)
{
        size_t place = bag_mix(key) & (bag->size - 1);

        while (bag->places[place].n && bag->places[place].key != key)
                place = (place + 1) & (bag->size - 1);
        return &bag->places[place];
}

static inline bool
bag_grow(struct bag *bag)
{
        struct bag larger = {.size = bag->size ? bag->size * 2 : 8, .used = bag->used, .ceiling = bag->ceiling};

        larger.places = calloc(larger.size, sizeof(*larger.places));
        if (!larger.places)
                return false;
        for (size_t i = 0; i < bag->size; i++)
                if (bag->places[i].n)
                        *bag_find(&larger, bag->places[i].key) = bag->places[i];
        free(bag->places);
        *bag = larger;
        return true;
}

static inline int
bag_compare_keys(const void *left, const void *right)
{
        uint64_t a = ((const struct occurrence *)left)->key, b = ((const struct occurrence *)right)->key;

        return (a > b) - (a < b);
}

/* The places that are taken, up to the ceiling, in order of their keys. The bag is no table any more after this. */
static inline size_t
bag_sort(struct bag *bag)
{
        size_t n = 0;

        for (size_t i = 0; i < bag->size; i++)
                if (bag->places[i].n && bag->places[i].key <= bag->ceiling)
                        bag->places[n++] = bag->places[i];
        if (n > 1)
                qsort(bag->places, n, sizeof(*bag->places), bag_compare_keys);
        return n;
}

/* Keeps the BAG_DISTINCT smallest keys. */
static inline bool
bag_thin_out(struct bag *bag)
{
        size_t n = bag_sort(bag);
        struct bag kept = {.ceiling = n >= BAG_DISTINCT ? bag->places[BAG_DISTINCT - 1].key : bag->ceiling};
        bool ok = true;

        for (size_t i = 0; i < n && i < BAG_DISTINCT && ok; i++) {
                ok = kept.used * 2 < kept.size || bag_grow(&kept);
                if (ok)
                        *bag_find(&kept, bag->places[i].key) = bag->places[i];
                kept.used += ok;
        }
        free(bag->places);
        *bag = kept;
        return ok;
}

static inline bool
bag_put(struct bag *bag, uint64_t key, uint64_t n, bool distinct)
{
        struct occurrence *place;

        if (key > bag->ceiling)
                return true;
        if (bag->used * 2 >= bag->size && !bag_grow(bag))
                return false;
        place = bag_find(bag, key);
        bag->used += place->n == 0;
        place->key = key;
        place->n += n;
        return !distinct || bag->used < 2 * (size_t)BAG_DISTINCT || bag_thin_out(bag);
}

static inline uint64_t
bag_hash(struct sq_value value)
{
        char json[512];
        const char *bytes = json;
        size_t len;
        uint64_t h = 0xcbf29ce484222325u;

        if (value.type == SQ_STR || value.type == SQ_BIN) {
                bytes = value.as.ptr;
                len = value.len;
        } else {
                len = sq_json(value, json, sizeof(json));
                len = len < sizeof(json) ? len : sizeof(json) - 1;
        }
        for (size_t i = 0; i < len; i++)
                h = (h ^ (unsigned char)bytes[i]) * 0x100000001b3u;
        return bag_mix(h ^ ((uint64_t)value.type << 56));
}

static inline int64_t
bag_distinct(struct bag *bag)
{
        size_t n = bag_sort(bag);

        if (bag->ceiling == UINT64_MAX && n <= BAG_DISTINCT)
                return (int64_t)n;
        n = n < BAG_DISTINCT ? n : BAG_DISTINCT;
        return (int64_t)((double)(n - 1) * 0x1p64 / (double)bag->places[n - 1].key);
}

/* Doubles as integers in the same order, and back. */
static inline uint64_t
bag_ordered(double real)
{
        uint64_t bits;

        memcpy(&bits, &real, sizeof(bits));
        bits = bits >> BAG_MANTISSA_CUT << BAG_MANTISSA_CUT;
        return bits >> 63 ? ~bits : bits | UINT64_C(1) << 63;
}

static inline double
bag_real_of(uint64_t key)
{
        uint64_t bits = key >> 63 ? key & ~(UINT64_C(1) << 63) : ~key;
        double real;

        memcpy(&real, &bits, sizeof(real));
        return real;
}

/* The smallest value that is not below `q` of all `total`. */
static inline double
bag_quantile(struct bag *bag, uint64_t total, double q)
{
        uint64_t rank = (uint64_t)ceil(q * (double)total), below = 0;
        size_t n = bag_sort(bag), i = 0;

        while (i + 1 < n && (below += bag->places[i].n) < rank)
                i++;
        return n ? bag_real_of(bag->places[i].key) : 0;
}

#endif

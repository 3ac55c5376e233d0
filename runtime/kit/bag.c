/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bags of 64-bit keys that know how often each occurs, and that merge; and the two sketches that are made of them.
 *
 * Quantiles: how often each double occurs, cut to the 11 first bits of its mantissa: whole numbers up to 2,048 as they are, others up to
 * 0.1 % too low.
 *
 * Distinct values: they are hashed, and of more than DISTINCT_KEPT hashes the smallest are kept, from whose density the number follows (Z. Bar-Yossef
 * et al., "Counting Distinct Elements in a Data Stream", RANDOM 2002): exact below, within some 2 % above.
 */
#include <math.h>
#include <squall-kit.h>
#include <stdlib.h>
#include <string.h>

enum { DISTINCT_KEPT = 2048, MANTISSA_CUT = 42 };

static uint64_t
mix(uint64_t x)
{
        x = (x ^ (x >> 33)) * 0xff51afd7ed558ccdu;
        x = (x ^ (x >> 33)) * 0xc4ceb9fe1a85ec53u;
        return x ^ (x >> 33);
}

static struct sq_occurrence *
find(const struct sq_bag *bag, uint64_t key)
{
        size_t place = mix(key) & (bag->size - 1);

        while (bag->places[place].n && bag->places[place].key != key)
                place = (place + 1) & (bag->size - 1);
        return &bag->places[place];
}

static bool
grow(struct sq_bag *bag)
{
        struct sq_bag larger = {.size = bag->size ? bag->size * 2 : 8, .used = bag->used, .ceiling = bag->ceiling};

        larger.places = calloc(larger.size, sizeof(*larger.places));
        if (!larger.places)
                return false;
        for (size_t i = 0; i < bag->size; i++)
                if (bag->places[i].n)
                        *find(&larger, bag->places[i].key) = bag->places[i];
        free(bag->places);
        *bag = larger;
        return true;
}

static int
compare_keys(const void *left, const void *right)
{
        uint64_t a = ((const struct sq_occurrence *)left)->key, b = ((const struct sq_occurrence *)right)->key;

        return (a > b) - (a < b);
}

/* The places that are taken, up to the ceiling, in order of their keys. The bag is no table any more after this. */
static size_t
sort(struct sq_bag *bag)
{
        size_t n = 0;

        for (size_t i = 0; i < bag->size; i++)
                if (bag->places[i].n && bag->places[i].key <= bag->ceiling)
                        bag->places[n++] = bag->places[i];
        if (n > 1)
                qsort(bag->places, n, sizeof(*bag->places), compare_keys);
        return n;
}

/* Keeps the DISTINCT_KEPT smallest keys. */
static bool
thin_out(struct sq_bag *bag)
{
        size_t n = sort(bag);
        struct sq_bag kept = {.ceiling = n >= DISTINCT_KEPT ? bag->places[DISTINCT_KEPT - 1].key : bag->ceiling};
        bool ok = true;

        for (size_t i = 0; i < n && i < DISTINCT_KEPT && ok; i++) {
                ok = kept.used * 2 < kept.size || grow(&kept);
                if (ok)
                        *find(&kept, bag->places[i].key) = bag->places[i];
                kept.used += ok;
        }
        free(bag->places);
        *bag = kept;
        return ok;
}

bool
sq_bag_put(struct sq_bag *bag, uint64_t key, uint64_t n, bool distinct)
{
        struct sq_occurrence *place;

        if (key > bag->ceiling)
                return true;
        if (bag->used * 2 >= bag->size && !grow(bag))
                return false;
        place = find(bag, key);
        bag->used += place->n == 0;
        place->key = key;
        place->n += n;
        return !distinct || bag->used < 2 * (size_t)DISTINCT_KEPT || thin_out(bag);
}

uint64_t
sq_bag_hash(struct sq_value value)
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
        return mix(h ^ ((uint64_t)value.type << 56));
}

int64_t
sq_bag_distinct(struct sq_bag *bag)
{
        size_t n = sort(bag);

        if (bag->ceiling == UINT64_MAX && n <= DISTINCT_KEPT)
                return (int64_t)n;
        n = n < DISTINCT_KEPT ? n : DISTINCT_KEPT;
        return (int64_t)((double)(n - 1) * 0x1p64 / (double)bag->places[n - 1].key);
}

uint64_t
sq_bag_ordered(double real)
{
        uint64_t bits;

        memcpy(&bits, &real, sizeof(bits));
        bits = bits >> MANTISSA_CUT << MANTISSA_CUT;
        return bits >> 63 ? ~bits : bits | UINT64_C(1) << 63;
}

static double
real_of(uint64_t key)
{
        uint64_t bits = key >> 63 ? key & ~(UINT64_C(1) << 63) : ~key;
        double real;

        memcpy(&real, &bits, sizeof(real));
        return real;
}

double
sq_bag_quantile(struct sq_bag *bag, uint64_t total, double q)
{
        uint64_t rank = (uint64_t)ceil(q * (double)total), below = 0;
        size_t n = sort(bag), i = 0;

        while (i + 1 < n && (below += bag->places[i].n) < rank)
                i++;
        return n ? real_of(bag->places[i].key) : 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bags of 64-bit keys that know how often each occurs, and that merge; and the two sketches that are made of them.
 *
 * Quantiles: how often each double occurs, cut to the 11 first bits of its mantissa: whole numbers up to 2,048 as they
 * are, others up to 0.1 % too low.
 *
 * Distinct values: they are hashed, and of more than DISTINCT_KEPT hashes the smallest are kept, from whose density the
 * number follows (Z. Bar-Yossef et al., "Counting Distinct Elements in a Data Stream", RANDOM 2002): exact below,
 * within some 2 % above.
 */
#include <math.h>
#include <squall-kit.h>
#include <stdlib.h>
#include <string.h>

enum { DISTINCT_KEPT = SQ_BAG_DISTINCT_KEPT, MANTISSA_CUT = 42 };

static struct sq_occurrence *
find(const struct sq_bag *bag, uint64_t key)
{
        size_t place = sq_mix(key) & (bag->size - 1);

        while (bag->places[place].n && bag->places[place].key != key)
                place = (place + 1) & (bag->size - 1);
        return &bag->places[place];
}

static void
give_back(struct sq_bag *bag)
{
        if (!bag->lent)
                free(bag->places);
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
        give_back(bag);
        *bag = larger;
        return true;
}

static int
compare_keys(const void *left, const void *right)
{
        uint64_t a = ((const struct sq_occurrence *)left)->key, b = ((const struct sq_occurrence *)right)->key;

        return (a > b) - (a < b);
}

/* The places that are taken, up to the ceiling, side by side. The bag is not a table any more after this. */
static size_t
pack(struct sq_bag *bag)
{
        size_t n = 0;

        for (size_t i = 0; i < bag->size; i++)
                if (bag->places[i].n && bag->places[i].key <= bag->ceiling)
                        bag->places[n++] = bag->places[i];
        return n;
}

/* The same in order of their keys. */
static size_t
sort(struct sq_bag *bag)
{
        size_t n = pack(bag);

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
        give_back(bag);
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

/* ---- Hashes: of equal values the same, as tuple/canonical.h has it for keys -------------------------- */

static uint64_t
hash_bytes(enum sq_type type, const void *ptr, size_t len)
{
        const unsigned char *bytes = ptr;
        uint64_t h = 0xcbf29ce484222325u; /* FNV-1a */

        for (size_t i = 0; i < len; i++)
                h = (h ^ bytes[i]) * 0x100000001b3u;
        return sq_mix(h ^ ((uint64_t)type << 56));
}

/* Whole and not negative: an SQ_INT, whatever type it had. */
static uint64_t
hash_number(struct sq_value number)
{
        double real = number.type == SQ_FLOAT ? number.as.f : 0;

        if (number.type != SQ_FLOAT)
                return hash_bytes(number.type == SQ_UINT && number.as.u > INT64_MAX ? SQ_UINT : SQ_INT, &number.as, 8);
        if (isnan(real))
                return hash_bytes(SQ_FLOAT, "NaN", 3);
        if (real >= -0x1p63 && real < 0x1p63 && floor(real) >= real)
                return hash_number(sq_int((int64_t)real));
        if (real >= 0x1p63 && real < 0x1p64)
                return hash_number(sq_uint((uint64_t)real));
        return hash_bytes(SQ_FLOAT, &real, sizeof(real));
}

/* The order of an array counts, that of the pairs of a map does not. */
static uint64_t
hash_items(struct sq_value list)
{
        struct sq_items items = sq_items(list);
        struct sq_value item, value;
        uint64_t h = 0, n = 0;

        for (; sq_next_item(&items, &item); n++) {
                if (list.type == SQ_ARRAY)
                        h = sq_mix(h + sq_bag_hash(item));
                else if (sq_next_item(&items, &value))
                        h += sq_mix(sq_mix(sq_bag_hash(item)) + sq_bag_hash(value));
        }
        return sq_mix((h + n) ^ ((uint64_t)list.type << 56));
}

uint64_t
sq_bag_hash(struct sq_value value)
{
        switch (value.type) {
        case SQ_STR:
        case SQ_BIN:
                return hash_bytes(value.type, value.as.ptr, value.len);
        case SQ_INT:
        case SQ_UINT:
        case SQ_FLOAT:
                return hash_number(value);
        case SQ_BOOL:
                return hash_bytes(value.type, value.as.b ? "t" : "f", 1);
        case SQ_TIME:
                return sq_mix(hash_bytes(value.type, &value.as.i, sizeof(value.as.i)) + value.len);
        case SQ_ARRAY:
        case SQ_MAP:
                return hash_items(value);
        default:
                return hash_bytes(value.type, NULL, 0);
        }
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

static void
swap(struct sq_occurrence *a, struct sq_occurrence *b)
{
        struct sq_occurrence kept = *a;

        *a = *b;
        *b = kept;
}

/* The n places, above 0, are put in two parts, that with the smaller keys first, by the middle one of three of them:
 * where that stands then. *ret_below: what the first part occurs. */
static size_t
part(struct sq_occurrence *places, size_t n, uint64_t *ret_below)
{
        struct sq_occurrence *last = &places[n - 1], *middle = &places[n / 2];
        size_t at = 0;

        if (compare_keys(middle, places) < 0)
                swap(middle, places);
        if (compare_keys(last, places) < 0)
                swap(last, places);
        if (compare_keys(middle, last) < 0)
                swap(middle, last);
        *ret_below = 0;
        for (size_t i = 0; i < n - 1; i++)
                if (places[i].key < last->key) {
                        *ret_below += places[i].n;
                        swap(&places[i], &places[at++]);
                }
        swap(&places[at], last);
        return at;
}

/* The key up to which the `rank` first occurrences of the n places are, in order of the keys; n is above 0.
 * By quickselect (C. A. R. Hoare, "Algorithm 65: FIND", CACM 1961): the keys need not be in order for one of them. */
static uint64_t
key_of_rank(struct sq_occurrence *places, size_t n, uint64_t rank)
{
        for (;;) {
                uint64_t below;
                size_t at = part(places, n, &below);

                if (at > 0 && rank <= below) {
                        n = at;
                        continue;
                }
                if (rank <= below + places[at].n || at + 1 == n)
                        return places[at].key;
                rank -= below + places[at].n;
                places += at + 1;
                n -= at + 1;
        }
}

int64_t
sq_bag_distinct(struct sq_bag *bag)
{
        size_t n, rank;

        if (bag->ceiling == UINT64_MAX && bag->used <= DISTINCT_KEPT)
                return (int64_t)bag->used;
        n = pack(bag);
        rank = n < DISTINCT_KEPT ? n : DISTINCT_KEPT;
        if (n == 0)
                return 0;
        for (size_t i = 0; i < n; i++)
                bag->places[i].n = 1;
        return (int64_t)((double)(rank - 1) * 0x1p64 / (double)key_of_rank(bag->places, n, rank));
}

double
sq_bag_quantile(struct sq_bag *bag, uint64_t total, double q)
{
        size_t n = pack(bag);

        return n ? real_of(key_of_rank(bag->places, n, (uint64_t)ceil(q * (double)total))) : 0;
}

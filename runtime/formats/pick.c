/* SPDX-License-Identifier: Apache-2.0 */
/*
 *     user.id, user.name, ms        {"user":{"id":7,"name":"A"},"host":"h","ms":1.5}
 *
 *     root -+- user.id              a member may have a dot in its own name
 *           +- user -+- id
 *           |        +- name        most objects have their members in one order: the node behind the last one is
 *           +- user.name            looked at first
 *           +- ms
 */
#include "formats/pick.h"

#include <stdlib.h>
#include <string.h>

#include "formats/json.h"
#include "formats/parts.h"

/* A field that takes what a node is, or a part of that. */
struct taker {
        unsigned field, next;
        const char *rest; /* sqi_part_behind() */
};

struct node {
        struct sq_str name;
        bool plain;                  /* it stands in quotes as it is */
        bool direct;                 /* it is a field, and nothing else */
        unsigned child, next, taker; /* 0: none */
        uint64_t round;              /* the text that had it last */
};

struct sqi_pick {
        unsigned n;
        const char *const *paths;
        struct node *nodes; /* the first is the root */
        struct taker *takers;
        unsigned nnodes, ntakers, room, takers_room;
        uint64_t round;
        uint64_t rounds[SQ_FIELDS_MAX]; /* the text that had the field last */
};

/* ---- The tree ---------------------------------------------------------------------------------------- */

static bool
is_plain(struct sq_str name)
{
        for (size_t i = 0; i < name.len; i++)
                if ((unsigned char)name.ptr[i] < 0x20 || name.ptr[i] == '"' || name.ptr[i] == '\\')
                        return false;
        return true;
}

static unsigned
add_node(struct sqi_pick *pick, struct sq_str name)
{
        unsigned room = pick->nnodes < pick->room ? pick->room : 2 * pick->room + 16;
        struct node *nodes = room > pick->room ? realloc(pick->nodes, room * sizeof(*nodes)) : pick->nodes;

        if (!nodes)
                return 0;
        pick->nodes = nodes;
        pick->room = room;
        nodes[pick->nnodes] = (struct node){.name = name, .plain = is_plain(name)};
        return pick->nnodes++;
}

/* Names are short: two words that overlap, in place of a call. */
static inline bool
is_same(const char *a, const char *b, size_t n)
{
        uint64_t first[2], last[2];
        uint32_t half[2], end[2];

        if (n > 2 * sizeof(*first) || n < sizeof(*half))
                return memcmp(a, b, n) == 0;
        if (n >= sizeof(*first)) {
                memcpy(&first[0], a, sizeof(*first));
                memcpy(&first[1], b, sizeof(*first));
                memcpy(&last[0], a + n - sizeof(*last), sizeof(*last));
                memcpy(&last[1], b + n - sizeof(*last), sizeof(*last));
                return first[0] == first[1] && last[0] == last[1];
        }
        memcpy(&half[0], a, sizeof(*half));
        memcpy(&half[1], b, sizeof(*half));
        memcpy(&end[0], a + n - sizeof(*end), sizeof(*end));
        memcpy(&end[1], b + n - sizeof(*end), sizeof(*end));
        return half[0] == half[1] && end[0] == end[1];
}

static inline bool
is_called(const struct node *node, struct sq_str name)
{
        return node->name.len == name.len && is_same(node->name.ptr, name.ptr, name.len);
}

/* The child of that name, made if there is none; 0: no memory. */
static unsigned
child_of(struct sqi_pick *pick, unsigned parent, struct sq_str name)
{
        unsigned child = pick->nodes[parent].child, last = 0;

        for (; child; last = child, child = pick->nodes[child].next)
                if (is_called(&pick->nodes[child], name))
                        return child;
        child = add_node(pick, name);
        if (child)
                *(last ? &pick->nodes[last].next : &pick->nodes[parent].child) = child;
        return child;
}

static bool
add_taker(struct sqi_pick *pick, unsigned node, unsigned field, const char *rest)
{
        unsigned room = pick->ntakers < pick->takers_room ? pick->takers_room : 2 * pick->takers_room + 16;
        struct taker *takers = room > pick->takers_room ? realloc(pick->takers, room * sizeof(*takers)) : pick->takers;

        if (!takers || !node)
                return false;
        pick->takers = takers;
        pick->takers_room = room;
        takers[pick->ntakers] = (struct taker){field, pick->nodes[node].taker, rest};
        pick->nodes[node].taker = pick->ntakers++;
        return true;
}

/* As sq_part() goes along a path. */
static bool
add_path(struct sqi_pick *pick, unsigned parent, const char *path, unsigned field, bool nested)
{
        const char *end = nested ? strpbrk(path, ".[") : NULL;
        unsigned child;

        if (!add_taker(pick, child_of(pick, parent, (struct sq_str){path, strlen(path)}), field, ""))
                return false;
        if (!end)
                return true;
        child = child_of(pick, parent, (struct sq_str){path, (size_t)(end - path)});
        if (*end == '[')
                return add_taker(pick, child, field, end);
        return child && add_path(pick, child, end + 1, field, nested);
}

static bool
is_direct(const struct sqi_pick *pick, const struct node *node)
{
        const struct taker *taker = &pick->takers[node->taker];

        return node->taker && !node->child && !taker->next && !*taker->rest;
}

struct sqi_pick *
sqi_pick_new(unsigned n, const char *const *paths, bool nested)
{
        struct sqi_pick *pick = calloc(1, sizeof(*pick));
        bool good;

        if (!pick)
                return NULL;
        pick->n = n;
        pick->paths = paths;
        pick->ntakers = 1; /* 0 is none */
        (void)add_node(pick, (struct sq_str){"", 0});
        good = pick->nnodes == 1;
        for (unsigned i = 0; good && i < n; i++)
                good = add_path(pick, 0, paths[i], i, nested);
        for (unsigned i = 0; good && i < pick->nnodes; i++)
                pick->nodes[i].direct = is_direct(pick, &pick->nodes[i]);
        if (good)
                return pick;
        sqi_pick_free(pick);
        return NULL;
}

void
sqi_pick_free(struct sqi_pick *pick)
{
        if (!pick)
                return;
        free(pick->nodes);
        free(pick->takers);
        free(pick);
}

bool
sqi_pick_is_of(const struct sqi_pick *pick, unsigned n, const char *const *paths)
{
        return pick && pick->n == n && pick->paths == paths;
}

/* ---- Reading ----------------------------------------------------------------------------------------- */

static void
begin(struct sqi_pick *pick, struct sq_value *values)
{
        pick->round++;
        for (unsigned i = 0; i < pick->n; i++)
                values[i] = sq_nil();
}

/* False: a field has two. */
static bool
give(struct sqi_pick *pick, unsigned at, struct sq_value value, struct sq_value *values)
{
        const struct node *node = &pick->nodes[at];
        struct sq_value part;

        for (unsigned i = node->taker; i; i = pick->takers[i].next) {
                const struct taker *taker = &pick->takers[i];

                if (pick->rounds[taker->field] == pick->round)
                        return false;
                pick->rounds[taker->field] = pick->round;
                values[taker->field] = *taker->rest ? sqi_part_behind(value, taker->rest) : value;
        }
        for (unsigned i = value.type == SQ_MAP ? node->child : 0; i; i = pick->nodes[i].next)
                if (sqi_find(value, pick->nodes[i].name, &part) && !give(pick, i, part, values))
                        return false;
        return true;
}

/* sq_next_item(), which is in another library, without a call where it can be. */
static inline bool
next_item(struct sq_items *items, struct sq_value *ret)
{
        if (!items->plain || items->left == 0)
                return sq_next_item(items, ret);
        items->left--;
        *ret = *items->plain++;
        return true;
}

/* Is it the first member of its name? */
static inline bool
is_first(const struct sqi_pick *pick, struct node *node)
{
        bool is = node->round != pick->round;

        node->round = pick->round;
        return is;
}

/* The field that a direct node is; NULL: it has a value already. */
static inline struct sq_value *
take_field(struct sqi_pick *pick, const struct node *node, struct sq_value *values)
{
        unsigned field = pick->takers[node->taker].field;
        bool had = pick->rounds[field] == pick->round;

        pick->rounds[field] = pick->round;
        return had ? NULL : &values[field];
}

/* The child that is called so, looked for from `first` on; 0: none. */
static inline unsigned
find_child(const struct sqi_pick *pick, unsigned parent, unsigned first, struct sq_str name)
{
        unsigned i = first;

        for (; i; i = pick->nodes[i].next)
                if (is_called(&pick->nodes[i], name))
                        return i;
        for (i = pick->nodes[parent].child; i != first; i = pick->nodes[i].next)
                if (is_called(&pick->nodes[i], name))
                        return i;
        return 0;
}

static bool
look_through(struct sq_json_reader *json, unsigned depth)
{
        size_t items = json->items;
        char *text = json->text;
        struct sq_value value;
        bool good = sqi_json_value(json, depth, &value);

        json->items = items;
        json->text = text;
        return good;
}

static ssize_t read_object(struct sqi_pick *pick, struct sq_json_reader *json, unsigned parent, unsigned depth,
                           struct sq_value *values, size_t *ret_others);

/* A member that is wanted. False: it is asked for again otherwise. */
static bool
read_member(struct sqi_pick *pick, struct sq_json_reader *json, unsigned child, unsigned depth, struct sq_value *values)
{
        struct node *node = &pick->nodes[child];
        struct sq_value value, *field;
        size_t others;

        if (!is_first(pick, node))
                return false;
        if (node->direct) {
                field = take_field(pick, node, values);
                return field && sqi_json_value(json, depth, field);
        }
        if (!node->taker && depth < SQI_JSON_DEPTH && sqi_json_take(json, '{'))
                return read_object(pick, json, child, depth, values, &others) >= 0;
        return sqi_json_value(json, depth, &value) && give(pick, child, value, values);
}

/* Is the name of the next member, which begins here, that of the node? Then goes behind its quotes. */
static bool
take_name(struct sq_json_reader *json, const struct node *node)
{
        const char *at = json->at, *end = json->end;
        size_t n = node->name.len;

        if (!node->plain || (size_t)(end - at) < n + 2 || *at != '"' || at[n + 1] != '"' ||
            !is_same(at + 1, node->name.ptr, n))
                return false;
        json->at += n + 2;
        return true;
}

/* The child that is the next member, which begins at its name, and *ret whether it is one; 0: none. */
static unsigned
next_child(struct sqi_pick *pick, struct sq_json_reader *json, unsigned parent, unsigned first, bool *ret)
{
        unsigned child = first;
        struct sq_str key;

        (void)sqi_json_space(json);
        if (first && take_name(json, &pick->nodes[first])) {
                *ret = sqi_json_take(json, ':');
                return child;
        }
        *ret = sqi_json_key(json, &key);
        return *ret ? find_child(pick, parent, first, key) : 0;
}

/* Its bracket is read already. How many members it has, or -1. */
static ssize_t
read_object(struct sqi_pick *pick, struct sq_json_reader *json, unsigned parent, unsigned depth,
            struct sq_value *values, size_t *ret_others)
{
        unsigned next = pick->nodes[parent].child;
        ssize_t members = 0;

        *ret_others = 0;
        if (sqi_json_take(json, '}'))
                return 0;
        do {
                bool good;
                unsigned child = next_child(pick, json, parent, next, &good);

                if (!good)
                        return -1;
                if (child ? !read_member(pick, json, child, depth + 1, values) : !look_through(json, depth + 1))
                        return -1;
                *ret_others += !child;
                if (child)
                        next = pick->nodes[child].next;
                members++;
        } while (sqi_json_take(json, ','));
        return sqi_json_take(json, '}') ? members : -1;
}

ssize_t
sqi_pick_read(struct sqi_pick *pick, struct sq_json_reader *json, struct sq_str text, struct sq_value *values,
              size_t *ret_others)
{
        ssize_t members;

        begin(pick, values);
        if (!sqi_json_begin(json, text) || !sqi_json_take(json, '{'))
                return -1;
        members = read_object(pick, json, 0, 0, values, ret_others);
        return members >= 0 && sqi_json_space(json) < 0 ? members : -1;
}

/* False: it has two values, or a field of it. */
static inline bool
give_member(struct sqi_pick *pick, unsigned child, struct sq_value value, struct sq_value *values)
{
        struct node *node = &pick->nodes[child];
        struct sq_value *field;

        if (!is_first(pick, node))
                return false;
        if (!node->direct)
                return give(pick, child, value, values);
        field = take_field(pick, node, values);
        if (field)
                *field = value;
        return field;
}

ssize_t
sqi_pick_members(struct sqi_pick *pick, struct sq_value map, struct sq_value *values, size_t *ret_others)
{
        struct sq_items items = sq_items(map);
        struct sq_value name, value;
        unsigned next = pick->nodes[0].child, child;
        ssize_t members = 0;

        begin(pick, values);
        *ret_others = 0;
        for (; next_item(&items, &name) && next_item(&items, &value); members++) {
                bool named = name.type == SQ_STR || name.type == SQ_BIN;

                child = named ? find_child(pick, 0, next, (struct sq_str){name.as.ptr, name.len}) : 0;
                if (child && !give_member(pick, child, value, values))
                        return -1;
                *ret_others += !child;
                if (child)
                        next = pick->nodes[child].next;
        }
        return members;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tree is built from libfyaml's events, with a stack of the nodes that are open. Building it ourselves instead of
 * taking libfyaml's document is what makes hostile files harmless: depth, number of nodes and what aliases expand to
 * are counted while they come, and a duplicate key is one error among others instead of the end.
 */
#include "topology/yaml.h"

#include <errno.h>
#include <libfyaml.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "topology/expand.h"

struct frame {
        struct sqi_yaml *node;
        struct sqi_yaml_item **tail;
        const char *key; /* read, its value not yet; or NULL */
        struct sqi_place key_place;
};

struct anchor {
        const char *name;
        struct sqi_yaml *node;
        struct anchor *next;
};

struct builder {
        struct sqi_arena *arena;
        struct sqi_diagnostics *diagnostics;
        struct frame frames[SQI_YAML_DEPTH];
        size_t depth;
        struct anchor *anchors;
        struct sqi_yaml *root;
        size_t documents, nanchors;
        bool plain; /* variables stay */
};

const char *
sqi_yaml_kind_name(enum sqi_yaml_kind kind)
{
        static const char *const names[] = {
                [SQI_YAML_NULL] = "nothing",
                [SQI_YAML_SCALAR] = "a single value",
                [SQI_YAML_SEQUENCE] = "a list",
                [SQI_YAML_MAPPING] = "a map",
        };

        return names[kind];
}

const struct sqi_yaml_item *
sqi_yaml_get(const struct sqi_yaml *mapping, const char *key)
{
        for (const struct sqi_yaml_item *item = mapping->first; item; item = item->next)
                if (strcmp(item->key, key) == 0)
                        return item;
        return NULL;
}

const char *
sqi_yaml_component(const struct sqi_yaml *node)
{
        bool null = node->kind == SQI_YAML_NULL && node->text && strcmp(node->text, "null") == 0;

        return node->kind == SQI_YAML_SCALAR || null ? node->text : NULL;
}

/* Quotes count to a scalar; libfyaml's mark stands behind them. */
static struct sqi_place
event_place(struct fy_event *event)
{
        const struct fy_mark *mark = fy_event_start_mark(event);
        struct fy_token *token = event->type == FYET_SCALAR ? event->scalar.value : NULL;
        enum fy_scalar_style style = token ? fy_scalar_token_get_style(token) : FYSS_ANY;
        bool quoted = style == FYSS_SINGLE_QUOTED || style == FYSS_DOUBLE_QUOTED;

        if (!mark)
                return (struct sqi_place){0};
        return (struct sqi_place){(uint32_t)mark->line + 1, (uint32_t)mark->column + (quoted ? 0 : 1)};
}

/*
 * The text of a token, ended by NUL, of the arena; NULL when there is no memory. By chunks: fy_token_get_text of
 * libfyaml 0.7 leaks its iterator when the text has more than a few (a long block, a quoted word with escapes).
 */
static char *
copy_token(struct sqi_arena *arena, struct fy_token *token, size_t *ret_len)
{
        size_t room = fy_token_get_text_length(token), len = 0;
        char *text = sqi_arena_alloc(arena, room + 1, 1);
        struct fy_token_iter *iterator = fy_token_iter_create(token);
        const struct fy_iter_chunk *chunk = NULL;

        while (text && iterator && (chunk = fy_token_iter_chunk_next(iterator, chunk, NULL)) &&
               chunk->len <= room - len) {
                memcpy(text + len, chunk->str, chunk->len);
                len += chunk->len;
        }
        if (!iterator)
                text = NULL;
        fy_token_iter_finish(iterator);
        fy_token_iter_destroy(iterator);
        *ret_len = len;
        return text;
}

static int
fail(struct builder *builder, struct sqi_place place, const char *text)
{
        sqi_diagnose(builder->diagnostics, SQI_ERROR, place, "%s", text);
        return -EINVAL;
}

static int
compare_keys(const void *a, const void *b)
{
        const struct sqi_yaml_item *const *x = a, *const *y = b;
        int order = strcmp((*x)->key, (*y)->key);

        if (order != 0)
                return order;
        if ((*x)->key_place.line != (*y)->key_place.line)
                return (*x)->key_place.line < (*y)->key_place.line ? -1 : 1;
        return (*x)->key_place.column < (*y)->key_place.column ? -1 : 1;
}

/* Reports each key that was there before, and leaves it out, so that who reads the tree meets each key once. */
static int
refuse_duplicates(struct builder *builder, struct sqi_yaml *mapping)
{
        struct sqi_yaml_item **items, **at, *item;
        size_t i = 0;

        items = calloc(mapping->n + 1, sizeof(*items));
        if (!items)
                return -ENOMEM;
        for (item = mapping->first; item; item = item->next)
                items[i++] = item;
        qsort(items, mapping->n, sizeof(*items), compare_keys);
        for (i = mapping->n; i-- > 1;)
                if (strcmp(items[i]->key, items[i - 1]->key) == 0) {
                        sqi_diagnose(builder->diagnostics, SQI_ERROR, items[i]->key_place,
                                     "'%.200s' is given twice (first in line %u)", items[i]->key,
                                     items[i - 1]->key_place.line);
                        items[i]->key = NULL;
                }
        free(items);
        for (at = &mapping->first; *at;)
                if ((*at)->key) {
                        at = &(*at)->next;
                } else {
                        *at = (*at)->next;
                        mapping->n--;
                }
        return 0;
}

/* Adds what `from` has and `into` has not. */
static int
merge(struct builder *builder, struct sqi_yaml *into, const struct sqi_yaml *from)
{
        struct sqi_yaml_item *copy, **tail = &into->first;

        if (from->kind != SQI_YAML_MAPPING)
                return fail(builder, from->place, "'<<' merges maps (point it at an anchored map)");
        while (*tail)
                tail = &(*tail)->next;
        for (const struct sqi_yaml_item *item = from->first; item; item = item->next) {
                if (sqi_yaml_get(into, item->key))
                        continue;
                copy = sqi_arena_alloc(builder->arena, 1, sizeof(*copy));
                if (!copy)
                        return -ENOMEM;
                *copy = *item;
                copy->next = NULL;
                *tail = copy;
                tail = &copy->next;
                into->n++;
                into->weight += item->value->weight;
        }
        return 0;
}

static int
merge_all(struct builder *builder, struct sqi_yaml *mapping)
{
        struct sqi_yaml_item **at, *item;
        const struct sqi_yaml *from;
        int r = 0;

        for (at = &mapping->first; *at && strcmp((*at)->key, "<<") != 0; at = &(*at)->next)
                ;
        if (!*at)
                return 0;
        from = (*at)->value;
        *at = (*at)->next;
        mapping->n--;
        if (from->kind != SQI_YAML_SEQUENCE)
                return merge(builder, mapping, from);
        for (item = from->first; r == 0 && item; item = item->next)
                r = merge(builder, mapping, item->value);
        return r;
}

/* A complete node goes where it belongs. */
static int
attach(struct builder *builder, struct sqi_yaml *node, struct sqi_place place)
{
        struct frame *frame = builder->depth > 0 ? &builder->frames[builder->depth - 1] : NULL;
        struct sqi_yaml_item *item;

        if (!frame) {
                builder->root = node;
                return 0;
        }
        if (frame->node->kind == SQI_YAML_MAPPING && !frame->key)
                return fail(builder, place, "a key must be a plain word");
        item = sqi_arena_alloc(builder->arena, 1, sizeof(*item));
        if (!item)
                return -ENOMEM;
        *item = (struct sqi_yaml_item){frame->key, frame->key_place, node, NULL};
        *frame->tail = item;
        frame->tail = &item->next;
        frame->key = NULL;
        frame->node->n++;
        frame->node->weight += node->weight;
        if (frame->node->weight > SQI_YAML_NODES)
                return fail(builder, place,
                            "too many values for a topology file (with aliases expanded, 50000 at most)");
        return 0;
}

static struct sqi_yaml *
new_node(struct builder *builder, enum sqi_yaml_kind kind, struct sqi_place place)
{
        struct sqi_yaml *node = sqi_arena_alloc(builder->arena, 1, sizeof(*node));

        if (node) {
                node->kind = kind;
                node->place = place;
                node->weight = 1;
        }
        return node;
}

static int
anchor(struct builder *builder, struct fy_token *token, struct sqi_yaml *node)
{
        struct anchor *added;
        size_t len;

        if (!token)
                return 0;
        if (++builder->nanchors > SQI_YAML_ANCHORS)
                return fail(builder, node->place, "too many anchors (1024 at most)");
        added = sqi_arena_alloc(builder->arena, 1, sizeof(*added));
        if (!added)
                return -ENOMEM;
        added->name = copy_token(builder->arena, token, &len);
        added->node = node;
        added->next = builder->anchors;
        builder->anchors = added;
        return added->name ? 0 : -ENOMEM;
}

static bool
is_open(const struct builder *builder, const struct sqi_yaml *node)
{
        for (size_t i = 0; i < builder->depth; i++)
                if (builder->frames[i].node == node)
                        return true;
        return false;
}

static int
add_alias(struct builder *builder, struct fy_event *event)
{
        struct sqi_place place = event_place(event);
        const struct anchor *anchor;
        const char *name;
        size_t len;

        name = copy_token(builder->arena, event->alias.anchor, &len);
        if (!name)
                return -ENOMEM;
        for (anchor = builder->anchors; anchor; anchor = anchor->next)
                if (strcmp(anchor->name, name) == 0)
                        break;
        if (!anchor)
                return fail(
                        builder, place,
                        "the alias has no anchor (write &name at the value it stands for, or quotes around a text)");
        if (is_open(builder, anchor->node))
                return fail(builder, place, "the alias stands for a value that holds it");
        return attach(builder, anchor->node, place);
}

static bool
is_null(const char *text, bool plain)
{
        return plain && (text[0] == '\0' || strcmp(text, "~") == 0 || strcmp(text, "null") == 0);
}

static int
add_scalar(struct builder *builder, struct fy_event *event)
{
        struct frame *frame = builder->depth > 0 ? &builder->frames[builder->depth - 1] : NULL;
        struct fy_token *token = event->scalar.value;
        struct sqi_place place = event_place(event);
        struct sqi_yaml *node;
        char error[256], *text;
        size_t len = 0;
        int r;

        text = token ? copy_token(builder->arena, token, &len) : sqi_arena_copy(builder->arena, "", 0);
        node = new_node(builder, SQI_YAML_SCALAR, place);
        if (!text || !node)
                return -ENOMEM;
        if (strlen(text) != len)
                return fail(builder, place, "a NUL character has no place here");
        if (frame && frame->node->kind == SQI_YAML_MAPPING && !frame->key) {
                frame->key = text;
                frame->key_place = place;
                return 0;
        }
        if (place.line == 0 && frame)
                node->place = frame->key_place;
        if (is_null(text, !token || fy_scalar_token_get_style(token) == FYSS_PLAIN))
                node->kind = SQI_YAML_NULL;
        node->text = text;
        node->quoted = token && fy_scalar_token_get_style(token) != FYSS_PLAIN;
        r = builder->plain ? 0 : sqi_expand(builder->arena, text, &node->text, error, sizeof(error));
        if (r == -EINVAL) {
                sqi_diagnose(builder->diagnostics, SQI_ERROR, node->place, "%s", error);
                node->broken = true;
                r = 0;
        }
        if (r == 0)
                r = anchor(builder, event->scalar.anchor, node);
        return r < 0 ? r : attach(builder, node, place);
}

static int
open_node(struct builder *builder, enum sqi_yaml_kind kind, struct fy_token *name, struct sqi_place place)
{
        struct sqi_yaml *node = new_node(builder, kind, place);
        int r;

        if (!node)
                return -ENOMEM;
        if (builder->depth == SQI_YAML_DEPTH)
                return fail(builder, place, "nested too deeply");
        r = anchor(builder, name, node);
        if (r == 0)
                builder->frames[builder->depth++] = (struct frame){.node = node, .tail = &node->first};
        return r;
}

static int
close_node(struct builder *builder)
{
        struct sqi_yaml *node = builder->frames[--builder->depth].node;
        int r = 0;

        if (node->kind == SQI_YAML_MAPPING && node->n > SQI_YAML_KEYS)
                return fail(builder, node->place, "too many keys in one map (4096 at most)");
        if (node->kind == SQI_YAML_MAPPING) {
                r = refuse_duplicates(builder, node);
                if (r == 0)
                        r = merge_all(builder, node);
        }
        return r < 0 ? r : attach(builder, node, node->place);
}

/* An event of a tag alone has no mark. */
static struct sqi_place
tag_place(struct fy_event *event, struct sqi_place place)
{
        const struct fy_mark *mark = fy_token_start_mark(fy_event_get_tag_token(event));

        return place.line == 0 && mark ? (struct sqi_place){(uint32_t)mark->line + 1, (uint32_t)mark->column + 1}
                                       : place;
}

static int
add_event(struct builder *builder, struct fy_event *event)
{
        struct sqi_place place = event_place(event);

        if (event->type != FYET_DOCUMENT_START && event->type != FYET_DOCUMENT_END && fy_event_get_tag_token(event))
                return fail(builder, tag_place(event, place), "YAML tags have no meaning here (leave out the !...)");
        switch (event->type) {
        case FYET_DOCUMENT_START:
                return ++builder->documents > 1 ? fail(builder, place, "a second document (one topology, one file)")
                                                : 0;
        case FYET_SCALAR:
                return add_scalar(builder, event);
        case FYET_ALIAS:
                return add_alias(builder, event);
        case FYET_SEQUENCE_START:
                return open_node(builder, SQI_YAML_SEQUENCE, event->sequence_start.anchor, place);
        case FYET_MAPPING_START:
                return open_node(builder, SQI_YAML_MAPPING, event->mapping_start.anchor, place);
        case FYET_SEQUENCE_END:
        case FYET_MAPPING_END:
                return close_node(builder);
        default:
                return 0;
        }
}

/* Is it the brace of a ${NAME} without quotes, which is YAML's own between braces? Moves the place to the $. */
static bool
find_variable(const char *source, struct sqi_place *place)
{
        uint32_t line = place->line;
        const char *end;

        while (source && line > 1) {
                source = strchr(source, '\n');
                if (source)
                        source++;
                line--;
        }
        if (!source || line == 0)
                return false;
        end = source + strcspn(source, "\n");
        for (uint32_t column = 1; source + 1 < end && column <= place->column; source++) {
                if (source[0] == '$' && source[1] == '{' && column + 2 >= place->column) {
                        place->column = column;
                        return true;
                }
                column += ((unsigned char)source[1] & 0xc0) != 0x80;
        }
        return false;
}

static int
report_syntax(struct builder *builder, struct fy_diag *diag)
{
        const struct fy_diag_error *error;
        struct sqi_place place;
        void *at = NULL;
        bool any = false;

        while ((error = fy_diag_errors_iterate(diag, &at))) {
                place = (struct sqi_place){(uint32_t)(error->line > 0 ? error->line : 0),
                                           (uint32_t)(error->column > 0 ? error->column : 1)};
                if (find_variable(builder->diagnostics->source, &place))
                        sqi_diagnose(
                                builder->diagnostics, SQI_ERROR, place,
                                "a variable between { } or [ ] needs quotes (write \"${NAME}\" or \"${NAME:-default}\")");
                else
                        sqi_diagnose(builder->diagnostics, SQI_ERROR, place, "not YAML: %s%s", error->msg,
                                     sqi_yaml_mend(error->msg));
                any = true;
        }
        return any ? -EINVAL : fail(builder, (struct sqi_place){0}, "not YAML");
}

static int
build(struct builder *builder, struct fy_parser *parser, struct fy_diag *diag)
{
        struct fy_event *event;
        int r = 0;

        while (r == 0 && (event = fy_parser_parse(parser))) {
                r = add_event(builder, event);
                fy_parser_event_free(parser, event);
        }
        if (r == 0 && fy_parser_get_stream_error(parser))
                r = report_syntax(builder, diag);
        if (r == 0 && !builder->root)
                r = fail(builder, (struct sqi_place){0}, "the file is empty");
        return r;
}

/* Overlong forms, surrogates and what is beyond U+10FFFF are known by the first two bytes. */
static bool
is_no_character(unsigned char first, unsigned char second)
{
        return (first == 0xe0 && second < 0xa0) || (first == 0xed && second > 0x9f) ||
               (first == 0xf0 && second < 0x90) || (first == 0xf4 && second > 0x8f);
}

/* YAML is text: UTF-8 without control characters. libfyaml takes other bytes for the end of the file, or never comes
 * back from them. */
static int
check_text(struct builder *builder, const char *text, size_t size)
{
        struct sqi_place place = {1, 1};
        const unsigned char *at = (const unsigned char *)text, *end = at + size;
        size_t follow;

        while (at < end) {
                follow = *at < 0x80                  ? 0
                         : *at >= 0xc2 && *at < 0xe0 ? 1
                         : (*at & 0xf0) == 0xe0      ? 2
                         : *at >= 0xf0 && *at < 0xf5 ? 3
                                                     : 4;
                if (follow == 4 || (size_t)(end - at) <= follow || (*at < 0x20 && !strchr("\t\n\r", *at)) ||
                    *at == 0x7f || *at == 0 || (follow > 0 && is_no_character(at[0], at[1])))
                        return fail(builder, place, "not text (a topology file is YAML in UTF-8)");
                place.column++;
                if (*at == '\n')
                        place = (struct sqi_place){place.line + 1, 1};
                for (at++; follow > 0; follow--, at++)
                        if ((*at & 0xc0) != 0x80)
                                return fail(builder, place, "not text (a topology file is YAML in UTF-8)");
        }
        return 0;
}

static int
parse(struct sqi_arena *arena, const char *text, size_t size, bool plain, struct sqi_diagnostics *diagnostics,
      struct sqi_yaml **ret)
{
        struct builder builder = {.arena = arena, .diagnostics = diagnostics, .plain = plain};
        struct fy_diag_cfg diag_config;
        struct fy_parse_cfg config = {.flags = FYPCF_QUIET | FYPCF_COLLECT_DIAG | FYPCF_DEFAULT_VERSION_1_2 |
                                               FYPCF_JSON_NONE};
        struct fy_parser *parser = NULL;
        struct fy_diag *diag;
        int r;

        r = size == 0 ? fail(&builder, (struct sqi_place){0}, "the file is empty") : check_text(&builder, text, size);
        if (r < 0)
                return r;
        free(diagnostics->source);
        diagnostics->source = strndup(text, size);
        fy_diag_cfg_default(&diag_config);
        diag_config.fp = NULL;
        diag = fy_diag_create(&diag_config);
        if (!diag)
                return -ENOMEM;
        fy_diag_set_collect_errors(diag, true);
        config.diag = diag;
        parser = fy_parser_create(&config);
        r = parser && fy_parser_set_string(parser, text, size) == 0 ? build(&builder, parser, diag) : -ENOMEM;
        fy_parser_destroy(parser);
        fy_diag_destroy(diag);
        if (r == 0)
                *ret = builder.root;
        return r;
}

int
sqi_yaml_parse(struct sqi_arena *arena, const char *text, size_t size, struct sqi_diagnostics *diagnostics,
               struct sqi_yaml **ret)
{
        return parse(arena, text, size, false, diagnostics, ret);
}

int
sqi_yaml_parse_plain(struct sqi_arena *arena, const char *text, size_t size, struct sqi_diagnostics *diagnostics,
                     struct sqi_yaml **ret)
{
        return parse(arena, text, size, true, diagnostics, ret);
}

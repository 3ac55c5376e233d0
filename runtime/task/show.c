/* SPDX-License-Identifier: Apache-2.0 */
#include "task/show.h"

#include "task/task.h"
#include "tuple/pack.h"
#include "tuple/unpack.h"
#include "tuple/utf8.h"

/* ---- What a component shows -------------------------------------------------------------------------- */

static bool
is_showing(struct sq_task *task, const char *what)
{
        if (!task->showing)
                sqi_task_misuse(task, "%s outside of .show", what);
        return task->showing != NULL;
}

void
sq_show_key(struct sq_task *task, const char *name, struct sq_value value)
{
        if (!is_showing(task, "sq_show_key()"))
                return;
        task->showing->has_key = true;
        sqi_write_value(&task->showing->key, name, value);
}

void
sq_show(struct sq_task *task, const char *name, struct sq_value value)
{
        if (is_showing(task, "sq_show()"))
                sqi_write_value(&task->showing->state, name, value);
}

/* The next of the packed values; false: there is none that is whole. */
static bool
next_value(const uint8_t **at, const uint8_t *end, struct sq_value *ret)
{
        const uint8_t *next = *at < end ? sqi_skip(*at, end) : NULL;

        if (!next)
                return false;
        *ret = sqi_unpack(*at, next);
        *at = next;
        return true;
}

/* Of input field `place`; a component that declared none counts those of the tuple. */
static const char *
name_of(const struct sq_task *task, unsigned place)
{
        const struct sqi_plan *plan = task->plan;

        if (task->component->nin > 0)
                return sq_input_field(task, place).name;
        for (uint32_t e = 0; e < plan->nedges; e++) {
                const struct sqi_plan_edge *edge = &plan->edges[e];
                const struct sqi_plan_stream *stream = &plan->components[edge->from].streams[edge->stream];

                if (&plan->components[edge->to] == task->component && place < stream->nfields)
                        return stream->fields[place].name;
        }
        return NULL;
}

void
sq_show_packed(struct sq_task *task, struct sq_str key, unsigned first)
{
        const uint8_t *at = (const uint8_t *)key.ptr, *end = at + key.len;
        struct sq_value value;
        char number[16];

        if (!is_showing(task, "sq_show_packed()"))
                return;
        task->showing->has_key = true; /* it may have no field */
        for (unsigned i = 0; next_value(&at, end, &value); i++) {
                const char *name = name_of(task, first + i);

                snprintf(number, sizeof(number), "%u", i);
                sqi_write_value(&task->showing->key, name ? name : number, value);
        }
}

/* ---- What the bytes allow ---------------------------------------------------------------------------- */

static bool
is_readable(struct sq_str bytes)
{
        const unsigned char *at = (const unsigned char *)bytes.ptr, *end = at + bytes.len;

        while (at < end) {
                size_t n = sqi_utf8_length(at, (size_t)(end - at));

                if (n == 0 || *at < ' ' || *at == 0x7f)
                        return false;
                at += n;
        }
        return true;
}

static bool
is_packed(struct sq_str bytes)
{
        const uint8_t *at = (const uint8_t *)bytes.ptr, *end = at + bytes.len;

        while (at && at < end)
                at = sqi_skip(at, end);
        return at == end && bytes.len > 0;
}

/* A text that is not a text is packed fields: the head of a packed one is not UTF-8. */
static void
write_bare_key(struct sq_task *task, struct sqi_showing *showing, struct sq_str key, struct sqi_writer *writer)
{
        if (!is_readable(key) && is_packed(key))
                sq_show_packed(task, key, 0);
        if (showing->has_key)
                return;
        if (is_readable(key))
                sqi_write_str(writer, "key", key);
        else
                sqi_write_bin(writer, "key", key.ptr, key.len);
}

/* ---- Rows -------------------------------------------------------------------------------------------- */

static struct sq_str
view_of(const struct sqi_writer *writer)
{
        return (struct sq_str){(const char *)writer->bytes, writer->size};
}

/* What was shown, as one more member of the row. */
static void
write_shown(struct sqi_writer *row, const char *name, struct sqi_writer *shown)
{
        sqi_write_end(shown);
        if (!shown->failed)
                sqi_write_raw(row, name, view_of(shown));
        row->failed |= shown->failed;
}

static struct sqi_writer
write_row(struct sq_task *task, struct sq_str key, const void *state)
{
        struct sqi_writer row = sqi_writer(SQI_MSGPACK);
        struct sqi_showing showing = {.key = sqi_writer(SQI_MSGPACK), .state = sqi_writer(SQI_MSGPACK)};
        const struct sqi_component *code = task->instance.code;
        bool shows = code->bolt && code->bolt->show;

        sqi_write_map(&row, NULL);
        sqi_write_map(&showing.key, NULL);
        sqi_write_map(&showing.state, NULL);
        task->showing = &showing;
        if (shows)
                code->bolt->show(task, key, state);
        if (!showing.has_key)
                write_bare_key(task, &showing, key, &row);
        task->showing = NULL;
        if (showing.has_key)
                write_shown(&row, "key", &showing.key);
        if (shows)
                write_shown(&row, "state", &showing.state);
        else
                sqi_write_bin(&row, "state", state, sqi_component_key_state(code));
        sqi_writer_drop(&showing.key);
        sqi_writer_drop(&showing.state);
        sqi_write_end(&row);
        return row;
}

/* In the place of a row that is larger than an answer may be. */
static void
write_excuse(struct sqi_writer *writer, size_t size)
{
        char text[96];

        snprintf(text, sizeof(text), "a row of %zu bytes, more than an answer holds", size);
        sqi_write_map(writer, NULL);
        sqi_write_nil(writer, "key");
        sqi_write_text(writer, "state", text);
        sqi_write_end(writer);
}

/* False: there is no room for it any more. */
static bool
add_row(struct sq_task *task, struct sq_str key, const void *state, size_t size, struct sqi_writer *writer)
{
        struct sqi_writer row = write_row(task, key, state);
        size_t begin = writer->open[writer->depth - 1].at;
        bool fits = writer->size - begin + row.size <= size, alone = writer->open[writer->depth - 1].n == 0;

        writer->failed |= row.failed;
        if (fits)
                sqi_write_raw(writer, NULL, view_of(&row));
        else if (alone)
                write_excuse(writer, row.size);
        sqi_writer_drop(&row);
        return fits || alone;
}

size_t
sqi_show_page(struct sq_task *task, size_t from, size_t limit, size_t size, struct sqi_writer *writer)
{
        const struct sqi_keyed *keyed = task->instance.keyed;
        size_t cursor = from, here = from;
        struct sq_str key;
        void *state;

        while (keyed && sqi_keyed_step(keyed, &cursor, &key, &state)) {
                if (limit-- == 0 || !add_row(task, key, state, size, writer))
                        return here;
                here = cursor;
        }
        return 0;
}

/* ---- One key ----------------------------------------------------------------------------------------- */

/* What else than text it may be. */
static bool
other_reading(struct sq_str text, struct sq_value *ret)
{
        static const char *const words[] = {"null", "false", "true"};
        char copy[64], *end;

        for (unsigned w = 0; w < sizeof(words) / sizeof(words[0]); w++)
                if (text.len == strlen(words[w]) && memcmp(text.ptr, words[w], text.len) == 0) {
                        *ret = w ? sq_bool(w == 2) : sq_nil();
                        return true;
                }
        if (text.len == 0 || text.len >= sizeof(copy) || !strchr("+-.0123456789", text.ptr[0]))
                return false;
        memcpy(copy, text.ptr, text.len);
        copy[text.len] = '\0';
        errno = 0;
        *ret = sq_int(strtoll(copy, &end, 10));
        if (*end == '\0' && errno == 0)
                return true;
        double number = sq_strtod(copy, &end);
        *ret = number >= -0x1p63 && number < 0x1p63 && number == (double)(int64_t)number ? sq_int((int64_t)number)
                                                                                         : sq_float(number);
        return *end == '\0';
}

/* The key if bit i of `as_other` says that field i is not text. Malloc'd; NULL: no memory. */
static uint8_t *
pack_key(const struct sq_str *texts, const struct sq_value *others, size_t n, unsigned as_other, size_t *ret_size)
{
        struct sq_value values[SQI_SHOW_TEXTS];
        size_t bound = 1;

        for (size_t i = 0; i < n; i++) {
                values[i] = as_other >> i & 1 ? others[i] : sq_str(texts[i]);
                bound += sqi_pack_bound(&values[i]);
        }
        uint8_t *bytes = malloc(bound), *at = bytes;
        for (size_t i = 0; i < n && bytes; i++)
                at = sqi_pack(at, &values[i]);
        *ret_size = (size_t)(at - bytes);
        return bytes;
}

static size_t
show_if_there(struct sq_task *task, struct sq_str key, struct sqi_writer *writer)
{
        const void *state = sq_keyed_peek(task, key);

        return state && add_row(task, key, state, SQI_PACKED_MAX / 2, writer);
}

size_t
sqi_show_keys(struct sq_task *task, const struct sq_str *texts, size_t n, struct sqi_writer *writer)
{
        struct sq_value others[SQI_SHOW_TEXTS];
        unsigned readings = 0;
        size_t found = 0, size;

        for (size_t i = 0; i < n; i++)
                readings |= (unsigned)other_reading(texts[i], &others[i]) << i;
        for (unsigned as_other = 0; as_other < 1u << n; as_other++) {
                uint8_t *bytes = as_other & ~readings ? NULL : pack_key(texts, others, n, as_other, &size);

                if (bytes)
                        found += show_if_there(task, (struct sq_str){(const char *)bytes, size}, writer);
                free(bytes);
        }
        return found + (n == 1 ? show_if_there(task, texts[0], writer) : 0);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tuples as records: squall-formats.h says what each format is. All grow one buffer, by put_bytes(); shortage of memory
 * is noted there and looked at once, when the record is whole: then the record goes and what stood before it stays.
 */
#include <errno.h>
#include <msgpack.h>
#include <squall-kit.h>
#include <stdlib.h>
#include <string.h>

#include "base/plain.h"
#include "formats/dialect.h"
#include "formats/span.h"

enum { ROOM_MIN = 4096, JSON_ROOM = 256, INT_ROOM = 24 };

struct encoded {
        size_t n;
        const char *const *names;
        const struct sq_value *values;
};

/* ---- Bytes ------------------------------------------------------------------------------------------- */

static __attribute__((noinline)) char *
grow(struct sq_encoder *encoder, size_t n)
{
        size_t larger = encoder->room ? encoder->room : ROOM_MIN;
        char *grown;

        while (larger - encoder->len < n)
                larger *= 2;
        grown = realloc(encoder->bytes, larger);
        if (!grown) {
                encoder->short_of_memory = true;
                return NULL;
        }
        encoder->bytes = grown;
        encoder->room = larger;
        return grown + encoder->len;
}

/* Makes sure of `n` more bytes. */
static inline char *
room(struct sq_encoder *encoder, size_t n)
{
        return encoder->room - encoder->len >= n ? encoder->bytes + encoder->len : grow(encoder, n);
}

static inline void
put_bytes(struct sq_encoder *encoder, const char *ptr, size_t n)
{
        char *to = n > 0 ? room(encoder, n) : NULL;

        if (to) {
                memcpy(to, ptr, n);
                encoder->len += n;
        }
}

static inline void
put_char(struct sq_encoder *encoder, char c)
{
        put_bytes(encoder, &c, 1);
}

/* ---- Values of JSON ---------------------------------------------------------------------------------- */

static inline void
put_int(struct sq_encoder *encoder, int64_t value)
{
        static const char pairs[] = "0001020304050607080910111213141516171819202122232425262728293031323334353637383940"
                                    "4142434445464748495051525354555657585960616263646566676869707172737475767778798081"
                                    "828384858687888990919293949596979899";
        uint64_t rest = value < 0 ? -(uint64_t)value : (uint64_t)value;
        char text[INT_ROOM], *at = text + sizeof(text);

        for (; rest >= 10; rest /= 100)
                at = memcpy(at - 2, pairs + rest % 100 * 2, 2);
        if (rest > 0 || at == text + sizeof(text))
                *--at = (char)('0' + rest);
        if (value < 0)
                *--at = '-';
        put_bytes(encoder, at, (size_t)(text + sizeof(text) - at));
}

/* A text in quotes, if it needs no escapes. */
static inline bool
put_plain(struct sq_encoder *encoder, const char *ptr, size_t n)
{
        char *to = room(encoder, n + 2);

        if (!to || !sqi_copy_plain(to + 1, ptr, n))
                return false;
        to[0] = to[n + 1] = '"';
        encoder->len += n + 2;
        return true;
}

static void
put_json(struct sq_encoder *encoder, struct sq_value value)
{
        if (value.type == SQ_INT) {
                put_int(encoder, value.as.i);
                return;
        }
        if (value.type == SQ_STR && put_plain(encoder, value.as.ptr, value.len))
                return;
        char *to = room(encoder, JSON_ROOM);
        size_t need = to ? sq_json(value, to, JSON_ROOM) : 0;

        if (need >= JSON_ROOM && (to = room(encoder, need + 1)))
                sq_json(value, to, need + 1);
        if (to)
                encoder->len += need;
}

/* As a text of its own: a time, say, loses the quotes that it has in JSON. */
static void
put_bare(struct sq_encoder *encoder, struct sq_value value)
{
        size_t start = encoder->len;

        put_json(encoder, value);
        if (encoder->short_of_memory || encoder->bytes[start] != '"')
                return;
        encoder->len -= 2;
        memmove(encoder->bytes + start, encoder->bytes + start + 1, encoder->len - start);
}

static void
put_member(struct sq_encoder *encoder, const char *name, struct sq_value value)
{
        put_json(encoder, sq_text(name));
        put_char(encoder, ':');
        put_json(encoder, value);
}

static void
put_object(struct sq_encoder *encoder, const struct encoded *row)
{
        put_char(encoder, '{');
        for (size_t i = 0; i < row->n; i++) {
                if (i > 0)
                        put_char(encoder, ',');
                put_member(encoder, row->names[i], row->values[i]);
        }
        put_char(encoder, '}');
}

static void
put_jsonl(struct sq_encoder *encoder, const struct encoded *row)
{
        put_object(encoder, row);
        put_char(encoder, '\n');
}

/* ---- Cells of TSV and CSV ---------------------------------------------------------------------------- */

typedef void put_cell(struct sq_encoder *encoder, const char *ptr, size_t n, bool alone);

/* Puts text, with `escape` before or, if it has a name there, instead of each of the bytes `special`. */
static void
put_escaped(struct sq_encoder *encoder, const char *ptr, size_t n, const char *special, const char *names, char escape)
{
        const char *end = ptr + n, *start = ptr, *found;

        for (; ptr < end; ptr++) {
                if (*ptr == '\0' || !(found = strchr(special, *ptr)))
                        continue;
                put_bytes(encoder, start, (size_t)(ptr - start));
                put_char(encoder, escape);
                put_char(encoder, names[found - special]);
                start = ptr + 1;
        }
        put_bytes(encoder, start, (size_t)(end - start));
}

static bool
has_any(const char *ptr, size_t n, const char *special)
{
        for (; *special; special++)
                if (memchr(ptr, *special, n))
                        return true;
        return false;
}

/* A tuple of one field is a line of text: it stays as it is, but for line ends. */
static void
put_tsv_cell(struct sq_encoder *encoder, const char *ptr, size_t n, bool alone)
{
        const char *special = alone ? "\n" : "\t\n\r\\", *names = alone ? "n" : "tnr\\";

        if (n > 0 && has_any(ptr, n, special))
                put_escaped(encoder, ptr, n, special, names, '\\');
        else
                put_bytes(encoder, ptr, n);
}

/* The encoder's dialect is a whole one. */
static void
put_csv_cell(struct sq_encoder *encoder, const char *ptr, size_t n, bool alone)
{
        const struct sq_csv_dialect dialect = encoder->dialect;
        const char quotes[] = {dialect.quote, '\0'}, special[] = {dialect.separator, '\r', '\n', dialect.quote, '\0'};
        /* An empty field that stands alone would be an empty line, which many readers pass over. */
        bool quote = n == 0 ? alone
                            : sqi_span(ptr, ptr + n, '\r' + 1, dialect.separator, dialect.quote, dialect.quote) <
                                              ptr + n &&
                                      has_any(ptr, n, special);

        if (!quote || dialect.quote == SQI_NO_QUOTE) {
                encoder->unquoted |= quote;
                put_bytes(encoder, ptr, n);
                return;
        }
        put_char(encoder, dialect.quote);
        put_escaped(encoder, ptr, n, quotes, quotes, dialect.quote);
        put_char(encoder, dialect.quote);
}

/* Takes the text behind `start` back and puts it as a cell. */
static void
put_again(struct sq_encoder *encoder, size_t start, bool alone, put_cell *put)
{
        size_t len = encoder->len - start;
        char *copy = malloc(len);

        encoder->len = start;
        if (copy) {
                memcpy(copy, encoder->bytes + start, len);
                put(encoder, copy, len, alone);
        }
        encoder->short_of_memory |= !copy;
        free(copy);
}

/* What is neither text nor a number: an array or a map is quoted as text is. */
static void
put_other(struct sq_encoder *encoder, struct sq_value value, bool alone, put_cell *put)
{
        size_t start = encoder->len;

        put_bare(encoder, value);
        if (!encoder->short_of_memory && (value.type == SQ_ARRAY || value.type == SQ_MAP))
                put_again(encoder, start, alone, put);
}

/* Values that are not text are written as JSON writes them, nil as nothing. */
static inline void
put_cells(struct sq_encoder *encoder, const struct encoded *row, char separator, put_cell *put)
{
        for (size_t i = 0; i < row->n; i++) {
                struct sq_value value = row->values[i];

                if (i > 0)
                        put_char(encoder, separator);
                if (value.type == SQ_STR || value.type == SQ_BIN)
                        put(encoder, value.as.ptr, value.len, row->n == 1);
                else if (value.type == SQ_INT)
                        put_int(encoder, value.as.i);
                else if (value.type != SQ_NIL)
                        put_other(encoder, value, row->n == 1, put);
                else if (row->n == 1)
                        put(encoder, "", 0, true);
        }
}

static void
put_tsv(struct sq_encoder *encoder, const struct encoded *row)
{
        put_cells(encoder, row, '\t', put_tsv_cell);
        put_char(encoder, '\n');
}

static void
put_csv(struct sq_encoder *encoder, const struct encoded *row)
{
        encoder->dialect = sqi_dialect_whole(encoder->dialect);
        put_cells(encoder, row, encoder->dialect.separator, put_csv_cell);
}

static void
put_csv_line(struct sq_encoder *encoder, const struct encoded *row)
{
        put_csv(encoder, row);
        put_char(encoder, '\n');
}

static void
put_text(struct sq_encoder *encoder, const struct encoded *row)
{
        for (size_t i = 0; i < row->n; i++) {
                struct sq_value value = row->values[i];

                if (i > 0)
                        put_char(encoder, '\t');
                if (value.type == SQ_STR || value.type == SQ_BIN)
                        put_bytes(encoder, value.as.ptr, value.len);
                else
                        put_bare(encoder, value);
        }
}

/* ---- Pairs of logfmt --------------------------------------------------------------------------------- */

static bool
is_plain(unsigned char c)
{
        return c > ' ' && c != '"' && c != '=' && c != 0x7f;
}

/* A text that stands as it is. False: it is looked at byte by byte. */
static inline bool
put_word(struct sq_encoder *encoder, const char *ptr, size_t n)
{
        char *to = n > 0 ? room(encoder, n) : NULL;

        if (!to || !sqi_copy_words(to, ptr, n, sqi_is_bare_word))
                return false;
        encoder->len += n;
        return true;
}

static void
put_key(struct sq_encoder *encoder, const char *name)
{
        if (put_word(encoder, name, strlen(name)))
                return;
        if (!*name)
                put_char(encoder, '_');
        for (; *name; name++)
                put_char(encoder, is_plain((unsigned char)*name) ? *name : '_');
}

/* In quotes, with escapes for what a line or the quotes would end at. */
static void
put_quoted(struct sq_encoder *encoder, const char *ptr, size_t n)
{
        static const char hex[] = "0123456789abcdef";

        put_char(encoder, '"');
        for (const char *end = ptr + n; ptr < end; ptr++) {
                unsigned char c = (unsigned char)*ptr;

                if (c == '"' || c == '\\') {
                        put_char(encoder, '\\');
                        put_char(encoder, *ptr);
                } else if (c < ' ' || c == 0x7f) {
                        put_bytes(encoder, "\\u00", 4);
                        put_char(encoder, hex[c >> 4]);
                        put_char(encoder, hex[c & 15]);
                } else
                        put_char(encoder, *ptr);
        }
        put_char(encoder, '"');
}

static void
put_pair_text(struct sq_encoder *encoder, const char *ptr, size_t n, bool alone)
{
        bool plain = n > 0;

        (void)alone;
        if (put_word(encoder, ptr, n))
                return;
        for (size_t i = 0; plain && i < n; i++)
                plain = is_plain((unsigned char)ptr[i]) && ptr[i] != '\\';
        if (plain)
                put_bytes(encoder, ptr, n);
        else
                put_quoted(encoder, ptr, n);
}

static void
put_pairs(struct sq_encoder *encoder, const struct encoded *row)
{
        bool any = false;

        for (size_t i = 0; i < row->n; i++) {
                struct sq_value value = row->values[i];

                if (value.type == SQ_NIL)
                        continue;
                if (any)
                        put_char(encoder, ' ');
                put_key(encoder, row->names[i]);
                put_char(encoder, '=');
                if (value.type == SQ_STR || value.type == SQ_BIN)
                        put_pair_text(encoder, value.as.ptr, value.len, false);
                else
                        put_other(encoder, value, false, put_pair_text);
                any = true;
        }
}

static void
put_pairs_line(struct sq_encoder *encoder, const struct encoded *row)
{
        put_pairs(encoder, row);
        put_char(encoder, '\n');
}

/* ---- Msgpack ----------------------------------------------------------------------------------------- */

static int
write_packed(void *data, const char *bytes, size_t len)
{
        put_bytes(data, bytes, len);
        return 0;
}

static void pack(msgpack_packer *packer, struct sq_value value);

/* What is announced comes, also where a packed value that came from outside breaks off. */
static void
pack_items(msgpack_packer *packer, struct sq_value value)
{
        struct sq_items items = sq_items(value);
        struct sq_value item;

        if (value.type == SQ_MAP)
                msgpack_pack_map(packer, items.left / 2);
        else
                msgpack_pack_array(packer, items.left);
        for (uint64_t n = items.left; n > 0; n--)
                pack(packer, sq_next_item(&items, &item) ? item : sq_nil());
}

static void
pack_time(msgpack_packer *packer, struct sq_value value)
{
        msgpack_timestamp time = {.tv_sec = value.as.i, .tv_nsec = value.len};

        msgpack_pack_timestamp(packer, &time);
}

static void
pack(msgpack_packer *packer, struct sq_value value)
{
        switch (value.type) {
        case SQ_BOOL:
                value.as.b ? msgpack_pack_true(packer) : msgpack_pack_false(packer);
                break;
        case SQ_INT:
                msgpack_pack_int64(packer, value.as.i);
                break;
        case SQ_UINT:
                msgpack_pack_uint64(packer, value.as.u);
                break;
        case SQ_FLOAT:
                msgpack_pack_double(packer, value.as.f);
                break;
        case SQ_STR:
                msgpack_pack_str_with_body(packer, value.as.ptr, value.len);
                break;
        case SQ_BIN:
                msgpack_pack_bin_with_body(packer, value.as.ptr, value.len);
                break;
        case SQ_ARRAY:
        case SQ_MAP:
                pack_items(packer, value);
                break;
        case SQ_TIME:
                pack_time(packer, value);
                break;
        default:
                msgpack_pack_nil(packer);
        }
}

static void
put_msgpack(struct sq_encoder *encoder, const struct encoded *row)
{
        msgpack_packer packer;

        msgpack_packer_init(&packer, encoder, write_packed);
        msgpack_pack_map(&packer, row->n);
        for (size_t i = 0; i < row->n; i++) {
                pack(&packer, sq_text(row->names[i]));
                pack(&packer, row->values[i]);
        }
}

/* ---- The encoder ------------------------------------------------------------------------------------- */

static const struct {
        void (*put)(struct sq_encoder *encoder, const struct encoded *row);
        bool named;
} formats[] = {
        [SQ_FORMAT_TEXT] = {put_text, false},         [SQ_FORMAT_CSV] = {put_csv, false},
        [SQ_FORMAT_JSON] = {put_object, true},        [SQ_FORMAT_LOGFMT] = {put_pairs, true},
        [SQ_FORMAT_MSGPACK] = {put_msgpack, true},    [SQ_FORMAT_JSONL] = {put_jsonl, true},
        [SQ_FORMAT_LOGFMTL] = {put_pairs_line, true}, [SQ_FORMAT_TSV] = {put_tsv, false},
        [SQ_FORMAT_CSVL] = {put_csv_line, false},
};

static int
encode(struct sq_encoder *encoder, const struct encoded *row)
{
        size_t start = encoder->len;
        int r;

        formats[encoder->format].put(encoder, row);
        if (!encoder->short_of_memory && !encoder->unquoted)
                return 0;
        r = encoder->short_of_memory ? -ENOMEM : -EBADMSG;
        encoder->len = start;
        encoder->short_of_memory = encoder->unquoted = false;
        return r;
}

int
sq_encode_values(struct sq_encoder *encoder, size_t n, const char *const *names, const struct sq_value *values)
{
        return encode(encoder, &(struct encoded){n, names, values});
}

int
sq_encode(struct sq_encoder *encoder, const struct sq_tuple *in)
{
        struct sq_value values[SQ_FIELDS_MAX];
        const char *names[SQ_FIELDS_MAX];
        unsigned n = sq_tuple_size(in);

        for (unsigned i = 0; i < n; i++)
                values[i] = sq_tuple_get(in, i);
        for (unsigned i = 0; formats[encoder->format].named && i < n; i++)
                names[i] = sq_tuple_name(in, i);
        return encode(encoder, &(struct encoded){n, names, values});
}

int
sq_encode_names(struct sq_encoder *encoder, const struct sq_tuple *in)
{
        struct sq_value values[SQ_FIELDS_MAX];
        const char *names[SQ_FIELDS_MAX];
        unsigned n = sq_tuple_size(in);

        for (unsigned i = 0; i < n; i++) {
                names[i] = sq_tuple_name(in, i);
                values[i] = sq_text(names[i]);
        }
        return encode(encoder, &(struct encoded){n, names, values});
}

void
sq_encoder_free(struct sq_encoder *encoder)
{
        free(encoder->bytes);
        *encoder = (struct sq_encoder){.format = encoder->format, .dialect = encoder->dialect};
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The codec reads in place with the runtime's own msgpack reader, which neither recurses nor allocates: the bytes come from another process. */
#include "command/command.h"

#include <ctype.h>
#include <errno.h>
#include <msgpack.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "tuple/unpack.h"

enum { REQUEST_PARTS = 4, REPLY_PARTS = 5, NAME_SIZE = 16 };

static const struct {
        const char *name;
        bool changes;
} commands[] = {
#define X(name, changes, sense) {#name, changes},
        SQI_COMMANDS(X)
#undef X
};

enum argument_type { STR, BIN, FLOAT, BOOL };
static const struct {
        const char *name;
        enum argument_type type;
        size_t offset;
} arguments[] = {
#define X(name, type) {#name, type, offsetof(struct sqi_request, name)},
        SQI_ARGUMENTS(X)
#undef X
};
enum { NARGUMENTS = sizeof(arguments) / sizeof(arguments[0]) };

/* As it stands on the wire: small letters. */
static const char *
write_name(enum sqi_command_type command, char name[NAME_SIZE])
{
        size_t i;

        for (i = 0; commands[command].name[i]; i++)
                name[i] = (char)tolower((unsigned char)commands[command].name[i]);
        name[i] = '\0';
        return name;
}

const char *
sqi_command_name(enum sqi_command_type command)
{
        return command < SQI_COMMAND_TYPES ? commands[command].name : "?";
}

bool
sqi_command_changes(enum sqi_command_type command)
{
        return command < SQI_COMMAND_TYPES && commands[command].changes;
}

/* ---- Writing -------------------------------------------------------------------------------------------------------------- */

static bool
is_given(const struct sqi_request *request, size_t i)
{
        const char *at = (const char *)request + arguments[i].offset;

        if (arguments[i].type == FLOAT)
                return true;
        return arguments[i].type == BOOL ? *(const bool *)at : ((const struct sq_str *)(const void *)at)->ptr != NULL;
}

static void
pack_argument(msgpack_packer *packer, const struct sqi_request *request, size_t i)
{
        const void *at = (const char *)request + arguments[i].offset;
        const struct sq_str *text = at;

        msgpack_pack_str_with_body(packer, arguments[i].name, strlen(arguments[i].name));
        switch (arguments[i].type) {
        case STR:
                msgpack_pack_str_with_body(packer, text->ptr, text->len);
                break;
        case BIN:
                msgpack_pack_bin_with_body(packer, text->ptr, text->len);
                break;
        case FLOAT:
                msgpack_pack_double(packer, *(const double *)at);
                break;
        case BOOL:
                msgpack_pack_true(packer);
        }
}

/* The buffer's memory becomes the caller's. What does not fit into memory leaves it empty. */
static int
hand_out(msgpack_sbuffer *buffer, bool whole, void **ret_bytes, size_t *ret_size)
{
        if (!whole || !buffer->data) {
                msgpack_sbuffer_destroy(buffer);
                return -ENOMEM;
        }
        *ret_size = buffer->size;
        *ret_bytes = msgpack_sbuffer_release(buffer);
        return 0;
}

static int
write_checked(void *context, const char *bytes, size_t size)
{
        struct {
                msgpack_sbuffer buffer;
                bool whole;
        } *out = context;

        if (msgpack_sbuffer_write(&out->buffer, bytes, size) < 0)
                out->whole = false;
        return 0;
}

int
sqi_request_encode(const struct sqi_request *request, void **ret_bytes, size_t *ret_size)
{
        struct {
                msgpack_sbuffer buffer;
                bool whole;
        } out = {.whole = true};
        char name[NAME_SIZE];
        msgpack_packer packer;
        size_t n = 0;

        for (size_t i = 0; i < NARGUMENTS; i++)
                n += is_given(request, i);
        msgpack_packer_init(&packer, &out, write_checked);
        msgpack_pack_array(&packer, REQUEST_PARTS);
        msgpack_pack_int(&packer, SQI_COMMAND_VERSION);
        msgpack_pack_bin_with_body(&packer, request->id, SQI_REQUEST_ID);
        write_name(request->command, name);
        msgpack_pack_str_with_body(&packer, name, strlen(name));
        msgpack_pack_map(&packer, n);
        for (size_t i = 0; i < NARGUMENTS; i++)
                if (is_given(request, i))
                        pack_argument(&packer, request, i);
        return hand_out(&out.buffer, out.whole, ret_bytes, ret_size);
}

int
sqi_reply_encode(const struct sqi_reply *reply, void **ret_bytes, size_t *ret_size)
{
        struct {
                msgpack_sbuffer buffer;
                bool whole;
        } out = {.whole = true};
        msgpack_packer packer;

        msgpack_packer_init(&packer, &out, write_checked);
        msgpack_pack_array(&packer, REPLY_PARTS);
        msgpack_pack_int(&packer, SQI_COMMAND_VERSION);
        msgpack_pack_bin_with_body(&packer, reply->id, SQI_REQUEST_ID);
        msgpack_pack_int(&packer, (int)reply->status);
        msgpack_pack_str_with_body(&packer, reply->error.ptr ? reply->error.ptr : "", reply->error.len);
        if (reply->result.len > 0)
                write_checked(&out, reply->result.ptr, reply->result.len);
        else
                msgpack_pack_nil(&packer);
        return hand_out(&out.buffer, out.whole, ret_bytes, ret_size);
}

/* ---- Reading -------------------------------------------------------------------------------------------------------------- */

struct reader {
        const uint8_t *at, *end;
};

static bool
next(struct reader *reader, struct sq_value *ret, struct sq_str *ret_packed)
{
        const uint8_t *end = reader->at ? sqi_skip(reader->at, reader->end) : NULL;

        if (!end)
                return false;
        if (ret)
                *ret = sqi_unpack(reader->at, end);
        if (ret_packed)
                *ret_packed = (struct sq_str){(const char *)reader->at, (size_t)(end - reader->at)};
        reader->at = end;
        return true;
}

static struct sq_str
text_of(const struct sq_value *value)
{
        return (struct sq_str){value->as.ptr, value->len};
}

static bool
next_of(struct reader *reader, enum sq_type type, struct sq_str *ret)
{
        struct sq_value value;

        if (!next(reader, &value, NULL) || value.type != type)
                return false;
        *ret = text_of(&value);
        return true;
}

/* The array's head, version and id. */
static int
read_head(struct reader *reader, uint32_t parts, uint8_t id[SQI_REQUEST_ID])
{
        struct sq_value version;
        struct sq_str bytes;
        uint32_t n;

        reader->at = sqi_unpack_head(reader->at, reader->end, &n);
        if (!reader->at || n < 2 || !next(reader, &version, NULL) || version.type != SQ_INT || !next_of(reader, SQ_BIN, &bytes) ||
            bytes.len != SQI_REQUEST_ID)
                return -EBADMSG;
        memcpy(id, bytes.ptr, SQI_REQUEST_ID);
        if (version.as.i != SQI_COMMAND_VERSION)
                return -EPROTO;
        return n == parts ? 0 : -EBADMSG;
}

static bool
is_text(struct sq_str a, const char *b)
{
        return a.len == strlen(b) && memcmp(a.ptr, b, a.len) == 0;
}

static int
find_command(struct sq_str text, enum sqi_command_type *ret)
{
        char name[NAME_SIZE];

        for (unsigned c = 0; c < SQI_COMMAND_TYPES; c++)
                if (is_text(text, write_name((enum sqi_command_type)c, name))) {
                        *ret = (enum sqi_command_type)c;
                        return 0;
                }
        return -ENOSYS;
}

static bool
store(struct sqi_request *request, size_t i, const struct sq_value *value)
{
        static const enum sq_type types[] = {[STR] = SQ_STR, [BIN] = SQ_BIN, [FLOAT] = SQ_FLOAT, [BOOL] = SQ_BOOL};
        void *at = (char *)request + arguments[i].offset;

        if (arguments[i].type == FLOAT && value->type == SQ_INT) {
                *(double *)at = (double)value->as.i;
                return true;
        }
        if (value->type != types[arguments[i].type])
                return false;
        if (arguments[i].type == FLOAT)
                *(double *)at = value->as.f;
        else if (arguments[i].type == BOOL)
                *(bool *)at = value->as.b;
        else
                *(struct sq_str *)at = text_of(value);
        return true;
}

static bool
read_arguments(struct sq_value map, struct sqi_request *request)
{
        struct sq_items items = sq_items(map);
        struct sq_value key, value;

        if (map.type != SQ_MAP)
                return false;
        while (sq_next_item(&items, &key)) {
                if (!sq_next_item(&items, &value) || key.type != SQ_STR)
                        return false;
                for (size_t i = 0; i < NARGUMENTS; i++)
                        if (is_text(text_of(&key), arguments[i].name) && !store(request, i, &value))
                                return false;
        }
        return true;
}

int
sqi_request_decode(const void *bytes, size_t size, struct sqi_request *ret)
{
        struct reader reader = {bytes, (const uint8_t *)bytes + size};
        struct sqi_request request = {.seconds = -1};
        struct sq_value map;
        struct sq_str name;
        int r = read_head(&reader, REQUEST_PARTS, request.id);

        if (r == 0 && (!next_of(&reader, SQ_STR, &name) || !next(&reader, &map, NULL) || reader.at != reader.end))
                r = -EBADMSG;
        if (r == 0)
                r = find_command(name, &request.command);
        if (r == 0 && !read_arguments(map, &request))
                r = -EBADMSG;
        if (r == 0)
                *ret = request;
        else if (r != -EBADMSG)
                memcpy(ret->id, request.id, SQI_REQUEST_ID);
        return r;
}

int
sqi_reply_decode(const void *bytes, size_t size, struct sqi_reply *ret)
{
        struct reader reader = {bytes, (const uint8_t *)bytes + size};
        struct sqi_reply reply = {.status = SQI_STATUS_DONE};
        struct sq_value status;
        int r = read_head(&reader, REPLY_PARTS, reply.id);

        if (r < 0)
                return r;
        if (!next(&reader, &status, NULL) || status.type != SQ_INT || status.as.i < 0 || status.as.i > SQI_STATUS_PENDING ||
            !next_of(&reader, SQ_STR, &reply.error) || !next(&reader, NULL, &reply.result) || reader.at != reader.end)
                return -EBADMSG;
        reply.status = (enum sqi_status)status.as.i;
        *ret = reply;
        return 0;
}

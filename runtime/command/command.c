/* SPDX-License-Identifier: Apache-2.0 */
/* The codec reads in place with the runtime's own msgpack reader, which neither recurses nor allocates: the bytes come
 * from another process. */
#include "command/command.h"

#include <ctype.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "tuple/reader.h"
#include "tuple/writer.h"

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

/* ---- Writing ----------------------------------------------------------------------------------------- */

static bool
is_given(const struct sqi_request *request, size_t i)
{
        const char *at = (const char *)request + arguments[i].offset;

        if (arguments[i].type == FLOAT)
                return true;
        return arguments[i].type == BOOL ? *(const bool *)at : ((const struct sq_str *)(const void *)at)->ptr != NULL;
}

static void
write_argument(struct sqi_writer *writer, const struct sqi_request *request, size_t i)
{
        const void *at = (const char *)request + arguments[i].offset;
        const struct sq_str *text = at;

        switch (arguments[i].type) {
        case STR:
                sqi_write_str(writer, arguments[i].name, *text);
                break;
        case BIN:
                sqi_write_bin(writer, arguments[i].name, text->ptr, text->len);
                break;
        case FLOAT:
                sqi_write_real(writer, arguments[i].name, *(const double *)at);
                break;
        case BOOL:
                sqi_write_bool(writer, arguments[i].name, true);
        }
}

int
sqi_request_encode(const struct sqi_request *request, void **ret_bytes, size_t *ret_size)
{
        struct sqi_writer writer = sqi_writer(SQI_MSGPACK);
        char name[NAME_SIZE];

        sqi_write_array(&writer, NULL);
        sqi_write_uint(&writer, NULL, SQI_COMMAND_VERSION);
        sqi_write_bin(&writer, NULL, request->id, SQI_REQUEST_ID);
        sqi_write_text(&writer, NULL, write_name(request->command, name));
        sqi_write_map(&writer, NULL);
        for (size_t i = 0; i < NARGUMENTS; i++)
                if (is_given(request, i))
                        write_argument(&writer, request, i);
        sqi_write_end(&writer);
        sqi_write_end(&writer);
        return sqi_writer_take(&writer, ret_bytes, ret_size);
}

int
sqi_reply_encode(const struct sqi_reply *reply, void **ret_bytes, size_t *ret_size)
{
        struct sqi_writer writer = sqi_writer(SQI_MSGPACK);

        sqi_write_array(&writer, NULL);
        sqi_write_uint(&writer, NULL, SQI_COMMAND_VERSION);
        sqi_write_bin(&writer, NULL, reply->id, SQI_REQUEST_ID);
        sqi_write_uint(&writer, NULL, reply->status);
        sqi_write_str(&writer, NULL, reply->error);
        if (reply->result.len > 0)
                sqi_write_raw(&writer, NULL, reply->result);
        else
                sqi_write_nil(&writer, NULL);
        sqi_write_end(&writer);
        return sqi_writer_take(&writer, ret_bytes, ret_size);
}

/* ---- Reading ----------------------------------------------------------------------------------------- */

static struct sq_str
text_of(const struct sq_value *value)
{
        return (struct sq_str){value->as.ptr, value->len};
}

/* The array's head, version and id. */
static int
read_head(struct sqi_reader *reader, uint32_t parts, uint8_t id[SQI_REQUEST_ID])
{
        uint32_t n = sqi_read_array(reader);
        int64_t version = sqi_read_int(reader);
        struct sq_str bytes = sqi_read_bin(reader);

        if (reader->error || bytes.len != SQI_REQUEST_ID)
                return -EBADMSG;
        memcpy(id, bytes.ptr, SQI_REQUEST_ID);
        if (version != SQI_COMMAND_VERSION)
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
        struct sqi_reader reader = sqi_reader(bytes, size);
        struct sqi_request request = {.seconds = -1};
        int r = read_head(&reader, REQUEST_PARTS, request.id);
        struct sq_str name = sqi_read_str(&reader);
        struct sq_value map = sqi_read_value(&reader);

        if (r == 0 && !sqi_reader_is_done(&reader))
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
        struct sqi_reader reader = sqi_reader(bytes, size);
        struct sqi_reply reply = {.status = SQI_STATUS_DONE};
        int r = read_head(&reader, REPLY_PARTS, reply.id);

        if (r < 0)
                return r;
        reply.status = (enum sqi_status)sqi_read_uint(&reader, SQI_STATUS_PENDING);
        reply.error = sqi_read_str(&reader);
        reply.result = sqi_read_packed(&reader);
        if (!sqi_reader_is_done(&reader))
                return -EBADMSG;
        *ret = reply;
        return 0;
}

bool
sqi_argument_copy(struct sq_str argument, char *ret, size_t size)
{
        if (!argument.ptr || argument.len >= size)
                return false;
        memcpy(ret, argument.ptr, argument.len);
        ret[argument.len] = '\0';
        return true;
}

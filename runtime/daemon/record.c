/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/record.h"

#include <errno.h>
#include <msgpack.h>
#include <stdlib.h>
#include <string.h>

#include "base/sealed.h"

enum { RECORD_VERSION = 1, RECORD_FIELDS = 13 };

static void
pack_text(msgpack_packer *packer, const char *text)
{
        msgpack_pack_str_with_body(packer, text, strlen(text));
}

static void
pack_record(msgpack_packer *packer, const struct sqi_record *record)
{
        msgpack_pack_array(packer, RECORD_FIELDS);
        msgpack_pack_int(packer, RECORD_VERSION);
        pack_text(packer, record->name);
        pack_text(packer, record->serial);
        msgpack_pack_bin_with_body(packer, record->request, SQI_REQUEST_ID);
        msgpack_pack_int(packer, (int)record->wish);
        msgpack_pack_double(packer, record->drain_secs);
        msgpack_pack_int(packer, (int)record->outcome);
        pack_text(packer, record->cause);
        msgpack_pack_int64(packer, record->submitted);
        msgpack_pack_int64(packer, record->began);
        pack_text(packer, record->rundir);
        msgpack_pack_uint32(packer, record->runs);
        if (record->trial)
                msgpack_pack_true(packer);
        else
                msgpack_pack_false(packer);
}

static bool
take_text(const msgpack_object *object, char *ret, size_t size)
{
        if (object->type != MSGPACK_OBJECT_STR || object->via.str.size >= size ||
            memchr(object->via.str.ptr, '\0', object->via.str.size))
                return false;
        memcpy(ret, object->via.str.ptr, object->via.str.size);
        ret[object->via.str.size] = '\0';
        return true;
}

static bool
take_int(const msgpack_object *object, int64_t most, int64_t *ret)
{
        if (object->type != MSGPACK_OBJECT_POSITIVE_INTEGER || object->via.u64 > (uint64_t)most)
                return false;
        *ret = object->via.i64;
        return true;
}

static bool
unpack_record(const msgpack_object *object, struct sqi_record *ret)
{
        const msgpack_object *at = object->via.array.ptr;
        int64_t version, wish, outcome, runs;

        if (object->type != MSGPACK_OBJECT_ARRAY || object->via.array.size != RECORD_FIELDS ||
            !take_int(&at[0], RECORD_VERSION, &version) || !take_text(&at[1], ret->name, sizeof(ret->name)) ||
            !sqi_is_id(ret->name) || !take_text(&at[2], ret->serial, sizeof(ret->serial)) || at[3].type != MSGPACK_OBJECT_BIN ||
            at[3].via.bin.size != SQI_REQUEST_ID || !take_int(&at[4], SQI_WISH_KILLED, &wish) ||
            (at[5].type != MSGPACK_OBJECT_FLOAT64 && at[5].type != MSGPACK_OBJECT_FLOAT32) ||
            !take_int(&at[6], SQI_OUTCOME_FAILED, &outcome) || !take_text(&at[7], ret->cause, sizeof(ret->cause)) ||
            !take_int(&at[8], INT64_MAX, &ret->submitted) || !take_int(&at[9], INT64_MAX, &ret->began) ||
            !take_text(&at[10], ret->rundir, sizeof(ret->rundir)) || !take_int(&at[11], UINT32_MAX, &runs) ||
            at[12].type != MSGPACK_OBJECT_BOOLEAN)
                return false;
        memcpy(ret->request, at[3].via.bin.ptr, SQI_REQUEST_ID);
        ret->wish = (enum sqi_wish)wish;
        ret->drain_secs = at[5].via.f64;
        ret->outcome = (enum sqi_outcome)outcome;
        ret->runs = (uint32_t)runs;
        ret->trial = at[12].via.boolean;
        return true;
}

int
sqi_record_write(int folder, const struct sqi_record *record)
{
        msgpack_sbuffer buffer;
        msgpack_packer packer;
        int r;

        msgpack_sbuffer_init(&buffer);
        msgpack_packer_init(&packer, &buffer, msgpack_sbuffer_write);
        pack_record(&packer, record);
        r = sqi_sealed_write(folder, "record", buffer.data, buffer.size);
        msgpack_sbuffer_destroy(&buffer);
        return r;
}

int
sqi_record_read(int folder, struct sqi_record *ret, bool *ret_torn)
{
        struct sqi_record record = {0};
        msgpack_unpacked unpacked;
        void *bytes;
        size_t size;
        int r = sqi_sealed_read(folder, "record", &bytes, &size, ret_torn);

        if (r < 0)
                return r;
        msgpack_unpacked_init(&unpacked);
        if (msgpack_unpack_next(&unpacked, bytes, size, NULL) != MSGPACK_UNPACK_SUCCESS || !unpack_record(&unpacked.data, &record))
                r = -EBADMSG;
        else
                *ret = record;
        msgpack_unpacked_destroy(&unpacked);
        free(bytes);
        return r;
}

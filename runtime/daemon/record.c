/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/record.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/sealed.h"
#include "tuple/reader.h"
#include "tuple/writer.h"

enum { RECORD_VERSION = 2, RECORD_FIELDS = 14, FIELDS_OF_VERSION_1 = 13 };

static void
write_record(struct sqi_writer *writer, const struct sqi_record *record)
{
        sqi_write_array(writer, NULL);
        sqi_write_uint(writer, NULL, RECORD_VERSION);
        sqi_write_text(writer, NULL, record->name);
        sqi_write_text(writer, NULL, record->serial);
        sqi_write_bin(writer, NULL, record->request, SQI_REQUEST_ID);
        sqi_write_uint(writer, NULL, record->wish);
        sqi_write_real(writer, NULL, record->drain_secs);
        sqi_write_uint(writer, NULL, record->outcome);
        sqi_write_text(writer, NULL, record->cause);
        sqi_write_int(writer, NULL, record->submitted);
        sqi_write_int(writer, NULL, record->began);
        sqi_write_text(writer, NULL, record->rundir);
        sqi_write_uint(writer, NULL, record->runs);
        sqi_write_bool(writer, NULL, record->trial);
        sqi_write_text(writer, NULL, record->line);
        sqi_write_end(writer);
}

/* What stands behind its version. */
static void
read_fields(struct sqi_reader *reader, uint32_t fields, uint64_t version, struct sqi_record *ret)
{
        struct sq_str request;

        sqi_read_demand(reader, version > 0 && fields == (version == 1 ? FIELDS_OF_VERSION_1 : RECORD_FIELDS),
                        "another version");
        sqi_read_text(reader, ret->name, sizeof(ret->name));
        sqi_read_demand(reader, sqi_is_id(ret->name), "not the name of a topology");
        sqi_read_text(reader, ret->serial, sizeof(ret->serial));
        request = sqi_read_bin(reader);
        sqi_read_demand(reader, request.len == SQI_REQUEST_ID, "not the id of a request");
        if (!reader->error)
                memcpy(ret->request, request.ptr, SQI_REQUEST_ID);
        ret->wish = (enum sqi_wish)sqi_read_uint(reader, SQI_WISH_KILLED);
        ret->drain_secs = sqi_read_real(reader);
        ret->outcome = (enum sqi_outcome)sqi_read_uint(reader, SQI_OUTCOME_FAILED);
        sqi_read_text(reader, ret->cause, sizeof(ret->cause));
        ret->submitted = (int64_t)sqi_read_uint(reader, INT64_MAX);
        ret->began = (int64_t)sqi_read_uint(reader, INT64_MAX);
        sqi_read_text(reader, ret->rundir, sizeof(ret->rundir));
        ret->runs = sqi_read_u32(reader);
        ret->trial = sqi_read_bool(reader);
        if (version == 1)
                memcpy(ret->line, ret->serial, sizeof(ret->line));
        else
                sqi_read_text(reader, ret->line, sizeof(ret->line));
}

/* 0, -EBADMSG or -EPROTO. */
static int
read_record(const void *bytes, size_t size, struct sqi_record *ret)
{
        struct sqi_reader reader = sqi_reader(bytes, size);
        uint32_t fields = sqi_read_array(&reader);
        uint64_t version = sqi_read_uint(&reader, UINT32_MAX);

        if (!reader.error && version > RECORD_VERSION)
                return -EPROTO;
        read_fields(&reader, fields, version, ret);
        return sqi_reader_is_done(&reader) ? 0 : -EBADMSG;
}

const char *
sqi_record_reason(int r)
{
        return r == -EBADMSG || r == -ENOENT ? "it is damaged (submit it again)" : sqi_sealed_reason(r);
}

int
sqi_record_write(int folder, const struct sqi_record *record)
{
        struct sqi_writer writer = sqi_writer(SQI_MSGPACK);
        void *bytes;
        size_t size;
        int r;

        write_record(&writer, record);
        r = sqi_writer_take(&writer, &bytes, &size);
        if (r < 0)
                return r;
        r = sqi_sealed_write(folder, "record", bytes, size);
        free(bytes);
        return r;
}

int
sqi_record_read(int folder, struct sqi_record *ret, bool *ret_torn)
{
        struct sqi_record record = {0};
        void *bytes;
        size_t size;
        int r = sqi_sealed_read(folder, "record", &bytes, &size, ret_torn);

        if (r < 0)
                return r;
        r = read_record(bytes, size, &record);
        if (r == 0)
                *ret = record;
        free(bytes);
        return r;
}

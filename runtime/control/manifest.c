/* SPDX-License-Identifier: Apache-2.0 */
#include "control/manifest.h"

#include <errno.h>
#include <stdlib.h>

#include "base/sealed.h"
#include "tuple/reader.h"
#include "tuple/writer.h"

/* Version 1 had no `missing`, version 2 no `wiring`, version 3 no `anew`, version 4 no `plan`: a field a version. */
enum { MANIFEST_VERSION = 5, FIELDS_BEFORE = 4 };

static void
put_files(struct sqi_writer *writer, const struct sqi_manifest *manifest)
{
        sqi_write_array(writer, NULL);
        for (uint32_t i = 0; i < manifest->nfiles; i++) {
                sqi_write_array(writer, NULL);
                sqi_write_text(writer, NULL, manifest->files[i].name);
                sqi_write_uint(writer, NULL, manifest->files[i].size);
                sqi_write_uint(writer, NULL, manifest->files[i].sum);
                sqi_write_end(writer);
        }
        sqi_write_end(writer);
}

static void
put_positions(struct sqi_writer *writer, const struct sqi_manifest *manifest)
{
        sqi_write_array(writer, NULL);
        for (uint32_t i = 0; i < manifest->npositions; i++) {
                const struct sqi_manifest_position *it = &manifest->positions[i];

                sqi_write_array(writer, NULL);
                sqi_write_text(writer, NULL, it->component);
                sqi_write_uint(writer, NULL, it->index);
                sqi_write_uint(writer, NULL, it->position.number);
                sqi_write_bin(writer, NULL, it->position.note, it->position.size);
                sqi_write_end(writer);
        }
        sqi_write_end(writer);
}

int
sqi_manifest_write(int folder, const struct sqi_manifest *manifest)
{
        struct sqi_writer writer = sqi_writer(SQI_MSGPACK);
        void *bytes;
        size_t size;
        int r;

        sqi_write_array(&writer, NULL);
        sqi_write_uint(&writer, NULL, MANIFEST_VERSION);
        sqi_write_uint(&writer, NULL, manifest->epoch);
        sqi_write_text(&writer, NULL, manifest->topology);
        put_files(&writer, manifest);
        put_positions(&writer, manifest);
        sqi_write_uint(&writer, NULL, manifest->missing);
        sqi_write_uint(&writer, NULL, manifest->wiring);
        sqi_write_uint(&writer, NULL, manifest->anew);
        sqi_write_uint(&writer, NULL, manifest->plan);
        sqi_write_end(&writer);
        r = sqi_writer_take(&writer, &bytes, &size);
        if (r < 0)
                return r;
        r = sqi_sealed_write(folder, "manifest", bytes, size);
        free(bytes);
        return r;
}

static void
get_file(struct sqi_reader *reader, struct sqi_manifest_file *ret)
{
        sqi_read_demand(reader, sqi_read_array(reader) == 3, "a file of another form");
        sqi_read_text(reader, ret->name, sizeof(ret->name));
        sqi_read_demand(reader, ret->name[0] && !strchr(ret->name, '/'), "a file elsewhere");
        ret->size = sqi_read_uint(reader, UINT64_MAX);
        ret->sum = sqi_read_uint(reader, UINT64_MAX);
}

static void
get_position(struct sqi_reader *reader, struct sqi_manifest_position *ret)
{
        struct sq_str note;

        sqi_read_demand(reader, sqi_read_array(reader) == 4, "a position of another form");
        sqi_read_text(reader, ret->component, sizeof(ret->component));
        ret->index = sqi_read_u32(reader);
        ret->position.number = sqi_read_uint(reader, UINT64_MAX);
        ret->position.known = 1;
        note = sqi_read_bin(reader);
        sqi_read_demand(reader, note.len <= SQ_NOTE_MAX, "a note that is too long");
        if (reader->error)
                return;
        ret->position.size = (uint8_t)note.len;
        memcpy(ret->position.note, note.ptr, note.len);
}

static int
get_lists(struct sqi_reader *reader, uint64_t version, struct sqi_manifest *manifest)
{
        manifest->nfiles = sqi_read_array(reader);
        manifest->files = calloc(manifest->nfiles + 1u, sizeof(*manifest->files));
        if (!manifest->files)
                return -ENOMEM;
        for (uint32_t i = 0; i < manifest->nfiles; i++)
                get_file(reader, &manifest->files[i]);
        manifest->npositions = sqi_read_array(reader);
        manifest->positions = calloc(manifest->npositions + 1u, sizeof(*manifest->positions));
        if (!manifest->positions)
                return -ENOMEM;
        for (uint32_t i = 0; i < manifest->npositions; i++)
                get_position(reader, &manifest->positions[i]);
        if (version > 1)
                manifest->missing = sqi_read_uint(reader, UINT64_MAX);
        if (version > 2)
                manifest->wiring = sqi_read_uint(reader, UINT64_MAX);
        if (version > 3)
                manifest->anew = sqi_read_uint(reader, 1) > 0;
        if (version > 4)
                manifest->plan = sqi_read_uint(reader, UINT64_MAX);
        return sqi_reader_is_done(reader) ? 0 : -EBADMSG;
}

static int
decode(const void *bytes, size_t size, struct sqi_manifest *ret)
{
        struct sqi_reader reader = sqi_reader(bytes, size);

        uint32_t fields = sqi_read_array(&reader);
        uint64_t version = sqi_read_uint(&reader, UINT64_MAX);

        sqi_read_demand(&reader, version > 0 && version < UINT32_MAX && fields == FIELDS_BEFORE + version,
                        "not a manifest");
        if (!reader.error && version > MANIFEST_VERSION)
                return -EPROTO;
        ret->epoch = sqi_read_uint(&reader, UINT64_MAX);
        sqi_read_demand(&reader, ret->epoch > 0, "no epoch");
        sqi_read_text(&reader, ret->topology, sizeof(ret->topology));
        return get_lists(&reader, version, ret);
}

int
sqi_manifest_read(int folder, struct sqi_manifest *ret)
{
        struct sqi_manifest manifest = {0};
        void *bytes;
        size_t size;
        bool torn;
        int r = sqi_sealed_read(folder, "manifest", &bytes, &size, &torn);

        if (r < 0)
                return r;
        r = decode(bytes, size, &manifest);
        free(bytes);
        if (r < 0)
                sqi_manifest_free(&manifest);
        else
                *ret = manifest;
        return r;
}

void
sqi_manifest_free(struct sqi_manifest *manifest)
{
        free(manifest->files);
        free(manifest->positions);
        *manifest = (struct sqi_manifest){0};
}

const struct sqi_manifest_file *
sqi_manifest_find(const struct sqi_manifest *manifest, const char *name)
{
        for (uint32_t i = 0; i < manifest->nfiles; i++)
                if (strcmp(manifest->files[i].name, name) == 0)
                        return &manifest->files[i];
        return NULL;
}

const struct sqi_position *
sqi_manifest_position(const struct sqi_manifest *manifest, const char *component, uint32_t index)
{
        for (uint32_t i = 0; i < manifest->npositions; i++)
                if (manifest->positions[i].index == index && strcmp(manifest->positions[i].component, component) == 0)
                        return &manifest->positions[i].position;
        return NULL;
}

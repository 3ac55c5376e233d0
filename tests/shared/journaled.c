/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sys/stat.h>
#include <unistd.h>

#include "journaled.h"

int
set_up_journal(void **state)
{
        struct place *place = calloc(1, sizeof(*place));

        make_folder(place->folder, sizeof(place->folder), "journal");
        snprintf(place->files, sizeof(place->files), "%s/in-0", place->folder);
        place->config = (struct sq_journal_config){
                .path = place->folder, .sync = SQ_JOURNAL_INTERVAL, .max_bytes = SMALL, .interval = 1};
        *state = place;
        return 0;
}

int
tear_down_journal(void **state)
{
        struct place *place = *state;

        sqi_kit_journal_close(&place->journal);
        empty_folder(place->files);
        empty_folder(place->folder);
        rmdir(place->folder);
        free(place);
        return 0;
}

int
open_it(struct place *place)
{
        int r;

        sqi_kit_journal_close(&place->journal);
        r = sqi_kit_journal_open(&place->config, "orders", "in", 0, &place->journal, place->error,
                                 sizeof(place->error));
        if (r == 0)
                sqi_kit_journal_clock(place->journal, 1, 1);
        return r;
}

void
opens(struct place *place)
{
        if (open_it(place) < 0)
                fail_msg("%s", place->error);
}

/* Of a size and with bytes that follow from its number. */
static size_t
bytes_of(uint64_t number, char *to)
{
        size_t n = (size_t)(sq_mix(number) % (number % 3 == 0 ? 97 : 3000));

        for (size_t i = 0; i < n; i++)
                to[i] = (char)sq_mix(number + i);
        return n;
}

void
add_record(struct place *place, uint64_t number)
{
        char bytes[3000];
        struct sq_str record = {bytes, bytes_of(number, bytes)};
        uint64_t got;

        assert_int_equal(sqi_kit_journal_add(place->journal, record, &got), 0);
        assert_int_equal(got, number);
}

void
write_records(struct place *place, uint64_t from, uint64_t to)
{
        for (uint64_t number = from; number < to; number++)
                add_record(place, number);
        assert_int_equal(sqi_kit_journal_write(place->journal), 0);
}

void
reads(struct place *place, uint64_t from, uint64_t to)
{
        char bytes[3000];
        struct sq_str record;
        uint64_t number;

        for (uint64_t n = from; n < to; n++) {
                if (sqi_kit_journal_next(place->journal, &number, &record) != 1)
                        fail_msg("message %llu: %s", (unsigned long long)n, sqi_kit_journal_error(place->journal));
                assert_int_equal(number, n);
                assert_int_equal(record.len, bytes_of(n, bytes));
                assert_memory_equal(record.ptr, bytes, record.len);
        }
}

void
reads_no_more(struct place *place)
{
        struct sq_str record;
        uint64_t number;

        assert_int_equal(sqi_kit_journal_next(place->journal, &number, &record), 0);
}

const char *
segment(const struct place *place, uint64_t first)
{
        static char path[256];
        char name[SQI_SEGMENT_NAME_MAX];

        sqi_segments_name(first, name);
        snprintf(path, sizeof(path), "%s/%s", place->files, name);
        return path;
}

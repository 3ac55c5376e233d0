/* SPDX-License-Identifier: Apache-2.0 */
/* Texts that grow in the scratch of a run. */
#include "expr/text.h"

#include <stdio.h>
#include <string.h>

const char *
sqi_text_find(const char *at, const char *end, struct sq_str part)
{
        return at < end ? memmem(at, (size_t)(end - at), part.ptr, part.len) : NULL;
}

static bool
make_room(struct sqi_growing *to, size_t len)
{
        size_t room = to->room ? to->room : 64;
        char *text;

        if (to->run->failed)
                return false;
        if (len <= to->room - to->len)
                return true;
        while (room < to->len + len)
                room *= 2;
        text = sqi_scratch_take(&to->run->scratch, room);
        if (!text) {
                sqi_no_memory(to->run);
                return false;
        }
        if (to->len)
                memcpy(text, to->text, to->len);
        to->text = text;
        to->room = room;
        return true;
}

void
sqi_grow(struct sqi_growing *to, const char *bytes, size_t len)
{
        if (len == 0 || !make_room(to, len))
                return;
        memcpy(to->text + to->len, bytes, len);
        to->len += len;
}

/* A time has quotes in JSON, and none as a text of its own. */
static size_t
write_bare(struct sq_value value, char *to, size_t room)
{
        size_t len = sq_json(value, to, room);

        if (len < room && to[0] == '"')
                memmove(to, to + 1, len -= 2);
        return len;
}

void
sqi_grow_value(struct sqi_growing *to, struct sq_value value)
{
        char small[64];
        size_t len;

        if (value.type == SQ_STR || value.type == SQ_BIN) {
                sqi_grow(to, value.as.ptr, value.len);
                return;
        }
        len = write_bare(value, small, sizeof(small));
        if (len < sizeof(small))
                sqi_grow(to, small, len);
        else if (make_room(to, len + 1)) {
                to->len += write_bare(value, to->text + to->len, len + 1);
        }
}

void
sqi_grow_number(struct sqi_growing *to, struct sq_value value, int digits)
{
        char text[400];
        struct sq_value number;

        if (digits < 0 || !sq_number_of(value, &number)) {
                sqi_grow_value(to, value);
                return;
        }
        snprintf(text, sizeof(text), "%.*f", digits, sq_real_of(number));
        sqi_grow(to, text, strlen(text));
}

struct sq_value
sqi_grown(struct sqi_growing *to)
{
        return to->run->failed ? sq_nil() : sqi_text_value(to->text ? to->text : "", to->len);
}

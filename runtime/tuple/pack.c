/* SPDX-License-Identifier: Apache-2.0 */
#include "tuple/pack.h"

#include <msgpack/pack.h>
#include <string.h>

/* msgpack-c writes through this; `data` is the address of the write pointer. Inlined, it is a store. */
static inline int
put(void *data, const char *bytes, size_t len)
{
        uint8_t **at = data;
        memcpy(*at, bytes, len);
        *at += len;
        return 0;
}

static size_t
bound(const struct sq_value *value, unsigned depth)
{
        if (value->form != SQ_PLAIN)
                return value->form <= SQ_SPLICE && value->as.ptr ? value->len : SIZE_MAX;
        switch ((enum sq_type)value->type) {
        case SQ_NIL:
        case SQ_BOOL:
        case SQ_INT:
        case SQ_UINT:
        case SQ_FLOAT:
                return 9;
        case SQ_TIME:
                return value->len < 1000000000 ? 15 : SIZE_MAX;
        case SQ_STR:
        case SQ_BIN:
                return value->len == 0 || value->as.ptr ? value->len + (size_t)5 : SIZE_MAX;
        case SQ_ARRAY:
        case SQ_MAP: {
                const struct sq_value *items = value->as.ptr;
                size_t total = 5, n = value->len * (value->type == SQ_MAP ? (size_t)2 : 1);

                if (depth == SQI_DEPTH_MAX || (n && !items))
                        return SIZE_MAX;
                for (size_t i = 0; i < n; i++) {
                        size_t one = items[i].form == SQ_SPLICE ? SIZE_MAX : bound(&items[i], depth + 1);
                        if (one >= UINT32_MAX - total)
                                return SIZE_MAX;
                        total += one;
                }
                return total;
        }
        case SQ_ANY:
        case SQ_TEXT:
                break;
        }
        return SIZE_MAX;
}

size_t
sqi_pack_bound(const struct sq_value *value)
{
        return bound(value, 0);
}

static void
pack_text(msgpack_packer *packer, const struct sq_value *value)
{
        if (value->type == SQ_STR)
                msgpack_pack_str(packer, value->len);
        else
                msgpack_pack_bin(packer, value->len);
        if (value->len)
                put(packer->data, value->as.ptr, value->len);
}

uint8_t *
sqi_pack(uint8_t *at, const struct sq_value *value)
{
        msgpack_packer packer = {.data = &at, .callback = put};
        const struct sq_value *items = value->as.ptr;

        if (value->form != SQ_PLAIN) {
                memcpy(at, value->as.ptr, value->len);
                return at + value->len;
        }
        switch ((enum sq_type)value->type) {
        case SQ_STR:
        case SQ_BIN:
                pack_text(&packer, value);
                break;
        case SQ_INT:
                msgpack_pack_int64(&packer, value->as.i);
                break;
        case SQ_UINT:
                msgpack_pack_uint64(&packer, value->as.u);
                break;
        case SQ_FLOAT:
                msgpack_pack_double(&packer, value->as.f);
                break;
        case SQ_BOOL:
                if (value->as.b)
                        msgpack_pack_true(&packer);
                else
                        msgpack_pack_false(&packer);
                break;
        case SQ_TIME: {
                msgpack_timestamp time = {.tv_sec = value->as.i, .tv_nsec = value->len};
                msgpack_pack_timestamp(&packer, &time);
                break;
        }
        case SQ_ARRAY:
                msgpack_pack_array(&packer, value->len);
                for (size_t i = 0; i < value->len; i++)
                        at = sqi_pack(at, &items[i]);
                break;
        case SQ_MAP:
                msgpack_pack_map(&packer, value->len);
                for (size_t i = 0; i < (size_t)value->len * 2; i++)
                        at = sqi_pack(at, &items[i]);
                break;
        case SQ_NIL:
        case SQ_ANY:
        case SQ_TEXT:
                msgpack_pack_nil(&packer);
                break;
        }
        return at;
}

uint8_t *
sqi_pack_head(uint8_t *at, uint32_t n)
{
        msgpack_packer packer = {.data = &at, .callback = put};
        msgpack_pack_array(&packer, n);
        return at;
}

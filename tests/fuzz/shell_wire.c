/* SPDX-License-Identifier: Apache-2.0 */
/* Any stream of a program: cut into pieces it has the same messages as in one piece, up to the first that is none. */
#include <stdlib.h>
#include <string.h>

#include "../../clients/shell_wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t
add(uint64_t sum, struct sq_value value)
{
        char text[512];
        size_t n = sq_json(value, text, sizeof(text));

        for (size_t i = 0; i < n && i < sizeof(text) - 1; i++)
                sum = sum * 31 + (unsigned char)text[i];
        return sum;
}

/* A number that stands for all messages, in their order. */
static uint64_t
read_all(const uint8_t *data, size_t size, size_t step)
{
        struct sqi_shell_reader reader = {0};
        struct sqi_shell_message message;
        uint64_t sum = 0;
        int r = 0;

        for (size_t at = 0; at < size && r == 0; at += step) {
                size_t n = size - at < step ? size - at : step, room;
                char *to = sqi_shell_reader_room(&reader, &room);

                if (!to || room < n)
                        abort();
                memcpy(to, data + at, n);
                reader.fill += n;
                while ((r = sqi_shell_read(&reader, &message)) == 1) {
                        sum = sum * 31 + (uint64_t)message.command + message.text.len;
                        sum = add(add(add(sum, message.tuple), message.id), message.anchors);
                }
        }
        sqi_shell_reader_free(&reader);
        return r < 0 ? sum * 31 + 7 : sum;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        if (size < 2 || size > 60000)
                return 0;
        if (read_all(data + 1, size - 1, size) != read_all(data + 1, size - 1, (size_t)data[0] % 16 + 1))
                abort();
        return 0;
}

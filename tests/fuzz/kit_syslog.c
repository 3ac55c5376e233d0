/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a message of syslog, of any format: it is read or refused, and what is read are values. */
#include <squall-kit.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
show(struct sq_value value)
{
        size_t len = sq_json(value, NULL, 0);
        char *text = malloc(len + 1);

        if (!text || sq_json(value, text, len + 1) != len)
                abort();
        free(text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        /* exact heap blocks, so that a byte behind them is found */
        struct sq_value *room = malloc(2 * (size + 1) * sizeof(*room));
        char *copy = malloc(size + 1), *scratch = malloc(size + 1);

        if (!room || !copy || !scratch)
                abort();
        memcpy(copy, data, size);
        for (int format = SQ_SYSLOG_AUTO; format <= SQ_SYSLOG_3164; format++) {
                struct sq_syslog message;

                if (sq_syslog_read((struct sq_str){copy, size}, (enum sq_syslog_format)format, "+01:00",
                                   (struct sq_time){1700000000, 0}, room, scratch, &message))
                        continue;
                show(message.data);
                show(message.message);
                show(message.host);
                show(message.app);
                show(message.procid);
                show(message.time);
        }
        free(room);
        free(copy);
        free(scratch);
        return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "lag.h"

#include <stdio.h>

#include "base/number.h"
#include "number.h"
#include "talk.h"

/* A message is counted, bytes are measured. */
static const char *
amount_text(struct sq_value lag, char buffer[CLI_NUMBER_SIZE + 16])
{
        struct sq_str unit = cli_get_str(lag, "unit");
        uint64_t amount = cli_get_uint(lag, "amount");
        char number[CLI_NUMBER_SIZE];

        if (unit.len > 0 && unit.ptr[0] == 'b')
                return sqi_bytes_text(amount, buffer);
        snprintf(buffer, CLI_NUMBER_SIZE + 16, "%s %s", cli_count_text(amount, number),
                 amount == 1 ? "message" : "messages");
        return buffer;
}

bool
cli_lag_text(struct sq_value components, char *buffer, size_t size)
{
        struct sq_items items = sq_items(components);
        char amount[CLI_NUMBER_SIZE + 16];
        struct sq_value component;
        size_t len = 0;

        while (sq_next_item(&items, &component) && len < size) {
                struct sq_value lag = cli_get(component, "lag");
                struct sq_str id = cli_get_str(component, "id");

                if (lag.type == SQ_MAP)
                        len += (size_t)snprintf(buffer + len, size - len, "%s%.*s %s", len > 0 ? ", " : "", (int)id.len,
                                                id.ptr, amount_text(lag, amount));
        }
        return len > 0;
}

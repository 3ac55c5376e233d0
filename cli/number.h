/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers for people; raw ones belong to --json. Each writes into the buffer, which is returned, and CLI_NUMBER_SIZE
 * bytes are enough. */
#ifndef CLI_NUMBER_H
#define CLI_NUMBER_H

#include <stddef.h>
#include <stdint.h>

enum { CLI_NUMBER_SIZE = 32 };

const char *cli_count_text(uint64_t number, char *buffer); /* "0", "950", "62,051" */
const char *cli_scaled_text(double number, char *buffer);  /* three digits and a prefix: "0", "950", "1.23 M" */
const char *cli_time_text(double microseconds,
                          char *buffer); /* three digits and a unit: "1.23 us", "45.6 ms", "12.0 s"; "-" for 0 */

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A JSON writer for the verbs' --json: it sets commas and quotes, and checks nothing.
 *
 *     struct cli_json json = cli_json(stdout);
 *     cli_json_open(&json, NULL, '{');
 *     cli_json_text(&json, "topology", name);
 *     cli_json_open(&json, "components", '[');
 *     ...
 *     cli_json_close(&json, ']');
 *     cli_json_close(&json, '}');      // ends the line
 *
 * `key` is NULL inside a list.
 */
#ifndef CLI_JSON_H
#define CLI_JSON_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct cli_json {
        FILE *out;
        unsigned depth;
        bool comma; /* the next value needs one before it */
};

struct cli_json cli_json(FILE *out);
void cli_json_open(struct cli_json *json, const char *key, char bracket);
void cli_json_close(struct cli_json *json, char bracket);
void cli_json_text(struct cli_json *json, const char *key,
                   const char *text); /* NULL: null. Bytes that are no UTF-8 become U+FFFD. */
void cli_json_int(struct cli_json *json, const char *key, int64_t number);
void cli_json_uint(struct cli_json *json, const char *key, uint64_t number);
void cli_json_real(struct cli_json *json, const char *key, double number); /* null unless finite */
void cli_json_bool(struct cli_json *json, const char *key, bool flag);
void cli_json_raw(struct cli_json *json, const char *key, const char *text); /* JSON already */

#endif

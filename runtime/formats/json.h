/* SPDX-License-Identifier: Apache-2.0 */
/* The reader of JSON within the kit: for who reads a text member by member (formats/pick.h). */
#ifndef SQI_KIT_JSON_H
#define SQI_KIT_JSON_H

#include <squall-kit.h>

enum { SQI_JSON_DEPTH = 128 };

/* False: no memory. */
bool sqi_json_begin(struct sq_json_reader *json, struct sq_str text);

/* The value that comes next, whose lists are `depth` deep. False: it is not JSON, and json->wrong may say why. */
bool sqi_json_value(struct sq_json_reader *json, unsigned depth, struct sq_value *ret);

/* The rest of a string behind its first quote. */
bool sqi_json_string(struct sq_json_reader *json, struct sq_str *ret);

/* The next character that is not blank, which stays; -1: there is none. */
static inline int
sqi_json_space(struct sq_json_reader *json)
{
        const char *at = json->at, *end = json->end;

        while (at < end && (unsigned char)*at <= ' ' && (*at == ' ' || *at == '\t' || *at == '\n' || *at == '\r'))
                at++;
        json->at = at;
        return at < end ? (unsigned char)*at : -1;
}

/* Goes behind the next character, if it is this one. */
static inline bool
sqi_json_take(struct sq_json_reader *json, char c)
{
        bool is = sqi_json_space(json) == c;

        json->at += is;
        return is;
}

/* The name of a member, and its colon. */
static inline bool
sqi_json_key(struct sq_json_reader *json, struct sq_str *ret)
{
        return sqi_json_take(json, '"') && sqi_json_string(json, ret) && sqi_json_take(json, ':');
}

#endif

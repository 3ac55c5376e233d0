/* SPDX-License-Identifier: Apache-2.0 */
/* Regular expressions by PCRE2, compiled to machine code where it can. Without the library none compiles. */
#ifndef SQI_KIT_REGEX_H
#define SQI_KIT_REGEX_H

#include <squall-kit.h>

struct sqi_regex;

/* NULL, or what is wrong with the pattern in `wrong`. Texts that are not UTF-8 match where they are. */
struct sqi_regex *sqi_regex_new(struct sq_str pattern, char *wrong, size_t size);
void sqi_regex_free(struct sqi_regex *regex);
/* Anywhere in the text, from `from` on: 1, 0 it does not match, or negative for sqi_regex_error(): it took too long,
 * say. */
int sqi_regex_match_from(struct sqi_regex *regex, struct sq_str text, size_t from);
int sqi_regex_match(struct sqi_regex *regex, struct sq_str text);
const char *sqi_regex_error(int r);
/* Of the last match: group 0 is all of it. False: the group took no part. */
bool sqi_regex_group(const struct sqi_regex *regex, struct sq_str text, unsigned group, struct sq_str *ret);
/* The number of groups; and of the group `name`, 0: there is none. */
unsigned sqi_regex_ngroups(const struct sqi_regex *regex);
unsigned sqi_regex_named(const struct sqi_regex *regex, const char *name);
/* The name of a group, or NULL. */
const char *sqi_regex_name(const struct sqi_regex *regex, unsigned group);

#endif

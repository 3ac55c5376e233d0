/* SPDX-License-Identifier: Apache-2.0 */
/* Who may change something over HTTP: whoever can read a file that is the supervisor's user's alone. */
#ifndef SQI_TOKEN_H
#define SQI_TOKEN_H

#include <stdbool.h>

enum { SQI_TOKEN_BYTES = 32, SQI_TOKEN_SIZE = 2 * SQI_TOKEN_BYTES + 1 };

/*
 * The token in the file `name` of the folder, as hex digits. One that is there is kept, so that what has read it
 * goes on with it after a restart; unless it is damaged, or others may read or write it: then there is a new one. 0
 * or a negative errno.
 */
int sqi_token_open(int folder, const char *name, char ret[SQI_TOKEN_SIZE]);

/* A header Authorization: is it "Bearer TOKEN"? Takes as long for any wrong token of the right length. NULL: no. */
bool sqi_token_is_given(const char *authorization, const char token[SQI_TOKEN_SIZE]);

#endif

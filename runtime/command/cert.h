/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A CURVE certificate, in the files that czmq's zcert reads and writes: FILE has the public key, for others;
 * FILE_secret both, for its owner alone. It is zcert that reads and writes them, which needs neither a context nor a
 * thread.
 */
#ifndef SQI_CERT_H
#define SQI_CERT_H

#include <stdbool.h>
#include <stddef.h>

enum { SQI_KEY_SIZE = 41 }; /* 40 characters of Z85 */

struct sqi_cert {
        char public_key[SQI_KEY_SIZE], secret_key[SQI_KEY_SIZE]; /* the secret one may be "" */
};

/* A new pair of keys, in `path` (0644) and `path`_secret (0600); neither may be there. 0, or a negative errno with the
 * cause in `error`. */
int sqi_cert_make(const char *path, struct sqi_cert *ret, char *error, size_t size);

/* The public key of `path`. 0, or a negative errno with the cause in `error`; -EBADMSG: it is not a certificate. */
int sqi_cert_load(const char *path, struct sqi_cert *ret, char *error, size_t size);

/* Both keys, from `path`_secret, which nobody else may be able to read (-EPERM). `path` may have the suffix already. */
int sqi_cert_load_own(const char *path, struct sqi_cert *ret, char *error, size_t size);

/* Is this the public key of a certificate in the folder? Those named *_secret are passed over. */
bool sqi_cert_is_known(const char *folder, const char *public_key);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A zip archive in memory, its entries stored as they are and dated 1980: the same entries give the same bytes.
 *
 *     struct sqi_jar jar = {0};
 *     sqi_jar_add(&jar, "resources/plan", bytes, size);
 *     r = sqi_jar_add_file(&jar, "resources/start", path);
 *     r = sqi_jar_end(&jar);                                  jar.bytes, jar.size
 *     sqi_jar_free(&jar);
 *
 * It fails once and for all when memory is short, or it gets larger than a zip of 32 bits can be: sqi_jar_end() says
 * so.
 */
#ifndef SQI_JAR_H
#define SQI_JAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sqi_jar {
        uint8_t *bytes;
        size_t size, room;
        uint8_t *directory; /* what is written behind all entries */
        size_t directory_size, directory_room;
        uint16_t n;
        int error;
};

void sqi_jar_add(struct sqi_jar *jar, const char *name, const void *bytes, size_t size);
/* 0 or a negative errno of the file. */
int sqi_jar_add_file(struct sqi_jar *jar, const char *name, const char *path);
/* 0, -ENOMEM or -EFBIG. */
int sqi_jar_end(struct sqi_jar *jar);
void sqi_jar_free(struct sqi_jar *jar);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* The first bytes of what is compressed: a file that begins with them holds no lines, whatever its name. */
#ifndef SQI_COMPRESSION_H
#define SQI_COMPRESSION_H

#define SQI_GZIP_MAGIC "\x1f\x8b"
#define SQI_ZSTD_MAGIC "\x28\xb5\x2f\xfd"

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers as text without the locale: a component may call setlocale() for the whole process. Reading is sq_strtod() in
 * squall.h. */
#ifndef SQI_NUMBER_H
#define SQI_NUMBER_H

#include <stddef.h>
#include <stdint.h>

/* Writes a finite double with so many significant digits, as %.*g does in the C locale. Returns the length, below
 * `size`. */
int sqi_print_real(char *buffer, size_t size, int digits, double real);
/* Writes a finite double in the fewest significant digits that read back as it, as %.15g shows them, or %.16g or %.17g
 * where there are more: 0.1, 12, 1e+300. Returns the length. */
enum { SQI_REAL_SIZE = 32 };
int sqi_print_shortest(char buffer[SQI_REAL_SIZE], double real);
/* For people: "1 byte", "950 bytes", "1.23 kB", "45.6 MB". Returns the buffer. */
enum { SQI_BYTES_SIZE = 32 };
const char *sqi_bytes_text(uint64_t bytes, char buffer[SQI_BYTES_SIZE]);

#endif

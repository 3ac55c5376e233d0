/* SPDX-License-Identifier: Apache-2.0 */
/* Is it safe to hand a file to dlopen()? The dynamic linker trusts the headers it reads and dies of a truncated
 * file. */
#ifndef SQI_ELF_H
#define SQI_ELF_H

#include <stdbool.h>
#include <stddef.h>

/* 0: a shared object of this machine whose segments lie within the file. Else -ENOENT or another errno of the file
 * itself, or -ENOEXEC, with the cause in `error`. */
int sqi_elf_check(const char *path, char *error, size_t size);

/* Does the file hold `name` anywhere, with a zero byte on both sides? A shared object that calls a function of another
 * does. A file that cannot be read does, too: the answer "no" is certain. */
bool sqi_elf_mentions(const char *path, const char *name);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* A folder of a test's own, below TMPDIR, and files. Include cmocka.h first. */
#ifndef TESTS_FOLDER_H
#define TESTS_FOLDER_H

#include <stddef.h>

/* A new one, whose path begins with `name` there; the test fails where it has no room. */
void make_folder(char *path, size_t size, const char *name);

/* With all that is in it. */
void remove_folder(const char *path);

/* Takes away the files that are in it. */
void empty_folder(const char *path);

/* The file's bytes, malloc'd. */
char *take_file(const char *path, size_t *ret_n);
void put_file(const char *path, const char *bytes, size_t n);

/* For the set_up and the tear_down of a group of tests: *state is the path. */
int set_up_folder(void **state, const char *name);
int tear_down_folder(void **state);

#endif

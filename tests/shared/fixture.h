/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files as a version until now has left them, in a folder of tests/fixtures: they are read as they were written; where
 * one of them is damaged nothing wrong is taken for right; one of a later version is refused, and said to be that.
 * Include cmocka.h first.
 */
#ifndef TESTS_FIXTURE_H
#define TESTS_FIXTURE_H

#include <stddef.h>

#include <squall.h>

enum { FIXTURE_TEXT = 1024 };

/* `folder` holds a copy of the files. 0 and what they hold, as text; or a negative errno and the message. */
typedef int fixture_read(const char *folder, char text[FIXTURE_TEXT]);

/* Appends to the text, as a reader does. */
void fixture_say(char text[FIXTURE_TEXT], const char *format, ...) SQ_PRINTF(2, 3);

struct fixture {
        const char *folder;   /* below tests/fixtures */
        const char *below;    /* where its copy lies in the folder that is read; "" */
        const char *file;     /* the one that is damaged */
        const char *beside;   /* one that is read with it; NULL */
        size_t version_at;    /* the place of its version, a byte */
        const char *whole;    /* what is read */
        const char *instead;  /* what may be read where it is damaged; NULL */
        const char *shortest; /* of a log, whose end is cut off where it is torn: what is left at least where a bit is
                                 another; NULL */
        fixture_read *read;
};

void fixture_is_read_as_it_was_written(const struct fixture *fixture);
/* At each bit, of a long one at a bit of each byte; and cut short. */
void fixture_that_is_damaged_is_not_believed(const struct fixture *fixture);
void fixture_of_a_later_version_is_said_to_be_that(const struct fixture *fixture);

#endif

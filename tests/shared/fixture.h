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

enum { FIXTURE_TEXT = 1024, FIXTURE_BESIDE = 2, FIXTURE_SUMMED = 4096 };

/* `folder` holds a copy of the files. 0 and what they hold, as text; or a negative errno and the message. */
typedef int fixture_read(const char *folder, char text[FIXTURE_TEXT]);

/* Appends to the text, as a reader does. */
void fixture_say(char text[FIXTURE_TEXT], const char *format, ...) SQ_PRINTF(2, 3);

struct fixture {
        const char *folder;                 /* below tests/fixtures */
        const char *below;                  /* where its copy lies in the folder that is read; "" */
        const char *file;                   /* the one that is damaged */
        const char *beside[FIXTURE_BESIDE]; /* those that are read with it */
        size_t version_at;    /* the place of its version, a byte; 0: it has none, nor a checksum, and is only read;
                                 FIXTURE_SUMMED: another file has its checksum, its version included */
        const char *whole;    /* what is read */
        const char *instead;  /* what may be read where it is damaged; NULL */
        const char *shortest; /* of a log, whose end is cut off where it is torn: what is left at least where a bit is
                                 another; NULL */
        fixture_read *read;
};

/* Leaves a file of the version at hand in the folder. */
struct fixture_maker {
        const char *folder; /* its name; NULL: that was all */
        void (*make)(const char *folder);
};

struct fixtures {
        const struct fixture *items;
        size_t n;
        const struct CMUnitTest *more;
        size_t nmore;
        const struct fixture_maker *makers; /* NULL: they are made by another program */
};

/*
 * What main() returns. Of each fixture: it is read as it was written; it is not believed where it is damaged, at each
 * bit (of a long one a bit of each byte), and where it is cut short; one of a later version is said to be that. Then
 * come the tests of `more`.
 *
 *     PROGRAM make FOLDER      leaves the files of this version there instead, for tests/fixtures
 */
int fixture_main(int argc, char **argv, const struct fixtures *fixtures);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Exactly-once, of real tasks: whole topologies, whose tasks take turns as a seed says, with this in the place of the
 * supervisor. Epochs begin, are given up, and are sealed at any time; orders come late to some, twice to others, and
 * several in one go; the topology is drained and goes on; and all tasks die together at any step and begin anew from
 * the newest sealed epoch. At the end the counts are what they should be. Include cmocka.h first.
 */
#ifndef TESTS_MARKED_H
#define TESTS_MARKED_H

/* Where a component `staged` of the topology (tests/components) has its server: the environment says so. */
#define MARKED_SERVER "SQUALL_TEST_SERVER"

/* On 20 schedules: what the component `count` counts, and what stands in the server, is what one undisturbed run comes
 * to. At least so many parts are of what had changed only. */
void check_marked(const char *topology, unsigned least_grown);

#endif

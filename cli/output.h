/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command's own stdout, whose reader may go (`squall list | head -1`). A program that nobody reads ends: with one
 * line on stderr and exit status 1.
 */
#ifndef CLI_OUTPUT_H
#define CLI_OUTPUT_H

#include <stdbool.h>

/* First thing: a write without a reader is an error from here on, instead of a signal that ends us without a word. What
 * is exec'd has the default. */
void cli_output_begin(void);

/* Last thing: writes what is left. The exit status, given what that of the verb was: what could not be written is not
 * done. */
int cli_output_end(int status);

/* Waits until `fd` can be read. False: nobody reads our stdout any more, and there is no more to do. */
bool cli_output_wait(int fd);
/* The same for so many milliseconds. */
bool cli_output_pause(int ms);

#endif

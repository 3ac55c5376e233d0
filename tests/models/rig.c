/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A rig (squall-test.h) for programs that are not in C. A command is a line of stdin, and what it does goes to stdout:
 *
 *     N SETUP            a new rig, in the place of the last one
 *     X SOURCE TUPLE     executes a tuple: "V ack", "V fail", "V keep"
 *     W SOURCE NS        a watermark; I SOURCE: nothing comes for now
 *     R, F               a restart; the end of all inputs
 *     T STREAM           takes what was emitted, "O TUPLE" each; `-` is the default stream
 *     E                  "E" and the error of the task
 *     Z                  "Z": the end of a case
 *
 * A setup that is refused is said by "! WHY".
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "squall-test.h"

static void
print_each(const char *text)
{
        for (size_t n; *text; text += n + (text[n] == '\n')) {
                n = strcspn(text, "\n");
                printf("O %.*s\n", (int)n, text);
        }
}

/* Ends the word that the text begins with; what stands behind it. */
static char *
behind_word(char *text)
{
        char *space = strchr(text, ' ');

        if (!space)
                return text + strlen(text);
        *space = '\0';
        return space + 1;
}

static void
execute(struct sq_rig *rig, char *source)
{
        char *tuple = behind_word(source);
        enum sq_verdict verdict = sq_rig_execute(rig, source, tuple);

        puts(verdict == SQ_ACK ? "V ack" : verdict == SQ_FAIL ? "V fail" : "V keep");
}

static void
step(struct sq_rig *rig, char command, char *rest)
{
        char *number = command == 'W' ? behind_word(rest) : NULL;

        if (command == 'Z')
                puts("Z");
        else if (command == 'X')
                execute(rig, rest);
        else if (command == 'W')
                (void)sq_rig_watermark(rig, rest, strtoll(number, NULL, 10));
        else if (command == 'I')
                (void)sq_rig_idle(rig, rest);
        else if (command == 'R')
                sq_rig_restart(rig, 0);
        else if (command == 'F')
                sq_rig_finish(rig);
        else if (command == 'T')
                print_each(sq_rig_emitted(rig, strcmp(rest, "-") == 0 ? NULL : rest));
        else
                printf("E %s\n", sq_rig_error(rig));
}

int
main(void)
{
        static char line[65536], error[1024];
        struct sq_rig *rig = NULL;

        while (fgets(line, sizeof(line), stdin)) {
                line[strcspn(line, "\n")] = '\0';
                if (line[0] == 'N') {
                        sq_rig_free(&rig);
                        rig = sq_rig_new(line + 2, error, sizeof(error));
                        if (!rig)
                                printf("! %s\n", error);
                } else if (line[0] == 'Z' || (rig && line[0])) {
                        step(rig, line[0], line[1] ? line + 2 : line + 1);
                }
        }
        sq_rig_free(&rig);
        return 0;
}

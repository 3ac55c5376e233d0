/* SPDX-License-Identifier: Apache-2.0 */
/* strike LOG SIGNAL PID [NAME]: sends the signal and writes down when: a line "time_ns signal name" for verify.c. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "../components/record.h"

int
main(int argc, char **argv)
{
        FILE *log;

        if (argc < 4)
                return 2;
        log = fopen(argv[1], "ae");
        if (!log || kill(atoi(argv[3]), atoi(argv[2])) < 0)
                return 1;
        fprintf(log, "%llu %s %s\n", (unsigned long long)record_now(), argv[2], argc > 4 ? argv[4] : "?");
        return fclose(log) == 0 ? 0 : 1;
}

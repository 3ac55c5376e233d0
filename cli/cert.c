/* SPDX-License-Identifier: Apache-2.0 */
/* The verb `cert`: a pair of keys for the command socket on TCP. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "json.h"
#include "command/cert.h"
#include "verb.h"

static int
run(const struct cli_args *args)
{
        const char *path = cli_operand(args, 0);
        struct sqi_cert cert;
        char error[512];
        int r = sqi_cert_make(path, &cert, error, sizeof(error));

        if (r < 0)
                return cli_error(r == -EEXIST ? CLI_USAGE : CLI_FAILED, "%s", error);
        explicit_bzero(cert.secret_key, sizeof(cert.secret_key));
        if (cli_flag(args, "json"))
                printf("{\"public_key\":\"%s\"}\n", cert.public_key);
        else
                printf("%s is for the other side, %s_secret for nobody else\n", path, path);
        return CLI_DONE;
}

SQI_VERB(cert) = {
        .about = "Make a certificate for a supervisor that listens on TCP, or for its client.",
        .details =
                "FILE gets the public key, FILE_secret both keys, in the format of czmq's zcert. The supervisor wants its own certificate and a folder with the public "
                "ones of its clients; a client its own and the supervisor's public one:\n"
                "squall supervisor --listen tcp://0.0.0.0:7700 --cert supervisor --clients clients/\n"
                "squall list --socket tcp://HOST:7700 --cert me --server-cert supervisor",
        .operands = {{"FILE", .complete = CLI_COMPLETE_FILE}},
        .options = {CLI_OPTION_JSON},
        .example = "squall cert clients/me",
        .run = run,
};

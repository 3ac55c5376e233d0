/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tries the connections of all components at once, each by its `.probe` in a process of its own: what a library does
 * there, threads and signals and all, goes with that, and one that never returns is killed.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "topology/model.h"
#include "base/clock.h"

enum { WAIT_S = 15 };

/* What a probe found, as its process writes it: in one piece, which a pipe keeps. */
struct verdict {
        bool failed;
        struct sqi_declared_error error; /* the first */
};

struct probe {
        struct sq_declaration decl; /* as `.declare` had it */
        const struct sqi_model_component *component;
        pid_t process; /* 0: there is none */
        int out;
};

static _Noreturn void
try_it(struct probe *probe, int out)
{
        struct sq_declaration *decl = &probe->decl;
        struct sqi_declared declared = *probe->component->declared;
        struct verdict verdict = {0};
        int nowhere = open("/dev/null", O_RDWR | O_CLOEXEC);

        for (int fd = 0; nowhere >= 0 && fd <= STDERR_FILENO; fd++)
                (void)dup2(nowhere, fd);
        decl->declared = &declared;
        sqi_component_probe(probe->component->loaded)(decl);
        verdict.failed = decl->nerrors > 0;
        verdict.error = decl->errors[0];
        (void)!write(out, &verdict, sizeof(verdict));
        _exit(0);
}

static void
begin(struct sqi_model *model, struct probe *probe)
{
        int ends[2], r = sqi_model_declaration(model, (size_t)(probe->component - model->components), &probe->decl);

        if (r == 0 && pipe2(ends, O_CLOEXEC) < 0)
                r = -errno;
        if (r < 0) {
                sqi_model_error(model, probe->component->place, "can't try its connection: %s", strerror(-r));
                return;
        }
        probe->process = fork();
        if (probe->process == 0)
                try_it(probe, ends[1]);
        close(ends[1]);
        probe->out = ends[0];
        if (probe->process > 0)
                return;
        sqi_model_error(model, probe->component->place, "can't try its connection: %s", strerror(errno));
        close(ends[0]);
        probe->process = 0;
}

static void
report(struct sqi_model *model, const struct sqi_model_component *component, const struct verdict *verdict)
{
        if (verdict->failed)
                sqi_model_error(model, sqi_model_setting_place(component, verdict->error.option),
                                "in '%s': the connection does not work: %s", component->id.text, verdict->error.text);
        else
                sqi_diagnose(model->diagnostics, SQI_NOTE, component->id.place, "in '%s': the connection works",
                             component->id.text);
}

static void
end(struct sqi_model *model, struct probe *probe, uint64_t until_ns)
{
        struct verdict verdict = {.failed = true};
        struct pollfd ready = {.fd = probe->out, .events = POLLIN};
        uint64_t now = sqi_clock_ns();
        int status = 0;

        if (poll(&ready, 1, now < until_ns ? (int)((until_ns - now) / 1000000) : 0) <= 0) {
                snprintf(verdict.error.text, sizeof(verdict.error.text), "no answer in %d seconds", WAIT_S);
                kill(probe->process, SIGKILL);
        } else if (read(probe->out, &verdict, sizeof(verdict)) != sizeof(verdict)) {
                verdict.failed = true;
                snprintf(verdict.error.text, sizeof(verdict.error.text), "the component crashed while it tried");
        }
        close(probe->out);
        while (waitpid(probe->process, &status, 0) < 0 && errno == EINTR)
                ;
        report(model, probe->component, &verdict);
}

void
sqi_check_connections(struct sqi_model *model)
{
        struct probe *probes = sqi_model_alloc(model, model->ncomponents, sizeof(*probes));
        uint64_t until_ns = sqi_clock_ns() + WAIT_S * SQI_SECOND;

        for (size_t i = 0; probes && i < model->ncomponents; i++) {
                probes[i].component = &model->components[i];
                if (sqi_component_probe(model->components[i].loaded))
                        begin(model, &probes[i]);
        }
        for (size_t i = 0; probes && i < model->ncomponents; i++)
                if (probes[i].process > 0)
                        end(model, &probes[i], until_ns);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/browse.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/status.h"

__asm__(".pushsection .rodata\n"
        ".globl sqi_browse_page\n.hidden sqi_browse_page\n"
        "sqi_browse_page:\n"
        ".incbin \"runtime/daemon/page.html\"\n"
        ".byte 0\n"
        ".popsection\n");

static void
write_step(struct sqi_writer *writer, const struct sqi_pace *pace, double age, uint32_t ntasks)
{
        struct sqi_shares shares = sqi_pace_shares(pace, ntasks);

        sqi_write_map(writer, NULL);
        sqi_write_real(writer, "age_s", age);
        sqi_write_real(writer, "emitted_s", pace->emitted);
        sqi_write_real(writer, "executed_s", pace->executed);
        sqi_write_real(writer, "failed_s", pace->failed);
        sqi_write_real(writer, "busy", shares.busy);
        sqi_write_real(writer, "blocked", shares.blocked);
        sqi_write_end(writer);
}

void
sqi_browse_history(const struct sqi_hosted *hosted, struct sqi_writer *writer)
{
        const struct sqi_plan *plan = hosted->running ? sqi_hosted_plan(hosted) : NULL;
        struct sqi_pace pace;
        double age;

        sqi_write_map(writer, NULL);
        sqi_write_uint(writer, "step_s", SQI_TREND_STEP_SECS);
        sqi_write_array(writer, "components");
        for (uint32_t c = 0; plan && c < plan->ncomponents; c++) {
                sqi_write_map(writer, NULL);
                sqi_write_text(writer, "id", plan->components[c].id);
                sqi_write_array(writer, "steps");
                for (unsigned n = 0; sqi_trend_step(sqi_running_trend(hosted->running), c, n, &age, &pace); n++)
                        write_step(writer, &pace, age, plan->components[c].ntasks);
                sqi_write_end(writer);
                sqi_write_end(writer);
        }
        sqi_write_end(writer);
        sqi_write_end(writer);
}

void
sqi_browse_events(const struct sqi_daemon *daemon, const struct sqi_uri *uri, struct sqi_writer *writer)
{
        const char *after = sqi_uri_parameter(uri, "after");
        struct sqi_events_wanted wanted = {.topology = sqi_uri_parameter(uri, "topology"),
                                           .event = sqi_uri_parameter(uri, "event"),
                                           .after = after ? strtoull(after, NULL, 10) : 0};

        sqi_events_write(&daemon->events, &wanted, writer);
}

void
sqi_browse_tell(struct sqi_daemon *daemon, const struct sqi_uri *uri, uint64_t *cursor, struct sqi_writer *writer)
{
        const struct sqi_events_wanted wanted = {.after = *cursor};
        const char *name = sqi_uri_parameter(uri, "topology");
        const struct sqi_hosted *hosted = name ? sqi_daemon_find(daemon, (struct sq_str){name, strlen(name)}) : NULL;

        sqi_write_array(writer, NULL);
        sqi_events_write(&daemon->events, &wanted, writer);
        if (hosted)
                sqi_status_one(hosted, writer);
        else if (name)
                sqi_write_text(writer, NULL, NULL);
        else
                sqi_status_list(daemon, writer);
        sqi_write_end(writer);
        *cursor = daemon->events.last_id > *cursor ? daemon->events.last_id : *cursor;
}

/* What is left of `text` from the first whole line on. */
static void
cut_first_line(char *text, size_t *size)
{
        const char *end = memchr(text, '\n', *size);
        size_t first = end ? (size_t)(end - text) + 1 : 0;

        memmove(text, text + first, *size - first);
        *size -= first;
}

int
sqi_browse_file(const struct sqi_hosted *hosted, const char *name, void **ret_bytes, size_t *ret_size)
{
        char path[PATH_MAX], *text = NULL;
        struct stat about;
        ssize_t n = -1;
        int fd = open(sqi_state_path(&hosted->daemon->state, hosted->record.name, name, path),
                      O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

        if (fd < 0)
                return -errno;
        if (fstat(fd, &about) == 0 && (text = malloc(SQI_BROWSE_TAIL)))
                n = pread(fd, text, SQI_BROWSE_TAIL,
                          about.st_size > SQI_BROWSE_TAIL ? about.st_size - SQI_BROWSE_TAIL : 0);
        close(fd);
        if (n < 0) {
                free(text);
                return text ? -EIO : -ENOMEM;
        }
        size_t size = (size_t)n;
        if (about.st_size > SQI_BROWSE_TAIL)
                cut_first_line(text, &size);
        *ret_bytes = text;
        *ret_size = size;
        return 0;
}

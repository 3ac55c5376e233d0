/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/reception.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/answer.h"

/* ---- The answer -------------------------------------------------------------------------------------- */

/* Answered already, and that was not heard. */
static bool
answer_again(struct sqi_daemon *daemon, const struct sqi_request *request, struct sqi_result *result)
{
        const struct sqi_answer *kept = sqi_command_changes(request->command)
                                                ? sqi_answers_find(&daemon->answers, request->id)
                                                : NULL;

        if (!kept)
                return false;
        result->status = (enum sqi_status)kept->status;
        snprintf(result->error, sizeof(result->error), "%s", kept->text);
        if (kept->status == SQI_STATUS_DONE)
                sqi_result_about(result, kept->name, kept->serial);
        return true;
}

static void
keep_answer(struct sqi_daemon *daemon, const struct sqi_request *request, const struct sqi_result *result)
{
        struct sqi_answer answer = {.status = (int32_t)result->status};

        if (!sqi_command_changes(request->command) || request->command == SQI_COMMAND_STOP ||
            result->status != SQI_STATUS_DONE)
                return;
        memcpy(answer.id, request->id, SQI_REQUEST_ID);
        snprintf(answer.text, sizeof(answer.text), "%.*s", SQI_ANSWER_TEXT - 1, result->error);
        memcpy(answer.name, result->name, sizeof(answer.name));
        memcpy(answer.serial, result->serial, sizeof(answer.serial));
        (void)sqi_state_put_answer(&daemon->state, &daemon->answers, &answer);
}

static void
reply(struct sqi_daemon *daemon, const struct sqi_caller *caller, const uint8_t id[SQI_REQUEST_ID],
      const struct sqi_result *result)
{
        static const char no_memory[] = "the supervisor has no memory for the answer";
        struct sqi_reply reply = {.status = result->status};

        memcpy(reply.id, id, SQI_REQUEST_ID);
        if (result->status != SQI_STATUS_DONE) {
                reply.error = (struct sq_str){result->error, strlen(result->error)};
        } else if (result->writer.failed) {
                reply.status = SQI_STATUS_FAILED;
                reply.error = (struct sq_str){no_memory, sizeof(no_memory) - 1};
        } else {
                reply.result = (struct sq_str){(const char *)result->writer.bytes, result->writer.size};
        }
        (void)sqi_server_reply(&daemon->server, caller, &reply);
}

/* What was asked for, and taken. */
static void
note_command(struct sqi_daemon *daemon, const struct sqi_request *request, const struct sqi_result *result)
{
        const char *command = sqi_command_name(request->command);
        char name[SQI_EVENT_NAME], text[SQI_EVENT_NAME + 32];
        size_t n = 0;

        for (; command[n] && n + 1 < sizeof(name); n++)
                name[n] = (char)tolower((unsigned char)command[n]);
        name[n] = '\0';
        snprintf(text, sizeof(text), "%s was asked for", name);
        sqi_events_add(&daemon->events, result->name[0] ? result->name : NULL, name, SQ_INFO, text);
}

static void
handle(struct sqi_daemon *daemon, const struct sqi_caller *caller, const struct sqi_request *request,
       struct sqi_result *result)
{
        if (answer_again(daemon, request, result))
                return;
        if (daemon->stopping && sqi_command_changes(request->command) && request->command != SQI_COMMAND_STOP) {
                sqi_refuse(result, SQI_STATUS_FAILED, "the supervisor is ending");
                return;
        }
        sqi_answer(daemon, request, result);
        if (result->later)
                daemon->waiters->caller = *caller;
        else
                keep_answer(daemon, request, result);
        if (sqi_command_changes(request->command) && result->status == SQI_STATUS_DONE && !result->later)
                note_command(daemon, request, result);
}

void
sqi_reception_ask(struct sqi_daemon *daemon, const struct sqi_request *request, struct sqi_result *result)
{
        assert(request->command != SQI_COMMAND_AWAIT && request->command != SQI_COMMAND_QUERY);
        handle(daemon, NULL, request, result);
}

/* `r` is what its decoding came to. */
static void
answer_now(struct sqi_daemon *daemon, const struct sqi_caller *caller, const struct sqi_request *request, int r)
{
        struct sqi_result result = {.status = SQI_STATUS_DONE, .writer = sqi_writer(SQI_MSGPACK)};

        if (r == -EPROTO)
                sqi_refuse(&result, SQI_STATUS_REFUSED,
                           "the supervisor speaks version %d of the commands (it is squall %s)", SQI_COMMAND_VERSION,
                           daemon->options.version);
        else if (r == -ENOSYS)
                sqi_refuse(&result, SQI_STATUS_REFUSED, "the supervisor does not know this command (it is squall %s)",
                           daemon->options.version);
        else
                handle(daemon, caller, request, &result);
        if (!result.later)
                reply(daemon, caller, request->id, &result);
        sqi_writer_drop(&result.writer);
}

/* ---- At the desk ------------------------------------------------------------------------------------- */

struct asked_command {
        struct sqi_asked asked; /* first: it is taken for it */
        struct sqi_caller caller;
        size_t size;
        uint8_t bytes[];
};
enum { ASKED_MOST = 64 };

static void
answer_asked(struct sqi_daemon *daemon, const struct sqi_asked *asked)
{
        const struct asked_command *it = (const struct asked_command *)asked;
        struct sqi_request request = {.seconds = -1};
        int r = sqi_request_decode(it->bytes, it->size, &request);

        answer_now(daemon, &it->caller, &request, r);
}

static bool
is_same(const struct sqi_asked *asked, const struct sqi_caller *caller, const void *bytes, size_t size)
{
        const struct asked_command *it = (const struct asked_command *)asked;

        return asked->answer == answer_asked && it->caller.size == caller->size && it->size == size &&
               memcmp(it->caller.identity, caller->identity, caller->size) == 0 && memcmp(it->bytes, bytes, size) == 0;
}

/* It is under way, or it waits behind `n` others. */
static void
ask_for_patience(struct sqi_daemon *daemon, const struct sqi_caller *caller, const struct sqi_request *request,
                 unsigned n)
{
        struct sqi_result result = {.status = SQI_STATUS_PENDING, .writer = sqi_writer(SQI_MSGPACK)};

        if (!request->patient)
                return; /* it would be taken for the answer */
        if (n == 0)
                sqi_refuse(&result, SQI_STATUS_PENDING, "the disk of %s takes its time to make it durable",
                           daemon->state.path);
        else
                sqi_refuse(&result, SQI_STATUS_PENDING, "it is behind %u other%s that wait%s for the disk of %s", n,
                           n > 1 ? "s" : "", n > 1 ? "" : "s", daemon->state.path);
        reply(daemon, caller, request->id, &result);
        sqi_writer_drop(&result.writer);
}

/* Whoever hears nothing asks again; so there are no two of one, and what finds no room comes another time. */
static void
hold(struct sqi_daemon *daemon, const struct sqi_caller *caller, const struct sqi_request *request, const void *bytes,
     size_t size)
{
        const struct sqi_asked *asked = daemon->asked;
        struct asked_command *it;
        unsigned n = 0;

        for (; asked && !is_same(asked, caller, bytes, size); asked = asked->next)
                n++;
        if (asked || n >= ASKED_MOST) {
                ask_for_patience(daemon, caller, request, n);
                return;
        }
        it = malloc(sizeof(*it) + size);
        if (!it)
                return;
        *it = (struct asked_command){.asked.answer = answer_asked, .caller = *caller, .size = size};
        memcpy(it->bytes, bytes, size);
        sqi_asked_add(daemon, &it->asked);
}

/* It writes, or reads what may be being written. */
static bool
is_for_the_desk(const struct sqi_daemon *daemon, enum sqi_command_type command)
{
        return daemon->desk &&
               (sqi_command_changes(command) || (command == SQI_COMMAND_PLAN && sqi_desk_is_busy(daemon->desk)));
}

void
sqi_reception_take(struct sqi_daemon *daemon, const struct sqi_caller *caller, const void *bytes, size_t size)
{
        struct sqi_request request = {.seconds = -1};
        int r = sqi_request_decode(bytes, size, &request);

        if (r == -EBADMSG)
                return; /* no id to answer to */
        if (r == 0 && is_for_the_desk(daemon, request.command))
                hold(daemon, caller, &request, bytes, size);
        else
                answer_now(daemon, caller, &request, r);
}

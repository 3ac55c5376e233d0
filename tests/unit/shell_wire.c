/* SPDX-License-Identifier: Apache-2.0 */
/* Storm's multilang protocol as bytes: messages of a program, however they are cut, and messages to it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>

#include "../../clients/shell_wire.h"

static void
note(char *ret, size_t size, const struct sqi_shell_message *message)
{
        static const char *const names[] = {"emit",  "ack",     "fail", "sync", "log",
                                            "error", "metrics", "done", "pid",  "other"};
        size_t used = strlen(ret);
        char id[64], tuple[128], anchors[64];

        sq_json(message->id, id, sizeof(id));
        sq_json(message->tuple, tuple, sizeof(tuple));
        sq_json(message->anchors, anchors, sizeof(anchors));
        used += (size_t)snprintf(ret + used, size - used, "|%s", names[message->command]);
        if (message->command == SHELL_EMIT)
                snprintf(ret + used, size - used, " %s id %s anchors %s on %.*s%s%s", tuple, id, anchors,
                         (int)message->stream.len, message->stream.ptr, message->wants_ids ? " wants" : "",
                         message->direct ? " direct" : "");
        else if (message->command == SHELL_ACK || message->command == SHELL_FAIL)
                snprintf(ret + used, size - used, " %s", id);
        else if (message->command == SHELL_LOG || message->command == SHELL_ERROR)
                snprintf(ret + used, size - used, " %d %.*s", (int)message->level, (int)message->text.len,
                         message->text.ptr);
        else if (message->command == SHELL_PID)
                snprintf(ret + used, size - used, " %lld", (long long)message->pid);
}

/* Feeds the stream `step` bytes at a time: the messages, each behind a `|`, and an error behind a `!`. */
static void
read_all(char *ret, size_t size, const char *stream, size_t step)
{
        struct sqi_shell_reader reader = {0};
        struct sqi_shell_message message;
        size_t len = strlen(stream), room;
        int r = 0;

        *ret = '\0';
        for (size_t at = 0; at < len && r == 0; at += step) {
                size_t n = len - at < step ? len - at : step;
                char *to = sqi_shell_reader_room(&reader, &room);
                assert_non_null(to);
                assert_true(room >= n);
                memcpy(to, stream + at, n);
                reader.fill += n;
                while ((r = sqi_shell_read(&reader, &message)) == 1)
                        note(ret, size, &message);
        }
        if (r < 0)
                snprintf(ret + strlen(ret), size - strlen(ret), "!%s", reader.wrong);
        sqi_shell_reader_free(&reader);
}

static void
reads(const char *stream, const char *expected)
{
        char got[1024];

        for (size_t step = 1; step <= strlen(stream); step++) {
                read_all(got, sizeof(got), stream, step);
                assert_string_equal(got, expected);
        }
}

static void
reads_every_command(void **state)
{
        (void)state;
        reads("{\"pid\":17}\nend\n{\"command\":\"sync\"}\nend\n{\"command\":\"ack\",\"id\":\"7\"}\nend\n"
              "{\"command\":\"fail\",\"id\":8}\nend\n{\"command\":\"later\"}\nend\n",
              "|pid 17|sync|ack \"7\"|fail 8|other");
        reads("{\"command\":\"log\",\"msg\":\"a\",\"level\":0}\nend\n{\"command\":\"log\",\"msg\":\"b\"}\nend\n"
              "{\"command\":\"log\",\"msg\":\"c\",\"level\":4}\nend\n{\"command\":\"error\",\"msg\":\"d\"}\nend\n",
              "|log 3 a|log 2 b|log 0 c|error 0 d");
}

static void
reads_emits_with_all_that_may_go_with_them(void **state)
{
        (void)state;
        reads("{\"command\":\"emit\",\"tuple\":[\"a\",1]}\nend\n",
              "|emit [\"a\",1] id null anchors null on default wants");
        reads("{\"command\":\"emit\",\"tuple\":[],\"anchors\":\"9\",\"stream\":\"s\",\"task\":3}\nend\n",
              "|emit [] id null anchors \"9\" on s direct");
        reads("{\"command\":\"emit\",\"tuple\":[null],\"anchors\":[\"1\",\"2\"],\"need_task_ids\":false,\"id\":0}\nend\n",
              "|emit [null] id 0 anchors [\"1\",\"2\"] on default");
}

static void
a_message_goes_on_to_a_line_that_is_exactly_end(void **state)
{
        (void)state;
        reads("\n {\n\"command\" : \n\n \"sync\"\n }\n\nend\n{\"command\":\"ack\",\"id\":\n\"end\"\n}\nend\n",
              "|sync|ack \"end\"");
        reads("{\"command\":\"sync\"\n end\nendend\n", "");
}

static void
noise_is_shown_with_what_it_may_come_from(void **state)
{
        (void)state;
        reads("hello world\n",
              "!wrote \"hello world\" to its standard output, which is not JSON, and only messages go there (print() "
              "writes there: use a log message, or standard error)");
        reads("{\"command\":\"sync\"}\nend\n{'a': 1}\n{\"command\":\"sync\"}\nend\n",
              "|sync!wrote \"{'a': 1}\" to its standard output, which is not JSON, and only messages go there (print() "
              "writes there: use a log message, or standard error)");
        reads("[1]\nend\n",
              "!wrote \"[1]\" to its standard output, which is not a message, and only messages go there (print() writes "
              "there: use a log message, or standard error)");
}

static void
a_message_that_means_nothing_is_refused(void **state)
{
        (void)state;
        reads("{}\nend\n", "!sent a message without a `command`");
        reads("{\"command\":\"emit\"}\nend\n", "!sent an emit whose `tuple` is not a list");
        reads("{\"command\":\"emit\",\"tuple\":[1],\"task\":\"x\"}\nend\n",
              "!sent a direct emit whose `task` is not the number of a task");
        reads("{\"command\":\"log\",\"msg\":1}\nend\n", "!sent a log message whose `msg` is not text");
        reads("{\"command\":\"metrics\",\"params\":1}\nend\n", "!sent metrics without a `name`");
}

static void
writes_messages_a_program_can_read(void **state)
{
        struct sqi_shell_bytes bytes = {0};
        const struct sq_value values[] = {sq_text("a\"\n"), sq_int(-1), sq_nil()};

        (void)state;
        sqi_shell_put_tuple(&bytes, 42, "lines", "default", 3, 3, values);
        sqi_shell_put_tuple(&bytes, 1, NULL, "__heartbeat", -1, 0, NULL);
        sqi_shell_put_command(&bytes, "ack", (struct sq_str){"{\"k\":1}", 7});
        sqi_shell_put_command(&bytes, "next", (struct sq_str){NULL, 0});
        sqi_shell_put_tasks(&bytes, 2, (const unsigned[]){3, 4});
        sqi_shell_put_tasks(&bytes, 0, NULL);
        sqi_shell_put_bytes(&bytes, "", 1);
        assert_string_equal(
                bytes.ptr,
                "{\"id\":\"42\",\"comp\":\"lines\",\"stream\":\"default\",\"task\":3,\"tuple\":[\"a\\\"\\n\",-1,"
                "null]}\nend\n"
                "{\"id\":\"1\",\"comp\":null,\"stream\":\"__heartbeat\",\"task\":-1,\"tuple\":[]}\nend\n"
                "{\"command\":\"ack\",\"id\":{\"k\":1}}\nend\n"
                "{\"command\":\"next\",\"id\":\"\"}\nend\n[3,4]\nend\n[]\nend\n");
        sqi_shell_bytes_free(&bytes);
}

/* Whatever the pipe takes at a time, what is left goes on where it was. */
static void
bytes_leave_in_their_order_however_many_go_at_once(void **state)
{
        char out[4096], want[4096];
        size_t n = 0, wanted = 0;

        (void)state;
        for (size_t step = 1; step < 40; step++) {
                struct sqi_shell_bytes bytes = {0};
                n = wanted = 0;
                for (unsigned i = 0; i < 60; i++) {
                        sqi_shell_put_tasks(&bytes, 1, &i);
                        wanted += (size_t)snprintf(want + wanted, sizeof(want) - wanted, "[%u]\nend\n", i);
                        size_t left = sqi_shell_bytes_left(&bytes), goes = left < step ? left : step;
                        memcpy(out + n, bytes.ptr + bytes.at, goes);
                        sqi_shell_bytes_took(&bytes, goes);
                        n += goes;
                }
                memcpy(out + n, bytes.ptr + bytes.at, sqi_shell_bytes_left(&bytes));
                n += sqi_shell_bytes_left(&bytes);
                assert_int_equal(n, wanted);
                assert_memory_equal(out, want, n);
                sqi_shell_bytes_free(&bytes);
        }
}

/* So that an answer goes between two messages: what is left of one that has gone in part is known. */
static void
a_message_that_has_gone_in_part_is_known(void **state)
{
        (void)state;
        for (size_t step = 1; step < 40; step++) {
                struct sqi_shell_bytes bytes = {0};
                size_t gone = 0, end = 0;

                for (unsigned i = 0; i < 600; i++)
                        sqi_shell_put_tasks(&bytes, 1, &i);
                for (unsigned i = 0; sqi_shell_bytes_left(&bytes) > 0; gone += step) {
                        size_t left = sqi_shell_bytes_left(&bytes);
                        sqi_shell_bytes_took(&bytes, left < step ? left : step);
                        for (; end < gone + step && i < 600; i++)
                                end += (size_t)snprintf(NULL, 0, "[%u]\nend\n", i);
                        assert_int_equal(bytes.begun, left < step ? 0 : end - gone - step);
                }
                sqi_shell_bytes_free(&bytes);
        }
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(reads_every_command),
                cmocka_unit_test(reads_emits_with_all_that_may_go_with_them),
                cmocka_unit_test(a_message_goes_on_to_a_line_that_is_exactly_end),
                cmocka_unit_test(noise_is_shown_with_what_it_may_come_from),
                cmocka_unit_test(a_message_that_means_nothing_is_refused),
                cmocka_unit_test(writes_messages_a_program_can_read),
                cmocka_unit_test(bytes_leave_in_their_order_however_many_go_at_once),
                cmocka_unit_test(a_message_that_has_gone_in_part_is_known),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Passes on (word, at) and fails what has the word "bad", behind its emit. */
#include <squall.h>

enum { WORD, AT };

static enum sq_verdict
execute(struct sq_task *task, const struct sq_tuple *in)
{
        static const char bad[] = "bad";
        struct sq_str word = sq_get_str(in, WORD);
        bool is_bad = word.len == sizeof(bad) - 1 && __builtin_memcmp(word.ptr, bad, word.len) == 0;

        sq_emit(task, word, sq_get(in, AT));
        return is_bad ? sq_fail(task, "a bad word") : SQ_ACK;
}

SQ_BOLT(half) = {
        .about = "Passes words on, and fails the bad ones behind its emit.",
        .in = {[WORD] = {"word", SQ_STR}, [AT] = {"at", SQ_ANY}},
        .out = {{"word", SQ_STR}, {"at", SQ_ANY}},
        .execute = execute,
};

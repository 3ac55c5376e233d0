/* SPDX-License-Identifier: Apache-2.0 */
/* The interface from C: every type of value straight into an emit. MISTAKE names one that must not compile. */
#include <squall.h>

enum mood { CALM, ROUGH = 3 };

struct emits {
        int64_t max_age;
};

static enum sq_verdict
execute(struct sq_task *task, const struct sq_tuple *in)
{
        const struct emits *self = sq_state(task);
        const struct sq_str word = sq_get_str(in, 0);
        const struct sq_time time = {1, 5};
        const char fixed[] = "fixed", *text = fixed;
        char buffer[8] = "array", *start = buffer;
        const unsigned short small = 7;
        volatile int fickle = -2;
        const char *none = NULL;
        uint8_t byte = 255;
        int8_t negative = -128;
        bool yes = true;
        float half = 0.5f;

        sq_emit(task, word, sq_str(word), "text", text, fixed, buffer, start, none, yes, word.len > 0, 1, -1L, 2LL,
                fickle, negative, byte, small, 3u, 4ul, UINT64_MAX, ROUGH, half, 1.5, time, sq_int(9), sq_nil(),
                self->max_age);
        sq_emit_on(task, 1, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24,
                   25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49,
                   50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63);
        sq_emit_direct(task, 2, 0, word.len);
#if defined EMITS_NULL
        sq_emit(task, NULL);
#elif defined EMITS_CHAR
        sq_emit(task, word.ptr[0]);
#elif defined EMITS_POINTER
        sq_emit(task, &time);
#elif defined EMITS_TOO_MANY
        sq_emit_on(task, 1, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24,
                   25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49,
                   50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63, 64);
#endif
        return SQ_ACK;
}

#define A(name) \
        { \
                name, SQ_ANY \
        }
#define EIGHT(name) \
        A(name "0"), A(name "1"), A(name "2"), A(name "3"), A(name "4"), A(name "5"), A(name "6"), A(name "7")
SQ_BOLT(emits) = {
        .about = "Emits one of each.",
        .state = sizeof(struct emits),
        .options = {SQ_OPT_INT_AS("max-age", struct emits, max_age, 60, "a name that is none in C")},
        .in = {{"word", SQ_STR}},
        .out = {EIGHT("a"), EIGHT("b"), EIGHT("c"), A("d0"), A("d1"), A("max-age")},
        .streams = {{"many",
                     {EIGHT("a"), EIGHT("b"), EIGHT("c"), EIGHT("d"), EIGHT("e"), EIGHT("f"), EIGHT("g"), EIGHT("h")}},
                    {"length", {{"n", SQ_INT}}}},
        .execute = execute,
};

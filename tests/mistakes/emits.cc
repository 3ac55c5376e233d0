/* SPDX-License-Identifier: Apache-2.0 */
/* The interface from C++: every type of value straight into an emit. MISTAKE names one that must not compile. */
#include <squall.h>

#include <string>

namespace
{

enum mood { CALM, ROUGH = 3 };

struct emits {
        int64_t max_age;
};

enum sq_verdict
execute(struct sq_task *task, const struct sq_tuple *in)
{
        const auto *self = static_cast<const emits *>(sq_state(task));
        const auto word = sq_get_str(in, 0);
        const struct sq_time time = {1, 5};
        const std::string owned = "owned";
        const std::string_view view = owned;
        char buffer[8] = "array", *start = buffer;
        const char *none = nullptr;
        uint8_t byte = 255;
        int8_t negative = -128;

        sq_emit(task, word, sq_str(word), "text", buffer, start, none, owned, view, true, word.len > 0, 1, -1L, negative, byte,
                UINT64_MAX, ROUGH, 0.5f, 1.5, time, sq_int(9), sq_nil(), self->max_age);
        sq_emit_on(task, 1, true);
        sq_emit_direct(task, 2, 0, word.len);
        sq_count(task, "words", 1);
#if defined EMITS_NULL
        sq_emit(task, nullptr);
#elif defined EMITS_CHAR
        sq_emit(task, word.ptr[0]);
#elif defined EMITS_POINTER
        sq_emit(task, &time);
#endif
        return SQ_ACK;
}

} // namespace

/* Designated initialisers are C++20; before that a function fills the definition in. */
#if __cplusplus >= 202002L
SQ_BOLT(emits) = {
        .about = "Emits one of each.",
        .state = sizeof(emits),
        .options = {SQ_OPT_INT_AS("max-age", emits, max_age, 60, "a name that is none in C")},
        .in = {{"word", SQ_STR}},
        .out = {{"a", SQ_ANY}, {"b", SQ_ANY}, {"c", SQ_ANY}, {"d", SQ_ANY}, {"e", SQ_ANY}, {"f", SQ_ANY}, {"g", SQ_ANY}, {"h", SQ_ANY},
                {"i", SQ_ANY}, {"j", SQ_ANY}, {"k", SQ_ANY}, {"l", SQ_ANY}, {"m", SQ_ANY}, {"n", SQ_ANY}, {"o", SQ_ANY}, {"p", SQ_ANY},
                {"q", SQ_ANY}, {"r", SQ_ANY}, {"s", SQ_ANY}, {"t", SQ_ANY}, {"u", SQ_ANY}, {"v", SQ_ANY}},
        .streams = {{"many", {{"one", SQ_BOOL}}}, {"length", {{"n", SQ_INT}}}},
        .execute = execute,
};
#else
static struct sq_bolt
definition()
{
        struct sq_bolt bolt = {};
        bolt.about = "Emits one of each.";
        bolt.state = sizeof(emits);
        bolt.options[0] = SQ_OPT_INT_AS("max-age", emits, max_age, 60, "a name that is none in C");
        bolt.in[0] = {"word", SQ_STR};
        for (unsigned i = 0; i < 22; i++)
                bolt.out[i] = {&"a\0b\0c\0d\0e\0f\0g\0h\0i\0j\0k\0l\0m\0n\0o\0p\0q\0r\0s\0t\0u\0v"[2 * i], SQ_ANY};
        bolt.streams[0] = {"many", {{"one", SQ_BOOL}}};
        bolt.streams[1] = {"length", {{"n", SQ_INT}}};
        bolt.execute = execute;
        return bolt;
}
SQ_BOLT(emits) = definition();
#endif

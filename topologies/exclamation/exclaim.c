/* SPDX-License-Identifier: Apache-2.0 */
/* A bolt of one's own: puts "!!!" behind a word. `cc -shared -fPIC -o exclaim.so exclaim.c` builds it. */
#include <squall.h>
#include <stdlib.h>
#include <string.h>

enum { WORD };

struct exclaim {
        const char *mark;
        char *text; /* grows with the longest word */
        size_t size;
};

static enum sq_verdict
execute(struct sq_task *task, const struct sq_tuple *in)
{
        struct exclaim *self = sq_state(task);
        struct sq_str word = sq_get_str(in, WORD);
        size_t marks = strlen(self->mark), need = word.len + marks;

        if (need > self->size) {
                char *text = realloc(self->text, need);

                if (!text)
                        return sq_fail(task, "no memory for a word of %zu bytes", word.len);
                self->text = text;
                self->size = need;
        }
        memcpy(self->text, word.ptr, word.len);
        memcpy(self->text + word.len, self->mark, marks);
        sq_emit(task, sq_str((struct sq_str){self->text, need}));
        return SQ_ACK;
}

static void
cleanup(struct sq_task *task)
{
        struct exclaim *self = sq_state(task);

        free(self->text);
}

SQ_BOLT(exclaim) = {
        .about = "Puts \"!!!\" behind a word.",
        .state = sizeof(struct exclaim),
        .options = {SQ_OPT_STR(struct exclaim, mark, "!!!", "what is put behind the word")},
        .in = {[WORD] = {"word", SQ_STR}},
        .out = {{"word", SQ_STR}},
        .execute = execute,
        .cleanup = cleanup,
};

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a bolt is about to execute, fetched before. A bolt with keyed state spends its time waiting for memory. So
 * the tuples go through three stages, a group at a time: they are found and the places of their keys in the hash
 * table fetched; the entries there are fetched; they are executed. Each stage works on the group behind the one of
 * the stage after it, and what is fetched has the time of a group to arrive (as in software-pipelined prefetching:
 * S. Chen et al., ICDE 2004).
 */
#include "tuple/canonical.h"
#include "tuple/unpack.h"
#include "task/task.h"

/* A key may be read some bytes beyond its end where the message goes on as far. */
static inline void
fetch_key(const struct sq_task *task, struct sqi_key *key, struct sq_str bytes, const char *last)
{
        sqi_key_prepare(key, bytes, bytes.ptr && bytes.ptr <= last);
        sqi_keyed_fetch_place(task->instance.keyed, key);
}

/* The keys that the tuples will be looked up by, if they are as the first one was: the field that the bolt has asked
 * for. */
static void
fetch_fields(const struct sq_task *task, struct sqi_ahead *ahead, const char *last)
{
        for (uint32_t i = 0; i < ahead->n; i++) {
                const struct sqi_slice *slice = &ahead->tuples[i].slice;
                struct sq_value value = sq_nil();
                if (task->instance.key_field < slice->n)
                        value = sqi_unpack(slice->at + slice->offsets[task->instance.key_field],
                                           slice->at + slice->offsets[task->instance.key_field + 1]);
                bool bytes = value.type == SQ_STR || value.type == SQ_BIN;
                fetch_key(task, &ahead->keys[i],
                          bytes ? (struct sq_str){value.as.ptr, value.len} : (struct sq_str){NULL, 0}, last);
        }
}

/* Do the fields have but one form, by their first bytes? */
static inline bool
has_one_form(const struct sqi_slice *slice, uint32_t first, uint32_t behind)
{
        bool one_form = true;

        for (uint32_t f = first; f < behind; f++)
                one_form &= !sqi_has_forms(slice->at[slice->offsets[f]]);
        return one_form;
}

/* The same: the first fields that it has declared, as they lie in the tuple. */
static void
fetch_packed(const struct sq_task *task, struct sqi_ahead *ahead, const char *last)
{
        uint32_t first = ahead->first, behind = first + task->instance.key_fields;

        ahead->one_form = true;
        for (uint32_t i = 0; i < ahead->n; i++) {
                const struct sqi_slice *slice = &ahead->tuples[i].slice;
                struct sq_str bytes = {NULL, 0};
                if (behind <= slice->n) {
                        bytes = (struct sq_str){(const char *)slice->at + slice->offsets[first],
                                                slice->offsets[behind] - slice->offsets[first]};
                        ahead->one_form &= has_one_form(slice, first, behind);
                }
                fetch_key(task, &ahead->keys[i], bytes, last);
        }
}

/* The same of tuples that are a word each. */
static void
fetch_words(const struct sq_task *task, struct sqi_ahead *ahead, const char *last)
{
        ahead->one_form = true;
        for (uint32_t i = 0; i < ahead->n; i++) {
                const char *word = (const char *)ahead->tuples[i].slice.at + 1;
                struct sq_str bytes = {word, ahead->tuples[i].slice.offsets[1] - 1};
                sqi_key_prepare(&ahead->keys[i], bytes, word <= last);
                sqi_keyed_fetch_place(task->instance.keyed, &ahead->keys[i]);
        }
}

/* `words`: the tuples are one each. */
static void
fetch_keys(const struct sq_task *task, const struct sqi_frame *frame, struct sqi_ahead *ahead, bool words)
{
        const char *last = (const char *)frame->runs_end - SQI_SHORT_KEY;

        ahead->first = task->bolt.input->places[0];
        if (task->instance.key_shape == SQI_KEY_FIELD)
                fetch_fields(task, ahead, last);
        else if (words && task->instance.key_fields == 1)
                fetch_words(task, ahead, last);
        else
                fetch_packed(task, ahead, last);
}

/* Is it known what the tuples will be looked up by? */
static bool
can_guess(const struct sq_task *task)
{
        if (!task->instance.keyed || !task->bolt.input)
                return false;
        return task->instance.key_shape == SQI_KEY_FIELD ||
               (task->instance.key_shape == SQI_KEY_PACKED && task->bolt.input->in_order >= task->instance.key_fields);
}

void
sqi_fetch_entries(const struct sq_task *task, const struct sqi_ahead *ahead)
{
        for (uint32_t i = 0; ahead->guessed && i < ahead->n; i++)
                sqi_keyed_fetch_entry(task->instance.keyed, &ahead->keys[i]);
}

/* Words, as many as there are in a row; the cursor stays in registers. */
static void
slice_words(struct sqi_frame *frame, struct sqi_ahead *ahead, uint32_t most)
{
        const uint8_t *at = frame->at, *end = frame->end, *next;
        uint32_t n = 0;

        if (most > frame->left)
                most = frame->left;
        for (; n < most && (next = sqi_slice_word(at, end, &ahead->tuples[n].slice)); n++)
                at = next;
        frame->at = at;
        frame->left -= n;
        ahead->n = n;
}

int
sqi_look_ahead(const struct sq_task *task, struct sqi_frame *frame, struct sqi_ahead *ahead)
{
        uint32_t words;
        int r = 1;

        slice_words(frame, ahead, SQI_AHEAD);
        words = ahead->n;
        for (; ahead->n < SQI_AHEAD && (r = sqi_frame_slice(frame, &ahead->tuples[ahead->n].slice)) > 0; ahead->n++)
                ;
        ahead->guessed = can_guess(task);
        if (ahead->guessed)
                fetch_keys(task, frame, ahead, words == ahead->n);
        return r;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The interface from C++: what a bolt of C++ uses compiles and works. */
#include <squall.h>

static enum sq_verdict
execute(struct sq_task *task, const struct sq_tuple *in)
{
        struct sq_str word = sq_get_str(in, 0);

        sq_emit(task, sq_str(word), sq_int(static_cast<int64_t>(word.len)));
        sq_count(task, "words", 1);
        return SQ_ACK;
}

static struct sq_bolt
definition()
{
        struct sq_bolt bolt = {};
        bolt.about = "The length of a word.";
        bolt.in[0] = {"word", SQ_STR};
        bolt.out[0] = {"word", SQ_STR};
        bolt.out[1] = {"length", SQ_INT};
        bolt.execute = execute;
        return bolt;
}

extern const struct sq_bolt sqi_wordy;
const struct sq_bolt sqi_wordy = definition();
SQI_MANIFEST = {SQ_ABI, SQ_KIND_BOLT, sizeof(struct sq_bolt), "wordy", &sqi_wordy};

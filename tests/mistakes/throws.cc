/* SPDX-License-Identifier: Apache-2.0 */
/* A bolt in C++ that lets an exception out. */
#include <squall.h>

#include <stdexcept>

static enum sq_verdict
execute(struct sq_task *, const struct sq_tuple *)
{
        throw std::runtime_error("thrown by throws.cc");
}

static struct sq_bolt
definition()
{
        struct sq_bolt bolt = {};
        bolt.about = "Throws.";
        bolt.in[0] = {"word", SQ_STR};
        bolt.execute = execute;
        return bolt;
}

extern const struct sq_bolt sqi_throws;
const struct sq_bolt sqi_throws = definition();
SQI_MANIFEST = {SQ_ABI, SQ_KIND_BOLT, sizeof(struct sq_bolt), "throws", &sqi_throws};

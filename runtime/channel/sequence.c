/* SPDX-License-Identifier: Apache-2.0 */
#include "channel/sequence.h"

/* No sender counts so far. */
static const uint64_t ANYWHERE = UINT64_MAX;

void
sqi_sequence_join(struct sqi_sequence *sequence)
{
        sequence->next = ANYWHERE;
        sequence->incarnation = 0;
}

/* A late batch of a dead incarnation says nothing about the living one: it is for the fence to refuse it. */
bool
sqi_sequence_jump(struct sqi_sequence *sequence, const struct sqi_header *header)
{
        uint64_t first = header->first_seq, expected = sequence->next;

        if (header->incarnation < sequence->incarnation)
                return true;
        if (header->incarnation > sequence->incarnation) {
                expected = expected == ANYWHERE ? ANYWHERE : 0;
                sequence->floor = 0;
        } else if (expected != ANYWHERE && first < expected && first + header->count <= sequence->floor) {
                return true;
        }
        if (header->hints & SQI_HINT_DROPPED && (expected == ANYWHERE || first > expected))
                sequence->floor = first;
        sequence->incarnation = header->incarnation;
        sequence->next = first + header->count;
        if (expected == ANYWHERE || first == expected)
                return true;
        return header->hints & (first > expected ? SQI_HINT_DROPPED : SQI_HINT_AGAIN);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* A batch as a hostile neighbour may send it: opened, walked, every value read and shown. */
#include <stdlib.h>
#include <string.h>

#include "tuple/frame.h"
#include "tuple/unpack.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct sqi_frame frame;
        struct sqi_slice slice;
        const char *cause;
        char json[512];

        if (sqi_frame_open(&frame, data, size, &cause) < 0)
                return 0;
        while (sqi_frame_next(&frame, &slice) > 0) {
                for (uint32_t i = 0; i < slice.n; i++)
                        sq_json(sqi_unpack(slice.at + slice.offsets[i], slice.at + slice.offsets[i + 1]), json,
                                sizeof(json));
                for (uint16_t r = 0; r < frame.nroots; r++) {
                        uint64_t root;
                        memcpy(&root, frame.roots + r * sizeof(root), sizeof(root));
                        if (SQI_ROOT_TASK(root) > 0xffff)
                                abort();
                }
        }
        return 0;
}

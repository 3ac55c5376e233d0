/* SPDX-License-Identifier: Apache-2.0 */
#include "component/resumption.h"

#include <string.h>

#include "component/elf.h"

enum sqi_resumption
sqi_spout_resumption(const struct sqi_component *component, const struct sqi_setting *settings, size_t n)
{
        const struct sq_spout *spout = component->spout;
        bool journals = spout->release && sqi_option_find(spout->options, "journal");

        for (size_t i = 0; i < n && journals; i++)
                if (strcmp(settings[i].name, "journal") == 0)
                        return SQI_RESUMES;
        if (spout->forgets || journals)
                return SQI_FORGETS_IT;
        /* who holds messages until they are acked numbers them anew in each process */
        return !spout->seek || sqi_elf_mentions(component->path, "sq_messages_replay") ? SQI_REGAINS : SQI_RESUMES;
}

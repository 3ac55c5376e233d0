/* SPDX-License-Identifier: Apache-2.0 */
/* A request's first line, from anybody: what is made of it lies in the uri, ends, and means no other folder. */
#include <stdlib.h>
#include <string.h>

#include "http/address.h"
#include "http/uri.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_part(const struct sqi_uri *uri, const char *part)
{
        if (part < uri->text || part >= uri->text + SQI_URI_SIZE ||
            !memchr(part, '\0', (size_t)(uri->text + SQI_URI_SIZE - part)))
                abort();
}

static void
check_uri(const char *text)
{
        struct sqi_uri uri;

        if (sqi_uri_parse(text, &uri) < 0)
                return;
        for (uint32_t i = 0; i < uri.nsegments; i++) {
                check_part(&uri, uri.segments[i]);
                if (!*uri.segments[i] || strcmp(uri.segments[i], ".") == 0 || strcmp(uri.segments[i], "..") == 0)
                        abort();
        }
        for (uint32_t i = 0; i < uri.nparameters; i++) {
                check_part(&uri, uri.parameters[i].name);
                check_part(&uri, uri.parameters[i].value);
        }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct sqi_address address;
        char *text = malloc(size + 1), shown[SQI_ADDRESS_TEXT];

        if (!text)
                return 0;
        if (size)
                memcpy(text, data, size);
        text[size] = '\0';
        check_uri(text);
        if (sqi_address_parse(text, &address) == 0) {
                sqi_address_text(&address, shown);
                if (sqi_host_is_ours(text) != sqi_address_is_loopback(&address) ||
                    sqi_address_parse(shown, &address) < 0)
                        abort();
        }
        free(text);
        return 0;
}

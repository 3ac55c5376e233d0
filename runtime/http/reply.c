/* SPDX-License-Identifier: Apache-2.0 */
/* What a request is answered, before it is sent. */
#include <microhttpd.h>
#include <stdarg.h>
#include <stdio.h>

#include "http/http.h"
#include "tuple/writer.h"

enum { MESSAGE_SIZE = 1024 };

void
sqi_http_reply_bytes(struct sqi_http_reply *reply, const char *type, void *bytes, size_t size)
{
        reply->status = reply->status ? reply->status : MHD_HTTP_OK;
        reply->type = type;
        reply->bytes = bytes;
        reply->size = size;
}

void
sqi_http_reply_error(struct sqi_http_reply *reply, unsigned status, const char *format, ...)
{
        struct sqi_writer writer = sqi_writer(SQI_JSON);
        char text[MESSAGE_SIZE];
        void *bytes = NULL;
        size_t size = 0;
        va_list args;

        va_start(args, format);
        vsnprintf(text, sizeof(text), format, args);
        va_end(args);
        sqi_write_map(&writer, NULL);
        sqi_write_text(&writer, "error", MHD_get_reason_phrase_for(status));
        sqi_write_text(&writer, "errorMessage", text);
        sqi_write_end(&writer);
        reply->status = status;
        if (sqi_writer_take(&writer, &bytes, &size) == 0)
                sqi_http_reply_bytes(reply, "application/json", bytes, size);
}

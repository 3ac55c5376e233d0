/* SPDX-License-Identifier: Apache-2.0 */
#include "kit/utf8.h"

void
sqi_utf8_put(char **to, uint32_t code)
{
        unsigned n = code < 0x80 ? 0 : code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
        static const unsigned char lead[] = {0, 0xc0, 0xe0, 0xf0};

        *(*to)++ = (char)(lead[n] | code >> 6 * n);
        while (n-- > 0)
                *(*to)++ = (char)(0x80 | (code >> 6 * n & 0x3f));
}

int32_t
sqi_utf8_get(const char **at, const char *end)
{
        static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};
        const unsigned char *from = (const unsigned char *)(*at)++;
        unsigned n = *from < 0x80 ? 0 : *from >> 5 == 0x6 ? 1 : *from >> 4 == 0xe ? 2 : *from >> 3 == 0x1e ? 3 : 4;
        uint32_t code;

        if (n == 4 || end - *at < (long)n)
                return -1;
        code = n ? *from & (0x3fu >> n) : *from;
        for (unsigned i = 1; i <= n; i++) {
                if ((from[i] & 0xc0) != 0x80)
                        return -1;
                code = code << 6 | (from[i] & 0x3f);
        }
        if (code < least[n] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
                return -1;
        *at += n;
        return (int32_t)code;
}

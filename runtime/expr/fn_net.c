/* SPDX-License-Identifier: Apache-2.0 */
/* Functions of addresses: URLs by RFC 3986, IPv4 and IPv6. */
#include <arpa/inet.h>
#include <string.h>

#include "expr/expr.h"
#include "expr/text.h"

enum { ADDRESS_MAX = 64 };

/* The parts of a URL, empty where it has none; only the path is there in any case. */
struct url {
        struct sq_str scheme, user, host, port, path, query, fragment;
};

static struct sq_str
take_until(struct sq_str *rest, const char *stops)
{
        size_t n = 0;
        struct sq_str part;

        while (n < rest->len && (!rest->ptr[n] || !strchr(stops, rest->ptr[n])))
                n++;
        part = (struct sq_str){rest->ptr, n};
        rest->ptr += n;
        rest->len -= n;
        return part;
}

static void
skip(struct sq_str *rest, size_t n)
{
        rest->ptr += n;
        rest->len -= n;
}

static void
read_authority(struct sq_str text, struct url *url)
{
        const char *at = text.len ? memrchr(text.ptr, '@', text.len) : NULL;

        if (at) {
                url->user = (struct sq_str){text.ptr, (size_t)(at - text.ptr)};
                skip(&text, url->user.len + 1);
        }
        if (text.len > 0 && *text.ptr == '[') {
                skip(&text, 1);
                url->host = take_until(&text, "]");
                skip(&text, text.len > 0);
        } else
                url->host = take_until(&text, ":");
        if (text.len > 0 && *text.ptr == ':')
                url->port = (struct sq_str){text.ptr + 1, text.len - 1};
}

static void
read_url(struct sq_value value, struct url *url)
{
        struct sq_str rest = sqi_text_of(value), scheme = rest;
        struct sq_str head = take_until(&scheme, ":/?#");

        memset(url, 0, sizeof(*url));
        if (scheme.len > 0 && *scheme.ptr == ':' && head.len > 0) {
                url->scheme = head;
                rest = scheme;
                skip(&rest, 1);
        }
        if (rest.len >= 2 && rest.ptr[0] == '/' && rest.ptr[1] == '/') {
                skip(&rest, 2);
                read_authority(take_until(&rest, "/?#"), url);
        }
        url->path = take_until(&rest, "?#");
        if (rest.len > 0 && *rest.ptr == '?') {
                skip(&rest, 1);
                url->query = take_until(&rest, "#");
        }
        if (rest.len > 0)
                url->fragment = (struct sq_str){rest.ptr + 1, rest.len - 1};
}

static struct sq_value
part(struct sq_str text)
{
        return text.len ? sq_str(text) : sq_nil();
}

#define URL_PART(name, result) \
        static struct sq_value name(struct sqi_evaluation *run, const struct sqi_node *node, size_t n, \
                                    const struct sq_value *args) \
        { \
                struct url url; \
\
                (void)run; \
                (void)node; \
                (void)n; \
                read_url(args[0], &url); \
                return result; \
        }

URL_PART(call_scheme, part(url.scheme))
URL_PART(call_host, part(url.host))
URL_PART(call_path, sq_str(url.path))
URL_PART(call_query, part(url.query))
URL_PART(call_fragment, part(url.fragment))

static struct sq_value
call_port(struct sqi_evaluation *run, const struct sqi_node *node, size_t n, const struct sq_value *args)
{
        struct sq_value port;
        struct url url;

        (void)run;
        (void)node;
        (void)n;
        read_url(args[0], &url);
        if (url.port.len == 0 || !sq_read_number(url.port, &port) || port.type != SQ_INT)
                return sq_nil();
        return port.as.i >= 0 && port.as.i <= 65535 ? port : sq_nil();
}

static int
hex(char c)
{
        return c >= '0' && c <= '9' ? c - '0' : (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10 : -1;
}

/* What is not an escape stands for itself. */
static struct sq_value
decode(struct sqi_evaluation *run, struct sq_str text, bool plus)
{
        char *to = sqi_scratch_take(&run->scratch, text.len + 1);
        size_t n = 0;

        if (!to)
                return sqi_no_memory(run);
        for (size_t i = 0; i < text.len; i++) {
                to[n++] = text.ptr[i];
                if (plus && text.ptr[i] == '+')
                        to[n - 1] = ' ';
                else if (text.ptr[i] == '%' && i + 2 < text.len && hex(text.ptr[i + 1]) >= 0 &&
                         hex(text.ptr[i + 2]) >= 0) {
                        to[n - 1] = (char)(hex(text.ptr[i + 1]) * 16 + hex(text.ptr[i + 2]));
                        i += 2;
                }
        }
        return sqi_text_value(to, n);
}

static struct sq_value
call_decode(struct sqi_evaluation *run, const struct sqi_node *node, size_t n, const struct sq_value *args)
{
        (void)node;
        (void)n;
        return decode(run, sqi_text_of(args[0]), false);
}

static struct sq_value
call_encode(struct sqi_evaluation *run, const struct sqi_node *node, size_t n, const struct sq_value *args)
{
        static const char digits[] = "0123456789ABCDEF";
        struct sq_str text = sqi_text_of(args[0]);
        struct sqi_growing to = {.run = run};

        (void)node;
        (void)n;
        for (size_t i = 0; i < text.len; i++) {
                unsigned char c = (unsigned char)text.ptr[i];
                char escape[3] = {'%', digits[c >> 4], digits[c & 15]};
                bool plain = (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') ||
                             (c && strchr("-._~", c));
                sqi_grow(&to, plain ? text.ptr + i : escape, plain ? 1 : 3);
        }
        return sqi_grown(&to);
}

static struct sq_value
call_param(struct sqi_evaluation *run, const struct sqi_node *node, size_t n, const struct sq_value *args)
{
        struct sq_value name;
        struct sq_str key, rest;
        struct url url;

        (void)node;
        (void)n;
        read_url(args[0], &url);
        for (rest = url.query; rest.len > 0; skip(&rest, rest.len > 0)) {
                struct sq_str pair = take_until(&rest, "&");
                key = take_until(&pair, "=");
                name = decode(run, key, true);
                if (name.type == SQ_STR && sqi_equal(name, args[1], true, true)) {
                        skip(&pair, pair.len > 0);
                        return decode(run, pair, true);
                }
        }
        return sq_nil();
}

/* ---- IP ---------------------------------------------------------------------------------------------- */

/* 4 or 6, with the address in network order; 0: it is none. An IPv4 address in IPv6 is that IPv4 address. */
static int
read_address(struct sq_str text, unsigned char bytes[16])
{
        static const unsigned char mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
        char copy[ADDRESS_MAX];

        if (text.len >= sizeof(copy))
                return 0;
        memcpy(copy, text.ptr, text.len);
        copy[text.len] = '\0';
        if (strlen(copy) != text.len)
                return 0;
        if (inet_pton(AF_INET, copy, bytes) == 1)
                return 4;
        if (inet_pton(AF_INET6, copy, bytes) != 1)
                return 0;
        if (memcmp(bytes, mapped, sizeof(mapped)) != 0)
                return 6;
        memmove(bytes, bytes + 12, 4);
        return 4;
}

static int
bits_of(int version)
{
        return version == 4 ? 32 : 128;
}

/* Keeps the first so many bits. */
static void
mask(unsigned char *bytes, int version, int bits)
{
        for (int i = 0; i < bits_of(version) / 8; i++, bits -= 8)
                if (bits < 8)
                        bytes[i] &= (unsigned char)(bits <= 0 ? 0 : 0xff << (8 - bits));
}

struct network {
        int version, bits;
        unsigned char bytes[16];
};

static bool
read_network(struct sq_str text, struct network *ret)
{
        struct sq_str rest = text, address = take_until(&rest, "/");
        struct sq_value bits;

        ret->version = read_address(address, ret->bytes);
        ret->bits = bits_of(ret->version);
        if (ret->version == 0)
                return false;
        if (rest.len > 0) {
                skip(&rest, 1);
                if (!sq_read_number(rest, &bits) || bits.type != SQ_INT || bits.as.i < 0 || bits.as.i > ret->bits)
                        return false;
                ret->bits = (int)bits.as.i;
        }
        mask(ret->bytes, ret->version, ret->bits);
        return true;
}

static struct sq_value
call_ip_version(struct sqi_evaluation *run, const struct sqi_node *node, size_t n, const struct sq_value *args)
{
        unsigned char bytes[16];
        int version = read_address(sqi_text_of(args[0]), bytes);

        (void)run;
        (void)node;
        (void)n;
        return version ? sq_int(version) : sq_nil();
}

static struct sq_value
call_ip_in(struct sqi_evaluation *run, const struct sqi_node *node, size_t n, const struct sq_value *args)
{
        unsigned char bytes[16];
        int version = read_address(sqi_text_of(args[0]), bytes);
        struct network network;

        (void)node;
        for (size_t i = 1; i < n; i++) {
                if (!read_network(sqi_text_of(args[i]), &network))
                        return sqi_wrong(run, "`%.*s` is not a network such as 10.0.0.0/8", (int)args[i].len,
                                         (const char *)args[i].as.ptr);
                if (version != network.version)
                        continue;
                unsigned char masked[16];
                memcpy(masked, bytes, sizeof(masked));
                mask(masked, version, network.bits);
                if (memcmp(masked, network.bytes, (size_t)bits_of(version) / 8) == 0)
                        return sq_bool(true);
        }
        return sq_bool(false);
}

static struct sq_value
call_ip_mask(struct sqi_evaluation *run, const struct sqi_node *node, size_t n, const struct sq_value *args)
{
        unsigned char bytes[16];
        int version = read_address(sqi_text_of(args[0]), bytes);
        char *text;

        (void)node;
        (void)n;
        if (version == 0)
                return sq_nil();
        if (args[1].as.i < 0 || args[1].as.i > bits_of(version))
                return sqi_wrong(run, "an address of IPv%d has %d bits", version, bits_of(version));
        mask(bytes, version, (int)args[1].as.i);
        text = sqi_scratch_take(&run->scratch, INET6_ADDRSTRLEN);
        if (!text)
                return sqi_no_memory(run);
        inet_ntop(version == 4 ? AF_INET : AF_INET6, bytes, text, INET6_ADDRSTRLEN);
        return sq_text(text);
}

const struct sqi_function sqi_net_functions[] = {
        {"url_scheme(url: str) -> str", "The part before `:`; null where there is none.", "url_scheme('http://a.de/x')",
         "\"http\"", .call = call_scheme},
        {"url_host(url: str) -> str", "The host, without the brackets of IPv6; null where there is none.",
         "url_host('http://me@a.de:8080/x')", "\"a.de\"", .call = call_host},
        {"url_port(url: str) -> int", "The port; null where there is none.", "url_port('http://a.de:8080/x')", "8080",
         .call = call_port},
        {"url_path(url: str) -> str", "The path, which may be empty, without the query.", "url_path('/cart?id=7#top')",
         "\"/cart\"", .call = call_path},
        {"url_query(url: str) -> str", "What stands behind `?`; null where there is none.",
         "url_query('/cart?id=7#top')", "\"id=7\"", .call = call_query},
        {"url_fragment(url: str) -> str", "What stands behind `#`; null where there is none.",
         "url_fragment('/cart?id=7#top')", "\"top\"", .call = call_fragment},
        {"url_param(url: str, name: str) -> str", "A parameter of the query, decoded; null where there is none.",
         "url_param('/find?q=a+b%21', 'q')", "\"a b!\"", .call = call_param},
        {"url_decode(text: str) -> str", "Escapes such as %20 as what they stand for; what is none stays.",
         "url_decode('a%20b')", "\"a b\"", .call = call_decode},
        {"url_encode(text: str) -> str", "All but letters, digits and - . _ ~ as escapes.", "url_encode('a b/c')",
         "\"a%20b%2Fc\"", .call = call_encode},
        {"ip_version(ip: str) -> int", "4 or 6; null for what is not an address.", "ip_version('::1')", "6",
         .call = call_ip_version},
        {"ip_in(ip: str, network: str...) -> bool", "Whether the address is in one of the networks.",
         "ip_in('10.1.2.3', '192.168.0.0/16', '10.0.0.0/8')", "true", .call = call_ip_in},
        {"ip_mask(ip: str, bits: int) -> str",
         "The address with all bits behind the first ones 0; null for what is none.", "ip_mask('10.1.2.3', 16)",
         "\"10.1.0.0\"", .call = call_ip_mask},
        {NULL, NULL, NULL, NULL, NULL, NULL, NULL, false},
};

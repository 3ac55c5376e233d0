/* SPDX-License-Identifier: Apache-2.0 */
#include "http/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/complain.h"

enum { HOST_SIZE = 48, PORT_DIGITS = 5, PORT_MAX = 65535, BACKLOG = 128 };

/* "HOST:PORT" or, when `port` may be missing, "HOST": -1 then. False: it is neither. */
static bool
split(const char *text, char ret_host[HOST_SIZE], int *ret_port)
{
        const char *end = text[0] == '[' ? strchr(text, ']') : text + strcspn(text, ":"), *port;
        const char *begin = text[0] == '[' ? text + 1 : text;
        size_t len = end ? (size_t)(end - begin) : 0, digits;

        if (len == 0 || len >= HOST_SIZE)
                return false;
        port = text[0] == '[' ? end + 1 : end;
        digits = *port == ':' ? strspn(port + 1, "0123456789") : 0;
        if (*port && (digits == 0 || digits > PORT_DIGITS || port[1 + digits] || atoi(port + 1) > PORT_MAX))
                return false;
        memcpy(ret_host, begin, len);
        ret_host[len] = '\0';
        *ret_port = *port ? atoi(port + 1) : -1;
        return true;
}

/* Numbers, or localhost: no name is looked up. In brackets it is IPv6. */
static bool
look_up(const char *host, bool brackets, uint16_t port, struct sqi_address *ret)
{
        struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
        struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons(port)};
        const void *at = brackets ? (const void *)&six : &four;
        socklen_t size = brackets ? sizeof(six) : sizeof(four);

        if (!brackets && strcasecmp(host, "localhost") == 0)
                host = "127.0.0.1";
        if (inet_pton(brackets ? AF_INET6 : AF_INET, host,
                      brackets ? (void *)&six.sin6_addr : (void *)&four.sin_addr) != 1)
                return false;
        *ret = (struct sqi_address){.size = size};
        memcpy(&ret->at, at, size);
        return true;
}

int
sqi_address_parse(const char *text, struct sqi_address *ret)
{
        char host[HOST_SIZE];
        int port;

        if (!split(text, host, &port) || port < 0 || !look_up(host, text[0] == '[', (uint16_t)port, ret))
                return -EINVAL;
        return 0;
}

bool
sqi_address_is_loopback(const struct sqi_address *address)
{
        const struct sockaddr_in *four = (const void *)&address->at;
        const struct sockaddr_in6 *six = (const void *)&address->at;

        if (address->at.ss_family == AF_INET)
                return ntohl(four->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
        return address->at.ss_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&six->sin6_addr);
}

void
sqi_address_text(const struct sqi_address *address, char ret[SQI_ADDRESS_TEXT])
{
        const struct sockaddr_in *four = (const void *)&address->at;
        const struct sockaddr_in6 *six = (const void *)&address->at;
        bool is_six = address->at.ss_family == AF_INET6;
        char host[INET6_ADDRSTRLEN] = "?";

        inet_ntop(address->at.ss_family, is_six ? (const void *)&six->sin6_addr : &four->sin_addr, host, sizeof(host));
        snprintf(ret, SQI_ADDRESS_TEXT, is_six ? "[%s]:%u" : "%s:%u", host,
                 ntohs(is_six ? six->sin6_port : four->sin_port));
}

bool
sqi_host_is_ours(const char *host)
{
        struct sqi_address address;
        char name[HOST_SIZE];
        int port;

        return split(host, name, &port) && look_up(name, host[0] == '[', 0, &address) &&
               sqi_address_is_loopback(&address);
}

bool
sqi_origin_is_host(const char *origin, const char *host)
{
        static const char scheme[] = "http://";

        return strncasecmp(origin, scheme, sizeof(scheme) - 1) == 0 &&
               strcasecmp(origin + sizeof(scheme) - 1, host) == 0;
}

int
sqi_address_listen(const struct sqi_address *address, char *error, size_t size)
{
        const int yes = 1;
        char text[SQI_ADDRESS_TEXT];
        int fd = socket(address->at.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), r;

        if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) == 0 &&
            bind(fd, (const struct sockaddr *)&address->at, address->size) == 0 && listen(fd, BACKLOG) == 0)
                return fd;
        r = -errno;
        if (fd >= 0)
                close(fd);
        sqi_address_text(address, text);
        return sqi_complain(r, error, size, "cannot serve HTTP at %s: %s%s", text, strerror(-r),
                            r == -EADDRINUSE ? " (another supervisor? give --http another port)" : "");
}

int
sqi_address_serve(const char *text, struct sqi_address *ret, char *error, size_t size)
{
        if (sqi_address_parse(text, ret) < 0)
                return sqi_complain(-EINVAL, error, size,
                                    "%s is no place for HTTP (ADDRESS:PORT, as 127.0.0.1:8080 or [::1]:8080)", text);
        if (!sqi_address_is_loopback(ret))
                return sqi_complain(
                        -EINVAL, error, size,
                        "HTTP at %s could be read by others: it has no TLS, so it is served on loopback alone "
                        "(--http 127.0.0.1:PORT, and ssh -L or a proxy with TLS in front)",
                        text);
        return sqi_address_listen(ret, error, size);
}

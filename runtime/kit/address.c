/* SPDX-License-Identifier: Apache-2.0 */
/* Where a server is, and the secret that it asks for: squall-connect.h says what may stand in the settings. */
#include <errno.h>
#include <fcntl.h>
#include <squall-kit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Copies [from, to); false: it does not fit. */
static bool
copy(char *ret, size_t size, const char *from, const char *to)
{
        size_t len = (size_t)(to - from);

        if (len >= size)
                return false;
        memcpy(ret, from, len);
        ret[len] = '\0';
        return true;
}

static const char too_long[] = "is too long";

/* HOST, HOST:PORT or [ADDRESS]:PORT in [at, end). */
static const char *
read_host(const char *at, const char *end, struct sq_url *ret)
{
        const char *colon = NULL, *close = *at == '[' ? memchr(at, ']', (size_t)(end - at)) : NULL;
        unsigned long port;
        char *rest;

        if (*at == '[' && !close)
                return "lacks the ] behind the address";
        for (const char *c = close ? close : at; c < end; c++)
                if (*c == ':')
                        colon = c;
        if (!copy(ret->host, sizeof(ret->host), close ? at + 1 : at, close ? close : colon ? colon : end))
                return too_long;
        if (!colon)
                return NULL;
        port = strtoul(colon + 1, &rest, 10);
        if (rest != end || rest == colon + 1 || port == 0 || port > UINT16_MAX)
                return "has a port that is not a number from 1 to 65535";
        ret->port = (uint16_t)port;
        return NULL;
}

static const char has_password[] =
        "has a password, which would stand in the file and in logs: set `password: env:NAME` or `file:PATH`";

/* Among the parameters behind the `?`, as libpq takes it there. */
static bool
bears_password(const char *path)
{
        static const char *const names[] = {"password=", "sslpassword="};
        const char *at = strchr(path, '?');

        for (; at; at = strchr(at + 1, '&'))
                for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
                        if (strncmp(at + 1, names[i], strlen(names[i])) == 0)
                                return true;
        return false;
}

const char *
sq_url_read(const char *text, struct sq_url *ret)
{
        const char *at = strstr(text, "://"), *end, *user, *colon, *wrong;

        *ret = (struct sq_url){0};
        if (!at || at == text)
                return "is not SCHEME://HOST:PORT/PATH";
        if (!copy(ret->scheme, sizeof(ret->scheme), text, at))
                return too_long;
        at += strlen("://");
        end = at + strcspn(at, "/?#");
        user = memrchr(at, '@', (size_t)(end - at));
        colon = user ? memchr(at, ':', (size_t)(user - at)) : NULL;
        if (colon || bears_password(end))
                return has_password;
        if (user && !copy(ret->user, sizeof(ret->user), at, user))
                return too_long;
        at = user ? user + 1 : at;
        wrong = read_host(at, end, ret);
        if (!wrong && !copy(ret->path, sizeof(ret->path), end, end + strlen(end)))
                wrong = too_long;
        return wrong;
}

/* ---- Secrets ----------------------------------------------------------------------------------------- */

static const char *
behind(const char *text, const char *prefix)
{
        size_t len = strlen(prefix);

        return strncmp(text, prefix, len) == 0 && text[len] != '\0' ? text + len : NULL;
}

void
sq_secret_declare(const char *setting, struct sq_declaration *decl, const char *option)
{
        const char *path = setting ? behind(setting, "file:") : NULL;

        if (!setting || behind(setting, "env:") || (path && path[0] == '/'))
                return;
        sq_declare_error(decl, option,
                         path ? "the path must begin with /"
                              : "a secret does not stand in the topology file: env:NAME or file:/PATH");
}

/* Why there is no secret, and whether there may be one later. */
struct lack {
        char text[600];
        bool final;
};

/* A file with a secret has one line, with or without its end. With several it is another file, or two secrets, and
 * whichever were taken might be the wrong one. NULL, or what is wrong. */
static const char *
take_line(char *text, size_t n)
{
        size_t len = strcspn(text, "\r\n"), end = len;

        end += text[end] == '\r' && text[end + 1] == '\n' ? 2 : text[end] == '\r' || text[end] == '\n';
        text[len] = '\0';
        if (end < n)
                return "has more than one line, or a byte of zero: it must have the secret alone";
        return len == 0 ? "is empty: it must have the secret" : NULL;
}

static bool
read_file(const char *path, char *ret, size_t size, struct lack *lack)
{
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        ssize_t n = fd < 0 ? -1 : read(fd, ret, size);
        int error = errno;
        const char *wrong;

        if (fd >= 0)
                close(fd);
        if (n < 0)
                snprintf(lack->text, sizeof(lack->text), "%s: %s", path, strerror(error));
        else if ((size_t)n == size)
                snprintf(lack->text, sizeof(lack->text), "%s: is longer than %zu bytes", path, size - 1);
        if (n < 0 || (size_t)n == size)
                return false;
        ret[n] = '\0';
        wrong = take_line(ret, (size_t)n);
        if (wrong)
                snprintf(lack->text, sizeof(lack->text), "%s: %s", path, wrong);
        return !wrong;
}

static bool
find_secret(const char *setting, char *ret, size_t size, struct lack *lack)
{
        const char *name = setting ? behind(setting, "env:") : NULL, *value;

        ret[0] = '\0';
        *lack = (struct lack){.final = name != NULL};
        if (!setting)
                return true;
        if (!name)
                return read_file(setting + strlen("file:"), ret, size, lack);
        value = getenv(name);
        if (!value)
                snprintf(lack->text, sizeof(lack->text),
                         "the variable %s, which holds a secret, is not set where squall was started", name);
        else if (!copy(ret, size, value, value + strlen(value)))
                snprintf(lack->text, sizeof(lack->text), "the variable %s is longer than %zu bytes", name, size - 1);
        return lack->text[0] == '\0';
}

int
sq_secret_read(struct sq_task *task, const char *setting, char *ret, size_t size)
{
        struct lack lack;

        if (find_secret(setting, ret, size, &lack))
                return 0;
        return lack.final ? sq_error_final(task, "%s", lack.text) : sq_error(task, "%s", lack.text);
}

bool
sq_secret_probe(struct sq_declaration *decl, const char *option, const char *setting, char *ret, size_t size)
{
        struct lack lack;

        if (find_secret(setting, ret, size, &lack))
                return true;
        sq_declare_error(decl, option, "%s", lack.text);
        return false;
}

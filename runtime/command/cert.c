/* SPDX-License-Identifier: Apache-2.0 */
#include "command/cert.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zmq.h>

#include "base/complain.h"

enum { FILE_MAX = 8192 };
static const char suffix[] = "_secret";

int
sqi_cert_make(struct sqi_cert *ret)
{
        struct sqi_cert cert;

        if (zmq_curve_keypair(cert.public_key, cert.secret_key) < 0)
                return -errno;
        *ret = cert;
        return 0;
}

/* ---- Writing -------------------------------------------------------------------------------------------------------------- */

static int
save(const struct sqi_cert *cert, const char *path, bool secret)
{
        int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, secret ? 0600 : 0644), r;

        if (fd < 0)
                return -errno;
        r = dprintf(fd, "#   ZeroMQ CURVE %s Certificate\n%smetadata\ncurve\n    public-key = \"%s\"\n",
                    secret ? "**Secret**" : "Public",
                    secret ? "#   DO NOT PROVIDE THIS FILE TO OTHER USERS nor change its permissions.\n" : "", cert->public_key);
        if (r >= 0 && secret)
                r = dprintf(fd, "    secret-key = \"%s\"\n", cert->secret_key);
        if (r >= 0)
                r = fsync(fd);
        r = r < 0 ? -errno : 0;
        close(fd);
        if (r < 0)
                unlink(path);
        return r;
}

int
sqi_cert_save(const struct sqi_cert *cert, const char *path, char *error, size_t size)
{
        char own[PATH_MAX];
        int r;

        if (snprintf(own, sizeof(own), "%s%s", path, suffix) >= (int)sizeof(own))
                return sqi_complain(-ENAMETOOLONG, error, size, "%s is too long a path", path);
        r = save(cert, own, true);
        if (r < 0)
                return sqi_complain(r, error, size, "%s: %s", own, strerror(-r));
        r = save(cert, path, false);
        if (r == 0)
                return 0;
        unlink(own);
        return sqi_complain(r, error, size, "%s: %s", path, strerror(-r));
}

/* ---- Reading -------------------------------------------------------------------------------------------------------------- */

/* NAME = "KEY", somewhere in the file. */
static bool
take_key(const char *text, const char *name, char ret[SQI_KEY_SIZE])
{
        for (const char *at = text; (at = strstr(at, name)); at++) {
                const char *key = at + strlen(name);
                size_t len;

                key += strspn(key, " \t");
                if (*key++ != '=')
                        continue;
                key += strspn(key, " \t");
                if (*key++ != '"')
                        continue;
                len = strcspn(key, "\"\n");
                if (len != SQI_KEY_SIZE - 1 || key[len] != '"')
                        continue;
                memcpy(ret, key, len);
                ret[len] = '\0';
                return true;
        }
        return false;
}

static int
load(const char *path, bool secret, struct sqi_cert *ret, char *error, size_t size)
{
        struct sqi_cert cert = {"", ""};
        char text[FILE_MAX] = "";
        FILE *file = fopen(path, "re");
        int r = 0;

        if (!file)
                return sqi_complain(-errno, error, size, "%s: %s", path, strerror(errno));
        text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
        fclose(file);
        if (!take_key(text, "public-key", cert.public_key) || (secret && !take_key(text, "secret-key", cert.secret_key)))
                r = sqi_complain(-EBADMSG, error, size, "%s is no CURVE certificate%s (squall cert makes them)", path,
                                 secret ? " with a secret key" : "");
        if (r == 0)
                *ret = cert;
        return r;
}

int
sqi_cert_load(const char *path, struct sqi_cert *ret, char *error, size_t size)
{
        return load(path, false, ret, error, size);
}

int
sqi_cert_load_own(const char *path, struct sqi_cert *ret, char *error, size_t size)
{
        size_t len = strlen(path), tail = sizeof(suffix) - 1;
        bool has = len > tail && strcmp(path + len - tail, suffix) == 0;
        char own[PATH_MAX];
        struct stat about;

        if (snprintf(own, sizeof(own), "%s%s", path, has ? "" : suffix) >= (int)sizeof(own))
                return sqi_complain(-ENAMETOOLONG, error, size, "%s is too long a path", path);
        if (stat(own, &about) < 0)
                return sqi_complain(-errno, error, size, "%s: %s", own, strerror(errno));
        if (about.st_mode & 077)
                return sqi_complain(-EPERM, error, size, "%s can be read by others (chmod 600 %s)", own, own);
        return load(own, true, ret, error, size);
}

bool
sqi_cert_is_known(const char *folder, const char *public_key)
{
        DIR *files = opendir(folder);
        const struct dirent *entry;
        bool found = false;

        while (!found && files && (entry = readdir(files))) {
                char path[PATH_MAX], error[256];
                struct sqi_cert cert;

                if (entry->d_name[0] == '.' || strstr(entry->d_name, suffix) ||
                    snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name) >= (int)sizeof(path))
                        continue;
                found = sqi_cert_load(path, &cert, error, sizeof(error)) == 0 && strcmp(cert.public_key, public_key) == 0;
        }
        if (files)
                closedir(files);
        return found;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "command/cert.h"

#include <czmq.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/complain.h"
#include "base/sealed.h"

static const char suffix[] = "_secret";

static struct sqi_cert
keys_of(zcert_t *from)
{
        struct sqi_cert cert;

        snprintf(cert.public_key, sizeof(cert.public_key), "%s", zcert_public_txt(from));
        snprintf(cert.secret_key, sizeof(cert.secret_key), "%s", zcert_secret_txt(from));
        return cert;
}

/* Takes the name, so that what is there is never written over. The fd or a negative errno. */
static int
claim(const char *path, mode_t mode, char *error, size_t size)
{
        int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);

        return fd < 0 ? sqi_complain(-errno, error, size, "%s: %s", path, strerror(errno)) : fd;
}

static int
save(zcert_t *cert, const char *path, int fds[2])
{
        if (zcert_save(cert, path) < 0)
                return errno ? -errno : -EIO;
        if (fsync(fds[0]) < 0 || fsync(fds[1]) < 0)
                return -errno;
        return sqi_folder_sync_above(AT_FDCWD, path);
}

/* The two files of `path`; none is left on failure. */
static int
save_new(zcert_t *cert, const char *path, const char *own, char *error, size_t size)
{
        int fds[2] = {claim(own, 0600, error, size), -1}, r;

        if (fds[0] < 0)
                return fds[0];
        r = fds[1] = claim(path, 0644, error, size);
        if (fds[1] >= 0) {
                r = save(cert, path, fds);
                if (r < 0) {
                        sqi_complain(r, error, size, "%s: %s", path, strerror(-r));
                        unlink(path);
                }
                close(fds[1]);
        }
        close(fds[0]);
        if (r < 0)
                unlink(own);
        return r;
}

int
sqi_cert_make(const char *path, struct sqi_cert *ret, char *error, size_t size)
{
        char own[PATH_MAX];
        zcert_t *cert;
        int r;

        if (snprintf(own, sizeof(own), "%s%s", path, suffix) >= (int)sizeof(own))
                return sqi_complain(-ENAMETOOLONG, error, size, "%s is too long a path", path);
        if (!zsys_has_curve())
                return sqi_complain(-ENOTSUP, error, size, "cannot make keys: libzmq was built without CURVE");
        cert = zcert_new();
        if (!cert)
                return sqi_complain(-ENOMEM, error, size, "out of memory");
        r = save_new(cert, path, own, error, size);
        if (r == 0)
                *ret = keys_of(cert);
        zcert_destroy(&cert);
        return r;
}

static int
load(const char *path, bool secret, struct sqi_cert *ret, char *error, size_t size)
{
        struct sqi_cert keys = {"", ""};
        zcert_t *cert;

        if (access(path, R_OK) < 0)
                return sqi_complain(-errno, error, size, "%s: %s", path, strerror(errno));
        cert = zcert_load(path);
        if (cert)
                keys = keys_of(cert);
        zcert_destroy(&cert);
        if (!keys.public_key[0] || (secret && strspn(keys.secret_key, "0") == strlen(keys.secret_key)))
                return sqi_complain(-EBADMSG, error, size, "%s is no CURVE certificate%s (squall cert makes them)",
                                    path, secret ? " with a secret key" : "");
        *ret = keys;
        return 0;
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
                found = sqi_cert_load(path, &cert, error, sizeof(error)) == 0 &&
                        strcmp(cert.public_key, public_key) == 0;
        }
        if (files)
                closedir(files);
        return found;
}

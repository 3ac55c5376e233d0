/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/submission.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/complain.h"
#include "base/sealed.h"
#include "daemon/record.h"

/* The copy of the same .so, or NULL. */
static const char *
earlier_copy(const struct sqi_plan *plan, const char *const *from, uint32_t i)
{
        for (uint32_t k = 0; k < i; k++)
                if (from[k] && strcmp(from[k], from[i]) == 0)
                        return *sqi_plan_code(plan, k);
        return NULL;
}

/* Of "2-count.so", which is a copy already, "count.so". */
static const char *
name_of_copied(const char *path)
{
        const char *base = strrchr(path, '/'), *rest;

        base = base ? base + 1 : path;
        rest = base + strspn(base, "0123456789");
        return rest > base && rest[0] == '-' && rest[1] != '\0' ? rest + 1 : base;
}

/* The library that a component of ours links stands one folder above its own, or two; one above the copies is where
 * they look for it. */
static int
copy_kit(int folder, const char *from)
{
        static const char kit[] = "libsquall-kit.so", *const above[] = {"..", "../.."};
        const char *slash = strrchr(from, '/');
        char path[PATH_MAX];

        if (!slash || faccessat(folder, kit, F_OK, 0) == 0)
                return 0;
        for (size_t i = 0; i < sizeof(above) / sizeof(above[0]); i++) {
                snprintf(path, sizeof(path), "%.*s/%s/%s", (int)(slash - from), from, above[i], kit);
                if (access(path, R_OK) == 0)
                        return sqi_file_copy(path, folder, kit);
        }
        return 0; /* it finds it elsewhere, as one of its user's may */
}

/* Each .so once. From here on the plan names the copies, at the place where they will be. */
static int
copy_components(int folder, const char *place, struct sqi_plan *plan, const char **from, char *error, size_t size)
{
        int components = -1, r = 0;

        if (mkdirat(folder, "components", 0700) < 0 || (components = sqi_folder_open(folder, "components")) < 0)
                return sqi_complain(-EIO, error, size, "cannot make the folder %s: %s", place, strerror(errno));
        for (uint32_t i = 0; i < sqi_plan_codes(plan) && r == 0; i++) {
                const char *copied = from[i] ? earlier_copy(plan, from, i) : NULL;
                char file[NAME_MAX], path[PATH_MAX + NAME_MAX];

                if (copied)
                        *sqi_plan_code(plan, i) = copied;
                if (copied || !from[i])
                        continue;
                snprintf(file, sizeof(file), "%u-%.200s", i, name_of_copied(from[i]));
                r = sqi_file_copy(from[i], components, file);
                if (r == 0)
                        r = copy_kit(folder, from[i]);
                if (r < 0)
                        sqi_complain(r, error, size, "cannot copy %s into %s: %s", from[i], place, strerror(-r));
                snprintf(path, sizeof(path), "%s/%s", place, file);
                *sqi_plan_code(plan, i) = sqi_arena_text(plan->memory, path);
                if (!*sqi_plan_code(plan, i))
                        r = sqi_complain(-ENOMEM, error, size, "out of memory");
        }
        if (r == 0 && fsync(components) < 0)
                r = sqi_complain(-errno, error, size, "cannot sync %s: %s", place, strerror(errno));
        close(components);
        return r;
}

int
sqi_submission_fill(const struct sqi_submission *submission, int folder, char *error, size_t size)
{
        struct sqi_plan *plan = submission->plan;
        const char **from = calloc(sqi_plan_codes(plan), sizeof(*from));
        void *bytes = NULL;
        size_t length = 0;
        int r;

        if (!from)
                return sqi_complain(-ENOMEM, error, size, "out of memory");
        for (uint32_t i = 0; i < sqi_plan_codes(plan); i++)
                from[i] = sqi_plan_code(plan, i) ? *sqi_plan_code(plan, i) : NULL;
        r = copy_components(folder, submission->components, plan, from, error, size);
        free(from);
        if (r < 0)
                return r;
        if (sqi_plan_keep_letters(plan, submission->letters) < 0)
                return sqi_complain(-ENOMEM, error, size, "out of memory");
        r = sqi_plan_encode(plan, &bytes, &length);
        if (r == 0)
                r = sqi_sealed_write(folder, "plan", bytes, length);
        free(bytes);
        if (r == 0)
                r = sqi_file_write(folder, "topology.yaml", submission->yaml.ptr, submission->yaml.len);
        if (r == 0)
                r = sqi_record_write(folder, submission->record);
        return r < 0 ? sqi_complain(r, error, size, "cannot write into the state directory: %s", strerror(-r)) : 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "component/elf.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#if defined(__x86_64__)
enum { MACHINE = EM_X86_64 };
#elif defined(__aarch64__)
enum { MACHINE = EM_AARCH64 };
#elif defined(__riscv)
enum { MACHINE = EM_RISCV };
#elif defined(__i386__)
enum { MACHINE = EM_386 };
#elif defined(__arm__)
enum { MACHINE = EM_ARM };
#elif defined(__powerpc64__)
enum { MACHINE = EM_PPC64 };
#elif defined(__s390x__)
enum { MACHINE = EM_S390 };
#else
enum { MACHINE = EM_NONE };
#endif

enum { CLASS = sizeof(void *) == 8 ? ELFCLASS64 : ELFCLASS32 };

static int
refuse(char *error, size_t size, const char *text)
{
        snprintf(error, size, "%s", text);
        return -ENOEXEC;
}

static bool
read_at(int fd, void *into, size_t n, uint64_t offset)
{
        return offset <= INT64_MAX && pread(fd, into, n, (off_t)offset) == (ssize_t)n;
}

static bool
segments_fit(int fd, const ElfW(Ehdr) * header, uint64_t file_size)
{
        ElfW(Phdr) segment;
        uint64_t end;

        if (header->e_phentsize != sizeof(segment) || header->e_phnum == 0)
                return false;
        for (unsigned i = 0; i < header->e_phnum; i++) {
                if (__builtin_add_overflow(header->e_phoff, i * sizeof(segment), &end) ||
                    !read_at(fd, &segment, sizeof(segment), end))
                        return false;
                if (__builtin_add_overflow(segment.p_offset, segment.p_filesz, &end) || end > file_size)
                        return false;
        }
        return true;
}

static int
check(int fd, uint64_t file_size, char *error, size_t size)
{
        ElfW(Ehdr) header;

        if (!read_at(fd, &header, sizeof(header), 0) || memcmp(header.e_ident, ELFMAG, SELFMAG) != 0)
                return refuse(error, size, "not a shared object (build it with cc -shared -fPIC)");
        if (header.e_ident[EI_CLASS] != CLASS || (MACHINE != EM_NONE && header.e_machine != MACHINE))
                return refuse(error, size, "built for another machine (build it again on this one)");
        if (header.e_type != ET_DYN)
                return refuse(error, size,
                              "not a shared object but an object file or a program (build it with cc -shared -fPIC)");
        if (!segments_fit(fd, &header, file_size))
                return refuse(error, size, "the file is damaged or cut short (build it again)");
        return 0;
}

int
sqi_elf_check(const char *path, char *error, size_t size)
{
        struct stat status;
        int fd, r;

        fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        r = fd < 0 || fstat(fd, &status) < 0 ? -errno : 0;
        if (r == 0 && S_ISDIR(status.st_mode))
                r = -EISDIR;
        if (r < 0)
                snprintf(error, size, "can't read it: %s", strerror(-r));
        else if (!S_ISREG(status.st_mode))
                r = refuse(error, size, "not a shared object (build it with cc -shared -fPIC)");
        else
                r = check(fd, (uint64_t)status.st_size, error, size);
        if (fd >= 0)
                close(fd);
        return r;
}

bool
sqi_elf_mentions(const char *path, const char *name)
{
        size_t size = strlen(name) + 1;
        struct stat status = {0};
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        const char *bytes = MAP_FAILED, *end, *at;
        bool found;

        if (fd >= 0 && fstat(fd, &status) == 0 && status.st_size > 0)
                bytes = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (fd >= 0)
                close(fd);
        if (bytes == MAP_FAILED)
                return true;
        end = bytes + status.st_size;
        at = memmem(bytes, (size_t)(end - bytes), name, size);
        while (at && at > bytes && at[-1] != '\0')
                at = memmem(at + 1, (size_t)(end - at) - 1, name, size);
        found = at != NULL;
        munmap((void *)(uintptr_t)bytes, (size_t)status.st_size);
        return found;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A handler may call next to nothing, so all is done with what is async-signal-safe: text in a buffer on the stack,
 * write(), and the tables of symbols read from the ELF files by open() and mmap(). backtrace() is warmed up at install:
 * its first call loads libgcc. The JSON of the tuple calls snprintf(), which is not on the list but does not allocate
 * for what it is given.
 *
 * Names: dladdr() knows exported functions only, and a component's callbacks are static. They are in .symtab unless it
 * was stripped.
 *
 * Lines: addr2line is asked where it is installed, for the frames of components. What says nothing within a second is
 * left alone.
 */
#include "task/crash.h"

#include <dlfcn.h>
#include <elf.h>
#include <execinfo.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tuple/unpack.h"
#include "task/task.h"

enum { STACK_SIZE = 65536, FRAMES_MAX = 40, OWN_FRAMES = 2 };

/* Per thread, and only here: a handler has no argument to find it by. */
static __thread struct sq_task *blamed;

static const struct {
        int number;
        const char *name;
} signals[] = {{SIGSEGV, "SIGSEGV (Segmentation fault)"},
               {SIGBUS, "SIGBUS (Bus error)"},
               {SIGFPE, "SIGFPE (Arithmetic error)"},
               {SIGILL, "SIGILL (Illegal instruction)"},
               {SIGABRT, "SIGABRT (abort() was called)"}};
enum { SIGNALS = sizeof(signals) / sizeof(signals[0]) };

/* The level first, as in every line of a task: who looks at warnings and worse sees a crash. */
#define HEAD "error: crash: "

static void say(const char *format, ...) SQ_PRINTF(1, 2);

static void
say(const char *format, ...)
{
        char line[4096] = HEAD;
        size_t head = sizeof(HEAD) - 1;
        va_list arguments;

        va_start(arguments, format);
        int n = vsnprintf(line + head, sizeof(line) - head - 1, format, arguments);
        va_end(arguments);
        size_t len = head + (n < 0 ? 0 : (size_t)n);
        if (len > sizeof(line) - 2)
                len = sizeof(line) - 2;
        line[len++] = '\n';
        if (write(STDERR_FILENO, line, len) < 0)
                return; /* nobody listens */
}

/* ---- symbols ----------------------------------------------------------------------------------------- */

struct image {
        const uint8_t *bytes;
        size_t size;
};

static bool
map_image(const char *path, struct image *ret)
{
        struct stat about;
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        void *bytes = MAP_FAILED;

        if (fd >= 0 && fstat(fd, &about) == 0 && about.st_size > (off_t)sizeof(Elf64_Ehdr))
                bytes = mmap(NULL, (size_t)about.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (fd >= 0)
                close(fd);
        if (bytes == MAP_FAILED)
                return false;
        *ret = (struct image){bytes, (size_t)about.st_size};
        return true;
}

static const void *
part(const struct image *image, uint64_t offset, uint64_t size)
{
        return offset <= image->size && size <= image->size - offset ? image->bytes + offset : NULL;
}

/* The function of .symtab that holds `address`, relative to where the file is loaded; copied into `name`. */
static bool
find_symbol(const struct image *image, uint64_t address, char *name, size_t size, uint64_t *ret_offset)
{
        const Elf64_Ehdr *head = part(image, 0, sizeof(*head));
        const Elf64_Shdr *sections = head ? part(image, head->e_shoff, (uint64_t)head->e_shnum * sizeof(*sections))
                                          : NULL;

        for (unsigned s = 0; sections && s < head->e_shnum; s++) {
                const Elf64_Shdr *table = &sections[s];
                if (table->sh_type != SHT_SYMTAB || table->sh_link >= head->e_shnum)
                        continue;
                const Elf64_Sym *symbols = part(image, table->sh_offset, table->sh_size);
                const char *texts = part(image, sections[table->sh_link].sh_offset, sections[table->sh_link].sh_size);
                for (size_t i = 0; symbols && texts && i < table->sh_size / sizeof(*symbols); i++) {
                        if (ELF64_ST_TYPE(symbols[i].st_info) != STT_FUNC || address < symbols[i].st_value ||
                            address >= symbols[i].st_value + symbols[i].st_size ||
                            symbols[i].st_name >= sections[table->sh_link].sh_size)
                                continue;
                        snprintf(name, size, "%s", texts + symbols[i].st_name);
                        *ret_offset = address - symbols[i].st_value;
                        return true;
                }
        }
        return false;
}

/* ---- lines ------------------------------------------------------------------------------------------- */

static const char ADDR2LINE[] = "/usr/bin/addr2line";
enum { ANSWER_MS = 1000 };

static _Noreturn void
become_addr2line(int out, const char *file, const char *place)
{
        int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);

        if (dup2(nothing, STDIN_FILENO) >= 0 && dup2(out, STDOUT_FILENO) >= 0 && dup2(nothing, STDERR_FILENO) >= 0)
                execl(ADDR2LINE, ADDR2LINE, "-e", file, place, (char *)NULL);
        _exit(127);
}

/* What comes through the pipe until it ends, at most ANSWER_MS after the last byte. */
static size_t
read_answer(int in, char *text, size_t size)
{
        struct pollfd ready = {.fd = in, .events = POLLIN};
        size_t len = 0;
        ssize_t n;

        while (len + 1 < size && poll(&ready, 1, ANSWER_MS) > 0 && (n = read(in, text + len, size - len - 1)) > 0)
                len += (size_t)n;
        text[len] = '\0';
        return len;
}

/* "file.c:48" of a place in a component. */
static bool
find_line(const char *file, uint64_t place, char *line, size_t size)
{
        size_t len = strlen(file);
        char address[32];
        int ends[2];

        if (len < 3 || strcmp(file + len - 3, ".so") != 0 || access(ADDR2LINE, X_OK) < 0 || pipe2(ends, O_CLOEXEC) < 0)
                return false;
        snprintf(address, sizeof(address), "0x%llx", (unsigned long long)place);
        pid_t child = _Fork(); /* the one that a handler may call */
        if (child == 0)
                become_addr2line(ends[1], file, address);
        close(ends[1]);
        len = child > 0 ? read_answer(ends[0], line, size) : 0;
        close(ends[0]);
        if (child > 0) {
                kill(child, SIGKILL);
                waitpid(child, NULL, 0);
        }
        line[strcspn(line, " \n")] = '\0';
        return len > 0 && line[0] != '?' && line[0] != '\0';
}

/* dladdr() calls the program by argv[0], which a worker has for its title; a library it calls by its path. */
static const char *
file_of(const Dl_info *info, char *path, size_t size)
{
        ssize_t n = info->dli_fname[0] == '/' ? -1 : readlink("/proc/self/exe", path, size - 1);

        if (n <= 0)
                return info->dli_fname;
        path[n] = '\0';
        return path;
}

static void
say_frame(int number, uint64_t address)
{
        char name[256] = "", line[1024] = "", program[1024];
        uint64_t offset = 0;
        struct image image;
        Dl_info info;

        /* NOLINT(performance-no-int-to-ptr) */
        if (!dladdr((const void *)(uintptr_t)address, &info) || !info.dli_fname) {
                say("  %2d  0x%llx", number, (unsigned long long)address);
                return;
        }
        const char *path = file_of(&info, program, sizeof(program));
        const char *slash = strrchr(path, '/');
        uint64_t place = address - (uint64_t)(uintptr_t)info.dli_fbase;
        bool found = false;
        if (map_image(path, &image)) {
                found = find_symbol(&image, place, name, sizeof(name), &offset);
                munmap((void *)(uintptr_t)image.bytes, image.size);
        }
        if (!found && info.dli_sname) {
                snprintf(name, sizeof(name), "%s", info.dli_sname);
                offset = address - (uint64_t)(uintptr_t)info.dli_saddr;
        }
        const char *file = slash ? slash + 1 : path;
        if (name[0] == '\0')
                say("  %2d  %s+0x%llx", number, file, (unsigned long long)place);
        else if (find_line(path, place, line, sizeof(line)))
                say("  %2d  %s  %s+0x%llx  %s", number, file, name, (unsigned long long)offset, line);
        else
                say("  %2d  %s  %s+0x%llx  (addr2line -e %s 0x%llx)", number, file, name, (unsigned long long)offset,
                    path, (unsigned long long)place);
}

/* ---- the report -------------------------------------------------------------------------------------- */

/* As JSON, cut where the line ends. */
static void
say_tuple(const struct sq_tuple *tuple)
{
        const struct sqi_plan_stream *stream = tuple->input->stream;
        char text[3500];
        size_t at = 0;

        for (uint32_t f = 0; f < tuple->slice.n && f < stream->nfields && at < sizeof(text); f++) {
                struct sq_value value = sqi_unpack(tuple->slice.at + tuple->slice.offsets[f],
                                                   tuple->slice.at + tuple->slice.offsets[f + 1]);
                int n = snprintf(text + at, sizeof(text) - at, "%s\"%s\":", f ? "," : "", stream->fields[f].name);
                at += n < 0 ? 0 : (size_t)n;
                if (at < sizeof(text))
                        at += sq_json(value, text + at, sizeof(text) - at);
        }
        text[at < sizeof(text) ? at : sizeof(text) - 1] = '\0';
        say("tuple from \"%s\", stream \"%s\": {%s%s", tuple->input->source, stream->id, text,
            at < sizeof(text) ? "}" : "...");
}

static void
say_task(const struct sq_task *task, const char *signal_name, const void *address)
{
        char name[128];

        say("%s of %s: %s at %p", sqi_task_name(task->plan, task->id, name, sizeof(name)), task->plan->name,
            signal_name, address);
        if (task->bolt.in_execute && task->bolt.tuple)
                say_tuple(task->bolt.tuple);
        else
                say("outside execute: in another callback, or in the runtime");
}

/* An access that the task's owner was waiting for. */
static bool
is_expected(int number, const siginfo_t *info)
{
        const struct sqi_driver *driver = blamed ? blamed->driver : NULL;

        return number == SIGSEGV && info->si_code > 0 && driver && driver->fault &&
               driver->fault(driver->context, blamed, info->si_addr);
}

static void on_crash(int number, siginfo_t *info, void *context);
static const struct sigaction on_signal = {.sa_sigaction = on_crash,
                                           .sa_flags = (int)(SA_SIGINFO | SA_ONSTACK | SA_RESETHAND | SA_NODEFER)};

static void
on_crash(int number, siginfo_t *info, void *context)
{
        struct sq_task *task = blamed;
        void *frames[FRAMES_MAX];
        const char *name = "?";

        (void)context;
        if (is_expected(number, info)) {
                (void)sigaction(number, &on_signal, NULL);
                return;
        }
        blamed = NULL; /* a second fault in here says nothing more */
        for (int s = 0; s < SIGNALS; s++)
                if (signals[s].number == number)
                        name = signals[s].name;
        if (task) {
                say_task(task, name, number == SIGABRT ? NULL : info->si_addr);
                int n = backtrace(frames, FRAMES_MAX);
                for (int i = OWN_FRAMES; i < n; i++)
                        say_frame(i - OWN_FRAMES, (uint64_t)(uintptr_t)frames[i] - (i > OWN_FRAMES ? 1 : 0));
                if (number == SIGABRT)
                        say("an exception of C++ that leaves a callback ends like this: catch it there and return sq_fail()");
        }
        if (number != SIGABRT && info->si_code <= 0)
                raise(number); /* somebody sent it; it would not come again by itself */
}

/* ---- install ----------------------------------------------------------------------------------------- */

void
sqi_crash_install(void)
{
        struct sigaction before;
        void *frame;

        (void)backtrace(&frame, 1);
        for (int s = 0; s < SIGNALS; s++)
                if (sigaction(signals[s].number, NULL, &before) == 0 && before.sa_handler == SIG_DFL)
                        (void)sigaction(signals[s].number, &on_signal, NULL);
}

void *
sqi_crash_thread_begin(void)
{
        stack_t stack = {.ss_sp = malloc(STACK_SIZE), .ss_size = STACK_SIZE};

        if (stack.ss_sp && sigaltstack(&stack, NULL) < 0) {
                free(stack.ss_sp);
                return NULL;
        }
        return stack.ss_sp;
}

void
sqi_crash_thread_end(void *stack)
{
        stack_t none = {.ss_flags = SS_DISABLE};

        blamed = NULL;
        if (stack)
                (void)sigaltstack(&none, NULL);
        free(stack);
}

void
sqi_crash_blame(struct sq_task *task)
{
        blamed = task;
}

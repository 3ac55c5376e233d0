/* SPDX-License-Identifier: Apache-2.0 */
/* Folders to begin with. What is written into them stands in templates/, and is part of the binary. */
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "plan/plan.h"
#include "verb.h"

/* cli/templates/FILE as the text `template_NAME`. */
#define TEMPLATE(name, file) \
        __asm__(".pushsection .rodata\n" \
                ".globl template_" #name "\n.hidden template_" #name "\n" \
                "template_" #name ":\n" \
                ".incbin \"cli/templates/" file "\"\n" \
                ".byte 0\n" \
                ".popsection\n"); \
        extern const char template_##name[] __attribute__((visibility("hidden")))

TEMPLATE(makefile, "Makefile.in");
TEMPLATE(bolt_c, "bolt.c");
TEMPLATE(bolt_test, "bolt.test.yaml");
TEMPLATE(bolt_yaml, "bolt.yaml");
TEMPLATE(spout_c, "spout.c");
TEMPLATE(spout_test, "spout.test.yaml");
TEMPLATE(spout_yaml, "spout.yaml");
TEMPLATE(window_c, "window.c");
TEMPLATE(window_test, "window.test.yaml");
TEMPLATE(window_yaml, "window.yaml");
TEMPLATE(grouping_c, "grouping.c");
TEMPLATE(grouping_yaml, "grouping.yaml");
TEMPLATE(topology_yaml, "topology.yaml");
TEMPLATE(topology_input, "topology.input.txt");

TEMPLATE(shell_makefile, "shell/Makefile.in");
TEMPLATE(shell_bolt_test, "shell/bolt.test.yaml");
TEMPLATE(shell_bolt_yaml, "shell/bolt.yaml");
TEMPLATE(shell_spout_test, "shell/spout.test.yaml");
TEMPLATE(shell_spout_yaml, "shell/spout.yaml");
TEMPLATE(python_library, "shell/multilang.py");
TEMPLATE(python_bolt, "shell/bolt.py");
TEMPLATE(python_spout, "shell/spout.py");
TEMPLATE(javascript_library, "shell/multilang.js");
TEMPLATE(javascript_bolt, "shell/bolt.js");
TEMPLATE(javascript_spout, "shell/spout.js");
TEMPLATE(sh_library, "shell/multilang.sh");
TEMPLATE(sh_bolt, "shell/bolt.sh");
TEMPLATE(sh_spout, "shell/spout.sh");

/* A bolt or spout in another language than C is a program for the component `shell`. */
static const struct language {
        const char *name, *suffix, *run; /* what runs it */
        const char *library, *bolt, *spout;
} languages[] = {
        {"python", "py", "python3", template_python_library, template_python_bolt, template_python_spout},
        {"javascript", "js", "node", template_javascript_library, template_javascript_bolt, template_javascript_spout},
        {"sh", "sh", "sh", template_sh_library, template_sh_bolt, template_sh_spout},
};
enum { LANGUAGES = sizeof(languages) / sizeof(languages[0]) };

struct file {
        const char *kind, *name; /* variables in both name and text: @name@ and the like */
        const char *text;
};
static const struct file files[] = {
        {"bolt", "Makefile", template_makefile},
        {"bolt", "@component@.c", template_bolt_c},
        {"bolt", "@component@.test.yaml", template_bolt_test},
        {"bolt", "@name@.yaml", template_bolt_yaml},
        {"spout", "Makefile", template_makefile},
        {"spout", "@component@.c", template_spout_c},
        {"spout", "@component@.test.yaml", template_spout_test},
        {"spout", "@name@.yaml", template_spout_yaml},
        {"window", "Makefile", template_makefile},
        {"window", "@component@.c", template_window_c},
        {"window", "@component@.test.yaml", template_window_test},
        {"window", "@name@.yaml", template_window_yaml},
        {"grouping", "Makefile", template_makefile},
        {"grouping", "@component@.c", template_grouping_c},
        {"grouping", "@name@.yaml", template_grouping_yaml},
        {"topology", "Makefile", template_makefile},
        {"topology", "@component@.c", template_bolt_c},
        {"topology", "@component@.test.yaml", template_bolt_test},
        {"topology", "@name@.yaml", template_topology_yaml},
        {"topology", "input.txt", template_topology_input},
};
enum { FILES = sizeof(files) / sizeof(files[0]) };

struct placeholder {
        const char *name, *value;
};
enum { VARIABLES = 8 };

static void
expand(FILE *out, const char *text, const struct placeholder *variables)
{
        size_t len, i;

        while (*text != '\0') {
                for (i = 0; i < VARIABLES; i++)
                        if (strncmp(text, variables[i].name, strlen(variables[i].name)) == 0)
                                break;
                len = i < VARIABLES ? strlen(variables[i].name) : 1;
                if (i < VARIABLES)
                        fputs(variables[i].value, out);
                else
                        fputc(*text, out);
                text += len;
        }
}

static int
write_file(const char *folder, const struct file *file, const struct placeholder *variables)
{
        char *path = NULL;
        size_t size;
        FILE *out = open_memstream(&path, &size);
        int status = CLI_DONE;

        if (!out)
                return cli_error(CLI_FAILED, "out of memory");
        fprintf(out, "%s/", folder);
        expand(out, file->name, variables);
        fclose(out);
        out = fopen(path, "wxe");
        if (out)
                expand(out, file->text, variables);
        if (!out || ferror(out) || fclose(out) != 0)
                status = cli_error(CLI_FAILED, "can't write %s: %s", path, strerror(errno));
        free(path);
        return status;
}

/* The source tree or prefix that this binary belongs to; "" where pkg-config finds it anyway. */
static void
find_squall(char ret[PATH_MAX])
{
        char header[PATH_MAX + 32];
        ssize_t n = readlink("/proc/self/exe", ret, PATH_MAX - 1);

        ret[n > 0 ? n : 0] = '\0';
        for (int cuts = 0; cuts < 2 && strrchr(ret, '/'); cuts++)
                *strrchr(ret, '/') = '\0';
        snprintf(header, sizeof(header), "%s/runtime/squall.h", ret);
        if (access(header, R_OK) == 0)
                return;
        snprintf(header, sizeof(header), "%s/include/squall.h", ret);
        if (access(header, R_OK) < 0 || strcmp(ret, "/usr") == 0 || strcmp(ret, "/usr/local") == 0)
                ret[0] = '\0';
}

/* What SQ_BOLT() and the like call the component: what is no letter or digit becomes '_'. It is only a part of names of
 * C, so it may be a word of the language. */
static void
make_ident(const char *component, char *ret, size_t size)
{
        snprintf(ret, size, "%s", component);
        for (; *ret != '\0'; ret++)
                if (!isalnum((unsigned char)*ret))
                        *ret = '_';
}

/* What the component is called in its topology: as it is, or my-NAME where another one has that id there. (Topologies
 * of programs have the same ones.) */
static void
make_id(const char *kind, const char *component, char *ret, size_t size)
{
        char line[SQI_ID_MAX + 8];
        bool taken = false;

        snprintf(line, sizeof(line), "- id: %s\n", component);
        for (size_t i = 0; i < FILES; i++)
                taken = taken || (strcmp(files[i].kind, kind) == 0 && strstr(files[i].text, line));
        snprintf(ret, size, "%s%s", taken ? "my-" : "", component);
}

static int
write_program(const struct language *language, const char *kind, const char *name, const struct placeholder *variables)
{
        bool bolt = strcmp(kind, "bolt") == 0;
        const struct file made[] = {
                {kind, "Makefile", template_shell_makefile},
                {kind, "multilang.@suffix@", language->library},
                {kind, "@component@.@suffix@", bolt ? language->bolt : language->spout},
                {kind, "@component@.test.yaml", bolt ? template_shell_bolt_test : template_shell_spout_test},
                {kind, "@name@.yaml", bolt ? template_shell_bolt_yaml : template_shell_spout_yaml},
        };
        int status = CLI_DONE;

        for (size_t i = 0; i < sizeof(made) / sizeof(made[0]) && status == CLI_DONE; i++)
                status = write_file(name, &made[i], variables);
        return status;
}

static int
write_all(const char *kind, const char *name, const struct language *language)
{
        bool topology = strcmp(kind, "topology") == 0;
        char squall[PATH_MAX], ident[SQI_ID_MAX + 1], id[SQI_ID_MAX + 4];
        const char *component = topology ? "totals" : name;
        const struct placeholder variables[VARIABLES] = {
                {"@name@", name},
                {"@component@", component},
                {"@ident@", ident},
                {"@id@", id},
                {"@squall@", squall},
                {"@suffix@", language ? language->suffix : ""},
                {"@run@", language ? language->run : ""},
                {"@package@", strcmp(kind, "window") == 0 ? "squall-kit" : "squall"}};
        int status = CLI_DONE;

        find_squall(squall);
        make_ident(component, ident, sizeof(ident));
        make_id(kind, component, id, sizeof(id));
        if (language)
                return write_program(language, kind, name, variables);
        for (size_t i = 0; i < FILES && status == CLI_DONE; i++)
                if (strcmp(files[i].kind, kind) == 0)
                        status = write_file(name, &files[i], variables);
        return status;
}

static int
run(const struct cli_args *args)
{
        const char *kind = cli_operand(args, 0), *name = cli_operand(args, 1), *word = cli_text(args, "language");
        const struct language *language = NULL;
        int status;

        for (size_t i = 0; word && i < LANGUAGES; i++)
                if (strcmp(languages[i].name, word) == 0)
                        language = &languages[i];
        if (language && strcmp(kind, "bolt") != 0 && strcmp(kind, "spout") != 0)
                return cli_error(CLI_USAGE, "--language is for a bolt or a spout (the %s is %s)", kind,
                                 strcmp(kind, "topology") == 0 ? "YAML" : "in C");
        if (language && strcmp(name, "multilang") == 0)
                return cli_error(CLI_USAGE, "'multilang' is the library of what is made (take another name)");
        if (strcmp(name, "null") == 0)
                return cli_error(CLI_USAGE, "'null' is no name in YAML, but nothing (take another name)");
        if (!sqi_is_id(name) || !isalpha((unsigned char)name[0]))
                return cli_error(CLI_USAGE,
                                 "'%s' is no name (letters, digits, '_', '-' and '.', at most %d, a letter first)",
                                 name, SQI_ID_MAX);
        if (cli_flag(args, "window") && strcmp(kind, "bolt") != 0)
                return cli_error(CLI_USAGE, "--window makes a bolt: squall new bolt %s --window", name);
        if (cli_flag(args, "window") && language)
                return cli_error(CLI_USAGE, "--window makes a bolt in C (leave --language out)");
        if (mkdir(name, 0777) < 0)
                return cli_error(errno == EEXIST ? CLI_USAGE : CLI_FAILED, "can't make the folder %s: %s%s", name,
                                 strerror(errno), errno == EEXIST ? " (another name, or remove it)" : "");
        status = write_all(cli_flag(args, "window") ? "window" : kind, name, language);
        if (status == CLI_DONE)
                printf("%s: a %s, %s; next: cd %s && make test run\n", name, kind,
                       strcmp(kind, "topology") == 0   ? "a bolt of its own and its tests"
                       : strcmp(kind, "grouping") == 0 ? "and a topology"
                                                       : "its tests and a topology",
                       name);
        return status;
}

SQI_VERB(new) = {
        .about =
                "Make a folder for a new bolt, spout, grouping or topology: it builds, passes its tests and runs as it stands.",
        .details =
                "Writes C source, or a program in another language and a small library for it; a Makefile, tests in YAML "
                "and a topology that runs it.",
        .operands = {{.name = "KIND", .complete = CLI_COMPLETE_CHOICES, .choices = "bolt|spout|grouping|topology"},
                     {.name = "NAME"}},
        .options = {{"language", 0, CLI_TEXT, "LANGUAGE", .complete = CLI_COMPLETE_CHOICES,
                     .choices = "c|python|javascript|sh", .fallback = "c", .help = "of the bolt or the spout"},
                    {.name = "window", .help = "of a bolt: one of windows (SQ_WINDOW): add, merge, emit"}},
        .example = "squall new bolt hello && cd hello && make test run",
        .run = run,
};

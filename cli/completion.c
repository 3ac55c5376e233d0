/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shell completion, made from the tables of the verbs. What a shell has to ask at the time (running topologies,
 * components) it asks `squall`.
 */
#include <stdio.h>
#include <string.h>

#include "verb.h"

/* What stands in a script for a kind of value: shell code that prints the candidates, one a line. */
static const char *
candidates(enum cli_complete complete)
{
        switch (complete) {
        case CLI_COMPLETE_TOPOLOGY:
                return "squall list --names 2>/dev/null";
        case CLI_COMPLETE_COMPONENT:
                return "squall components 2>/dev/null | awk '/^  / { print $1 }'";
        case CLI_COMPLETE_VERB:
                return "squall help | awk '/^  [a-z]/ { print $1 }'";
        default:
                return NULL;
        }
}

static void
print_words(const char *choices)
{
        for (; *choices != '\0'; choices++)
                fputc(*choices == '|' ? ' ' : *choices, stdout);
}

/* One operand or value of an option, as bash or zsh's bashcompinit fills COMPREPLY from. */
static void
bash_value(enum cli_complete complete, const char *choices)
{
        if (choices) {
                fputs("COMPREPLY=($(compgen -W '", stdout);
                print_words(choices);
                fputs("' -- \"$word\"))", stdout);
        } else if (candidates(complete)) {
                printf("COMPREPLY=($(compgen -W \"$(%s)\" -- \"$word\"))", candidates(complete));
        } else if (complete == CLI_COMPLETE_DIRECTORY) {
                fputs("COMPREPLY=($(compgen -d -- \"$word\"))", stdout);
        } else if (complete == CLI_COMPLETE_FILE) {
                fputs("COMPREPLY=($(compgen -f -- \"$word\"))", stdout);
        } else {
                fputs("COMPREPLY=()", stdout);
        }
}

static void
bash_verb(const struct cli_entry *entry)
{
        const struct cli_verb *verb = entry->verb;

        printf("        %s)\n                case $before in\n", entry->name);
        for (size_t i = 0; i < CLI_OPTIONS_MAX && verb->options[i].name; i++) {
                const struct cli_option *option = &verb->options[i];

                if (option->type == CLI_FLAG)
                        continue;
                printf("                --%s", option->name);
                if (option->letter != 0)
                        printf(" | -%c", option->letter);
                fputs(") ", stdout);
                bash_value(option->complete, option->choices);
                fputs("; return ;;\n", stdout);
        }
        fputs("                esac\n                case $word in\n                -*) COMPREPLY=($(compgen -W '--help",
              stdout);
        for (size_t i = 0; i < CLI_OPTIONS_MAX && verb->options[i].name; i++)
                printf(" --%s", verb->options[i].name);
        fputs("' -- \"$word\")); return ;;\n                esac\n                case $place in\n", stdout);
        for (size_t i = 0; i < CLI_OPERANDS_MAX && verb->operands[i].name; i++) {
                if (verb->operands[i].repeated)
                        fputs("                *) ", stdout);
                else
                        printf("                %zu) ", i);
                bash_value(verb->operands[i].complete, verb->operands[i].choices);
                fputs(" ;;\n", stdout);
        }
        fputs("                esac ;;\n", stdout);
}

static void
print_bash(const struct cli_entry *const *verbs, size_t n)
{
        size_t i;

        fputs("# completion of squall for bash; made by `squall completion bash`\n"
              "_squall() {\n"
              "        local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} verb=${COMP_WORDS[1]} place=0 i\n"
              "        compopt -o filenames 2>/dev/null\n"
              "        for ((i = 2; i < COMP_CWORD; i++)); do [[ ${COMP_WORDS[i]} == -* ]] || place=$((place + 1)); done\n"
              "        if [ \"$COMP_CWORD\" = 1 ]; then\n"
              "                COMPREPLY=($(compgen -W '--help --version",
              stdout);
        for (i = 0; i < n; i++)
                if (!verbs[i]->verb->hidden)
                        printf(" %s", verbs[i]->name);
        fputs("' -- \"$word\"))\n                return\n        fi\n        case $verb in\n", stdout);
        for (i = 0; i < n; i++)
                bash_verb(verbs[i]);
        fputs("        esac\n}\ncomplete -F _squall squall\n", stdout);
}

/* In single quotes of zsh or fish. */
static void
print_quoted(const char *text)
{
        fputc('\'', stdout);
        for (; *text != '\0'; text++) {
                if (*text == '\'')
                        fputs("'\\''", stdout);
                else
                        fputc(*text, stdout);
        }
        fputc('\'', stdout);
}

static void
fish_option(const char *verb, const struct cli_option *option)
{
        printf("complete -c squall -n '__fish_seen_subcommand_from %s' -l %s", verb, option->name);
        if (option->letter != 0)
                printf(" -s %c", option->letter);
        fputs(" -d ", stdout);
        print_quoted(option->help);
        if (option->type != CLI_FLAG)
                fputs(option->complete == CLI_COMPLETE_FILE || option->complete == CLI_COMPLETE_DIRECTORY ? " -r -F"
                                                                                                          : " -x",
                      stdout);
        if (option->choices) {
                fputs(" -a '", stdout);
                print_words(option->choices);
                fputc('\'', stdout);
        }
        fputc('\n', stdout);
}

static void
fish_operand(const char *verb, const struct cli_operand *operand)
{
        if (operand->complete == CLI_COMPLETE_FILE || operand->complete == CLI_COMPLETE_DIRECTORY) {
                printf("complete -c squall -n '__fish_seen_subcommand_from %s' -F\n", verb);
                return;
        }
        if (!operand->choices && !candidates(operand->complete))
                return;
        printf("complete -c squall -n '__fish_seen_subcommand_from %s' -a ", verb);
        if (operand->choices) {
                fputc('\'', stdout);
                print_words(operand->choices);
                fputs("'\n", stdout);
        } else {
                fputc('"', stdout);
                fputc('(', stdout);
                for (const char *at = candidates(operand->complete); *at != '\0'; at++)
                        fprintf(stdout, *at == '$' ? "\\%c" : "%c", *at);
                fputs(")\"\n", stdout);
        }
}

static void
print_fish(const struct cli_entry *const *verbs, size_t n)
{
        size_t i, j;

        fputs("# completion of squall for fish; made by `squall completion fish`\ncomplete -c squall -f\n", stdout);
        for (i = 0; i < n; i++) {
                const struct cli_verb *verb = verbs[i]->verb;

                if (verb->hidden)
                        continue;
                printf("complete -c squall -n __fish_use_subcommand -a %s -d ", verbs[i]->name);
                print_quoted(verb->about);
                fputc('\n', stdout);
                for (j = 0; j < CLI_OPTIONS_MAX && verb->options[j].name; j++)
                        fish_option(verbs[i]->name, &verb->options[j]);
                for (j = 0; j < CLI_OPERANDS_MAX && verb->operands[j].name; j++)
                        fish_operand(verbs[i]->name, &verb->operands[j]);
        }
}

static int
run(const struct cli_args *args)
{
        const char *shell = cli_operand(args, 0);
        const struct cli_entry *const *verbs;
        size_t n;

        verbs = cli_verbs(&n);
        if (strcmp(shell, "fish") == 0) {
                print_fish(verbs, n);
                return CLI_DONE;
        }
        if (strcmp(shell, "zsh") == 0)
                fputs("#compdef squall\nautoload -Uz bashcompinit && bashcompinit\n", stdout);
        print_bash(verbs, n);
        return CLI_DONE;
}

SQI_VERB(completion) = {
        .about = "Print the completion of this command for a shell.",
        .details = "bash: . <(squall completion bash), in ~/.bashrc. zsh: the same in ~/.zshrc, after compinit. "
                   "fish: squall completion fish >~/.config/fish/completions/squall.fish",
        .operands = {{.name = "SHELL", .complete = CLI_COMPLETE_CHOICES, .choices = "bash|zsh|fish"}},
        .example = ". <(squall completion bash)",
        .run = run,
};

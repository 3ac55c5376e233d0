/* SPDX-License-Identifier: Apache-2.0 */
#include "rig/compare.h"

#include "rig/values.h"

static int
add_line(struct sqi_texts *lines, char *line)
{
        char **items = line ? reallocarray(lines->items, lines->n + 1, sizeof(*items)) : NULL;

        if (!items) {
                free(line);
                return -ENOMEM;
        }
        lines->items = items;
        items[lines->n++] = line;
        return 0;
}

static void
free_lines(struct sqi_texts *lines)
{
        for (size_t i = 0; i < lines->n; i++)
                free(lines->items[i]);
        free(lines->items);
}

int
sqi_comparison_expect(struct sqi_comparison *comparison, struct sqi_arena *arena, struct sqi_diagnostics *diagnostics,
                      const struct sqi_yaml *tuple, const struct sqi_plan_stream *stream)
{
        struct sq_value values[SQ_FIELDS_MAX];
        bool(*wanted)[SQ_FIELDS_MAX] = reallocarray(comparison->wanted, comparison->expected.n + 1, sizeof(*wanted));

        if (!wanted)
                return -ENOMEM;
        comparison->wanted = wanted;
        int r = sqi_tuple_read(arena, diagnostics, tuple, stream, true, values, wanted[comparison->expected.n]);
        return r < 0 ? r
                     : add_line(&comparison->expected, sqi_tuple_json(stream, values, wanted[comparison->expected.n]));
}

static int
compare_lines(const void *a, const void *b)
{
        return strcmp(*(char *const *)a, *(char *const *)b);
}

int
sqi_comparison_meet(struct sqi_comparison *comparison, const struct sq_rig *rig, uint32_t stream)
{
        int r = 0;

        for (size_t i = 0; i < rig->ncaught && r == 0; i++) {
                size_t n = comparison->got.n;
                if (rig->caught[i].stream != stream)
                        continue;
                r = add_line(&comparison->got, sqi_rig_json(rig, &rig->caught[i],
                                                            n < comparison->expected.n ? comparison->wanted[n] : NULL));
        }
        if (comparison->unordered) {
                qsort(comparison->expected.items, comparison->expected.n, sizeof(char *), compare_lines);
                qsort(comparison->got.items, comparison->got.n, sizeof(char *), compare_lines);
        }
        return r;
}

bool
sqi_comparison_differs(const struct sqi_comparison *comparison)
{
        if (comparison->expected.n != comparison->got.n)
                return true;
        for (size_t i = 0; i < comparison->got.n; i++)
                if (strcmp(comparison->expected.items[i], comparison->got.items[i]) != 0)
                        return true;
        return false;
}

/* The longest common subsequence by the table; beyond some thousand lines only what both begin and end with is looked
 * for. */
enum { TABLE_MAX = 2000 };

static void
print_table(FILE *out, struct sqi_texts a, struct sqi_texts b)
{
        uint16_t *length = a.n <= TABLE_MAX && b.n <= TABLE_MAX ? calloc((a.n + 1) * (b.n + 1), sizeof(*length)) : NULL;
        size_t i, j, width = b.n + 1;

        for (i = a.n; length && i-- > 0;)
                for (j = b.n; j-- > 0;)
                        length[i * width + j] = strcmp(a.items[i], b.items[j]) == 0
                                                        ? (uint16_t)(length[(i + 1) * width + j + 1] + 1)
                                                : length[(i + 1) * width + j] > length[i * width + j + 1]
                                                        ? length[(i + 1) * width + j]
                                                        : length[i * width + j + 1];
        for (i = j = 0; i < a.n || j < b.n;) {
                if (i < a.n && j < b.n && strcmp(a.items[i], b.items[j]) == 0) {
                        fprintf(out, "    %s\n", a.items[i++]);
                        j++;
                } else if (i < a.n && (j == b.n || !length || length[(i + 1) * width + j] >= length[i * width + j + 1]))
                        fprintf(out, "  - %s\n", a.items[i++]);
                else
                        fprintf(out, "  + %s\n", b.items[j++]);
        }
        free(length);
}

void
sqi_comparison_print(FILE *out, const struct sqi_comparison *comparison)
{
        fprintf(out, "  (- expected, + emitted)\n");
        print_table(out, comparison->expected, comparison->got);
}

void
sqi_comparison_release(struct sqi_comparison *comparison)
{
        free_lines(&comparison->expected);
        free_lines(&comparison->got);
        free(comparison->wanted);
}

static struct sqi_texts
split(const char *text)
{
        struct sqi_texts lines = {0};

        while (*text) {
                size_t len = strcspn(text, "\n");
                if (add_line(&lines, strndup(text, len)) < 0)
                        break;
                text += len + (text[len] == '\n');
        }
        return lines;
}

void
sqi_compare_texts(FILE *out, const char *expected, const char *got)
{
        struct sqi_texts a = split(expected), b = split(got);

        fprintf(out, "  (- expected, + found)\n");
        print_table(out, a, b);
        if (strlen(expected) != strlen(got))
                fprintf(out, "  (%zu and %zu bytes)\n", strlen(expected), strlen(got));
        free_lines(&a);
        free_lines(&b);
}

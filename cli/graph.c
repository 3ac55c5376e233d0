/* SPDX-License-Identifier: Apache-2.0 */
/* A topology drawn: as a tree of text from its spouts, for Graphviz, for Mermaid, as JSON. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "topology_file.h"

static const struct sqi_plan_stream *
stream_of(const struct sqi_plan *plan, const struct sqi_plan_edge *edge)
{
        return &plan->components[edge->from].streams[edge->stream];
}

/* "fields word", "errors: shuffle"; to be freed. */
static char *
edge_label(const struct sqi_plan *plan, const struct sqi_plan_edge *edge)
{
        const struct sqi_plan_stream *stream = stream_of(plan, edge);
        char *label = NULL;
        size_t size = 0;
        FILE *out = open_memstream(&label, &size);

        if (!out)
                return NULL;
        if (edge->stream > 0)
                fprintf(out, "%s: ", stream->id);
        fputs(sqi_grouping_name(edge->grouping), out);
        for (uint32_t i = 0; i < edge->nkeys; i++)
                fprintf(out, "%s%s", i == 0 ? " " : ", ", stream->fields[edge->keys[i]].name);
        if (fclose(out) == 0)
                return label;
        free(label);
        return NULL;
}

/* Characters that end a quoted string are replaced by what `escape` has for them. */
static void
print_escaped(const char *text, const char *quote)
{
        for (; text && *text != '\0'; text++)
                if (*text == '"')
                        fputs(quote, stdout);
                else if (*text == '\\')
                        fputs("\\\\", stdout);
                else
                        fputc(*text == '\n' ? ' ' : *text, stdout);
}

/* ---- Text -------------------------------------------------------------------------------------------- */

struct drawing {
        const struct sqi_plan *plan;
        bool *drawn;
        char *indent;
        size_t len;
};

static const char *
file_name(const char *path)
{
        const char *slash = strrchr(path, '/');

        return slash ? slash + 1 : path;
}

static void
print_component(const struct sqi_plan_component *component)
{
        fputs(component->id, stdout);
        if (component->ntasks > 1)
                printf(" x%u", component->ntasks);
        printf("  (%s %s)", sqi_kind_name(component->kind), file_name(component->component));
}

static void draw(struct drawing *drawing, uint32_t component);

static void
draw_edge(struct drawing *drawing, const struct sqi_plan_edge *edge, bool last)
{
        char *label = edge_label(drawing->plan, edge);
        bool again = drawing->drawn[edge->to];
        size_t len = drawing->len;

        printf("%s%s %s -> ", drawing->indent, last ? "`--" : "|--", label ? label : "?");
        free(label);
        if (again) {
                printf("%s  (%s)\n", drawing->plan->components[edge->to].id,
                       edge->feedback ? "back: a cycle" : "above");
                return;
        }
        print_component(&drawing->plan->components[edge->to]);
        fputc('\n', stdout);
        memcpy(drawing->indent + len, last ? "    " : "|   ", 5);
        drawing->len = len + 4;
        draw(drawing, edge->to);
        drawing->indent[len] = '\0';
        drawing->len = len;
}

static void
draw(struct drawing *drawing, uint32_t component)
{
        const struct sqi_plan_edge *edges = drawing->plan->edges, *pending = NULL;

        drawing->drawn[component] = true;
        for (uint32_t i = 0; i < drawing->plan->nedges; i++) {
                if (edges[i].from != component)
                        continue;
                if (pending)
                        draw_edge(drawing, pending, false);
                pending = &edges[i];
        }
        if (pending)
                draw_edge(drawing, pending, true);
}

static int
print_text(const struct sqi_plan *plan)
{
        struct drawing drawing = {.plan = plan};
        char summary[128];

        drawing.drawn = calloc(plan->ncomponents, sizeof(*drawing.drawn));
        drawing.indent = calloc(plan->ncomponents + 2, 4);
        if (!drawing.drawn || !drawing.indent) {
                free(drawing.drawn);
                free(drawing.indent);
                return cli_error(CLI_FAILED, "out of memory");
        }
        printf("%s: %s\n", plan->name, cli_plan_summary(plan, summary, sizeof(summary)));
        for (uint32_t i = 0; i < plan->ncomponents; i++) {
                if (drawing.drawn[i])
                        continue;
                fputc('\n', stdout);
                print_component(&plan->components[i]);
                fputc('\n', stdout);
                draw(&drawing, i);
        }
        free(drawing.drawn);
        free(drawing.indent);
        return CLI_DONE;
}

/* ---- Graphviz, Mermaid, JSON ------------------------------------------------------------------------- */

static int
print_dot(const struct sqi_plan *plan)
{
        const struct sqi_plan_component *component;
        const struct sqi_plan_edge *edge;
        char *label;

        printf("digraph \"%s\" {\n        rankdir=LR;\n        node [fontname=\"sans-serif\"];\n"
               "        edge [fontname=\"sans-serif\"];\n",
               plan->name);
        for (uint32_t i = 0; i < plan->ncomponents; i++) {
                component = &plan->components[i];
                printf("        \"%s\" [shape=%s, label=\"%s", component->id,
                       component->kind == SQ_KIND_BOLT ? "box" : "cds", component->id);
                printf(component->ntasks > 1 ? " x%u\\n(" : "\\n(", component->ntasks);
                print_escaped(file_name(component->component), "\\\"");
                printf(")\"];\n");
        }
        for (uint32_t i = 0; i < plan->nedges; i++) {
                edge = &plan->edges[i];
                label = edge_label(plan, edge);
                printf("        \"%s\" -> \"%s\" [label=\"", plan->components[edge->from].id,
                       plan->components[edge->to].id);
                print_escaped(label, "\\\"");
                printf("\"%s];\n", edge->feedback ? ", style=dashed" : "");
                free(label);
        }
        printf("}\n");
        return CLI_DONE;
}

static int
print_mermaid(const struct sqi_plan *plan)
{
        const struct sqi_plan_component *component;
        const struct sqi_plan_edge *edge;
        char *label;

        printf("flowchart LR\n");
        for (uint32_t i = 0; i < plan->ncomponents; i++) {
                component = &plan->components[i];
                printf("        c%u%s\"%s", i, component->kind == SQ_KIND_BOLT ? "[" : "([", component->id);
                if (component->ntasks > 1)
                        printf(" x%u", component->ntasks);
                printf("<br/>(");
                print_escaped(file_name(component->component), "#quot;");
                printf(")\"%s\n", component->kind == SQ_KIND_BOLT ? "]" : "])");
        }
        for (uint32_t i = 0; i < plan->nedges; i++) {
                edge = &plan->edges[i];
                label = edge_label(plan, edge);
                printf("        c%u %s|\"", edge->from, edge->feedback ? "-.->" : "-->");
                print_escaped(label, "#quot;");
                printf("\"| c%u\n", edge->to);
                free(label);
        }
        return CLI_DONE;
}

static void
json_edge(struct sqi_writer *json, const struct sqi_plan *plan, const struct sqi_plan_edge *edge)
{
        const struct sqi_plan_stream *stream = stream_of(plan, edge);

        sqi_write_map(json, NULL);
        sqi_write_text(json, "from", plan->components[edge->from].id);
        sqi_write_text(json, "to", plan->components[edge->to].id);
        sqi_write_text(json, "stream", stream->id);
        sqi_write_text(json, "grouping", sqi_grouping_name(edge->grouping));
        sqi_write_array(json, "args");
        for (uint32_t i = 0; i < edge->nkeys; i++)
                sqi_write_text(json, NULL, stream->fields[edge->keys[i]].name);
        sqi_write_end(json);
        sqi_write_bool(json, "feedback", edge->feedback);
        sqi_write_end(json);
}

static void
json_component(struct sqi_writer *json, const struct sqi_plan_component *component)
{
        uint32_t i, j;

        sqi_write_map(json, NULL);
        sqi_write_text(json, "id", component->id);
        sqi_write_text(json, "kind", sqi_kind_name(component->kind));
        sqi_write_text(json, "component", component->component);
        sqi_write_uint(json, "tasks", component->ntasks);
        sqi_write_uint(json, "cycle", component->cycle);
        sqi_write_map(json, "streams");
        for (i = 0; i < component->nstreams; i++) {
                sqi_write_array(json, component->streams[i].id);
                for (j = 0; j < component->streams[i].nfields; j++)
                        sqi_write_text(json, NULL, component->streams[i].fields[j].name);
                sqi_write_end(json);
        }
        sqi_write_end(json);
        sqi_write_end(json);
}

static int
print_json(const struct sqi_plan *plan)
{
        struct sqi_writer json = sqi_writer(SQI_JSON);

        sqi_write_map(&json, NULL);
        sqi_write_text(&json, "topology", plan->name);
        sqi_write_text(&json, "delivery", sqi_plan_delivery(plan));
        sqi_write_uint(&json, "tasks", plan->ntasks);
        sqi_write_uint(&json, "workers", plan->nworkers);
        sqi_write_array(&json, "components");
        for (uint32_t i = 0; i < plan->ncomponents; i++)
                json_component(&json, &plan->components[i]);
        sqi_write_end(&json);
        sqi_write_array(&json, "streams");
        for (uint32_t i = 0; i < plan->nedges; i++)
                json_edge(&json, plan, &plan->edges[i]);
        sqi_write_end(&json);
        sqi_write_end(&json);
        cli_json_print(&json);
        return CLI_DONE;
}

static int
run(const struct cli_args *args)
{
        static const struct {
                const char *option;
                int (*print)(const struct sqi_plan *plan);
        } forms[] = {{"json", print_json}, {"dot", print_dot}, {"mermaid", print_mermaid}};
        int (*print)(const struct sqi_plan *plan) = print_text;
        struct sqi_plan *plan = NULL;
        size_t i, chosen = 0;
        int status;

        for (i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
                if (cli_flag(args, forms[i].option)) {
                        print = forms[i].print;
                        chosen++;
                }
        if (chosen > 1)
                return cli_error(CLI_USAGE, "--dot, --mermaid and --json exclude each other (choose one)");
        status = cli_load(args, 0, &plan);
        if (status == 0)
                status = print(plan);
        sqi_plan_free(&plan);
        return status;
}

SQI_VERB(graph) = {
        .about = "Draw a topology: components, streams, groupings.",
        .operands = {{"FILE", .complete = CLI_COMPLETE_FILE}},
        .options = {{"dot", 0, CLI_FLAG, .help = "for Graphviz"},
                    {"mermaid", 0, CLI_FLAG, .help = "for Mermaid, which GitHub and GitLab show"},
                    CLI_OPTION_CONFIG,
                    CLI_OPTION_FLUX,
                    CLI_OPTION_JSON},
        .example = "squall graph --dot topologies/wordcount/wordcount.yaml | dot -Tsvg -o wordcount.svg",
        .run = run,
};

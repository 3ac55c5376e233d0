/* SPDX-License-Identifier: Apache-2.0 */
#include "joins/sides.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* ---- The inputs -------------------------------------------------------------------------------------- */

bool
sqi_join_inputs_declared(const struct sq_declaration *decl, struct sqi_join_inputs *ret)
{
        struct sq_field field;

        ret->n = 0;
        for (unsigned i = 0; i < sq_declared_inputs(decl); i++) {
                struct sqi_join_input *input = &ret->all[i];

                if (i == SQI_SIDES_MAX)
                        return false;
                (void)sq_declared_reading(decl, i, &input->reading);
                for (input->n = 0; (field = sq_declared_input(decl, i, (unsigned)input->n)).name; input->n++)
                        input->fields[input->n] = field;
                ret->n++;
        }
        return true;
}

static void
read_fields(const struct sq_task *task, struct sqi_join_input *input)
{
        struct sq_field field;
        unsigned stream = 0;
        const char *id;

        while ((id = sq_stream_of(task, input->reading.from, stream)) && strcmp(id, input->reading.stream) != 0)
                stream++;
        for (input->n = 0; input->n < SQ_FIELDS_MAX; input->n++) {
                field = sq_field_of(task, input->reading.from, stream, (unsigned)input->n);
                if (!field.name)
                        return;
                input->fields[input->n] = field;
        }
}

void
sqi_join_inputs_prepared(const struct sq_task *task, struct sqi_join_inputs *ret)
{
        struct sq_reading reading;

        ret->n = 0;
        for (unsigned i = 0; ret->n < SQI_SIDES_MAX && sq_reading(task, i, &reading); i++)
                if (strcmp(reading.to, sq_component(task)) == 0) {
                        ret->all[ret->n].reading = reading;
                        read_fields(task, &ret->all[ret->n++]);
                }
}

/* ---- The sides --------------------------------------------------------------------------------------- */

static bool SQ_PRINTF(2, 3) refuse(char *wrong, const char *format, ...)
{
        va_list arguments;

        va_start(arguments, format);
        (void)vsnprintf(wrong, SQI_WRONG_MAX, format, arguments);
        va_end(arguments);
        return false;
}

static void
name_input(const struct sqi_join_input *input, char name[SQI_SIDE_NAME_MAX])
{
        bool other = strcmp(input->reading.stream, "default") != 0;

        (void)snprintf(name, SQI_SIDE_NAME_MAX, "%s%s%s", input->reading.from, other ? ":" : "",
                       other ? input->reading.stream : "");
}

int
sqi_sides_find(const struct sqi_sides *sides, const char *name)
{
        for (unsigned i = 0; i < sides->n; i++)
                if (strcmp(sides->all[i].name, name) == 0)
                        return (int)i;
        return -1;
}

int
sqi_sides_of_input(const struct sqi_sides *sides, unsigned number)
{
        for (unsigned i = 0; i < sides->n; i++)
                if (sides->all[i].number == number)
                        return (int)i;
        return -1;
}

static bool
is_key(const struct sqi_sides *sides, unsigned side, const char *name)
{
        for (size_t k = 0; k < sides->nkeys; k++)
                if (strcmp(sides->all[side].keys[k], name) == 0)
                        return true;
        return false;
}

static bool
has_field(const struct sqi_join_input *input, const char *name)
{
        for (size_t i = 0; i < input->n; i++)
                if (strcmp(input->fields[i].name, name) == 0)
                        return true;
        return false;
}

/* "'orders', 'payments'" */
static const char *
list_inputs(const struct sqi_join_inputs *inputs, char *buffer, size_t size)
{
        char name[SQI_SIDE_NAME_MAX];
        size_t used = 0;

        buffer[0] = '\0';
        for (unsigned i = 0; i < inputs->n && used < size; i++) {
                name_input(&inputs->all[i], name);
                used += (size_t)snprintf(buffer + used, size - used, "%s'%.40s'", i ? ", " : "", name);
        }
        return buffer;
}

/* One more side, without its key. */
static bool
add_side(const struct sqi_join_inputs *inputs, unsigned number, struct sqi_sides *sides, char *wrong)
{
        struct sqi_side *side = &sides->all[sides->n];

        *side = (struct sqi_side){.input = &inputs->all[number], .number = number};
        name_input(side->input, side->name);
        if (sqi_sides_find(sides, side->name) >= 0)
                return refuse(wrong,
                              "the input '%s' comes twice: give one of them a name of its own (the bolt "
                              "`identity`, say, passes it on under another)",
                              side->name);
        sides->n++;
        return true;
}

static bool
add_named(const struct sqi_join_inputs *inputs, const char *wanted, struct sqi_sides *sides, char *wrong)
{
        char name[SQI_SIDE_NAME_MAX], all[SQI_WRONG_MAX];

        for (unsigned i = 0; i < inputs->n; i++) {
                name_input(&inputs->all[i], name);
                if (strcmp(name, wanted) == 0)
                        return add_side(inputs, i, sides, wrong);
        }
        return refuse(wrong, "there is no input '%.40s': they are %s", wanted, list_inputs(inputs, all, sizeof(all)));
}

static bool
add_key(struct sqi_side *side, size_t n, const char *field, char *wrong)
{
        for (size_t i = 0; i < n; i++)
                if (strcmp(side->keys[i], field) == 0)
                        return refuse(wrong, "names the field '%s' of '%s' twice", field, side->name);
        side->keys[n] = field;
        return has_field(side->input, field) ||
               refuse(wrong, "'%s' has no field '%s' (where inputs call it otherwise: by: { INPUT: FIELD, ... })",
                      side->name, field);
}

static bool
read_list(const struct sqi_join_inputs *inputs, const struct sq_nested *by, struct sqi_sides *sides, char *wrong)
{
        for (unsigned i = 0; i < inputs->n; i++) {
                if (!add_side(inputs, i, sides, wrong))
                        return false;
                for (size_t k = 0; k < by->n && k < SQ_FIELDS_MAX; k++)
                        if (!add_key(&sides->all[i], k, by->values[k], wrong))
                                return false;
        }
        sides->nkeys = by->n;
        return true;
}

static bool
read_map(const struct sqi_join_inputs *inputs, const struct sq_nested *by, struct sqi_sides *sides, char *wrong)
{
        char all[SQI_WRONG_MAX];
        size_t n = 0;

        for (size_t i = 0; i < by->n; i++) {
                bool begins = i == 0 || strcmp(by->names[i], by->names[i - 1]) != 0;

                if (begins && sides->n > 0 && sides->n > 1 && n != sides->nkeys)
                        return refuse(wrong, "has %zu fields of '%s' and %zu of '%s'", sides->nkeys, sides->all[0].name,
                                      n, sides->all[sides->n - 1].name);
                if (begins && (sides->n == SQI_SIDES_MAX || !add_named(inputs, by->names[i], sides, wrong)))
                        return false;
                n = begins ? 0 : n;
                if (n == SQ_FIELDS_MAX || !add_key(&sides->all[sides->n - 1], n, by->values[i], wrong))
                        return false;
                n++;
                if (sides->n == 1)
                        sides->nkeys = n;
        }
        if (n != sides->nkeys)
                return refuse(wrong, "has %zu fields of '%s' and %zu of '%s'", sides->nkeys, sides->all[0].name, n,
                              sides->all[sides->n - 1].name);
        if (sides->n < inputs->n)
                return refuse(wrong, "has %u inputs, and there are %s", sides->n,
                              list_inputs(inputs, all, sizeof(all)));
        return true;
}

bool
sqi_sides_read(const struct sqi_join_inputs *inputs, const struct sq_nested *by, struct sqi_sides *ret, char *wrong)
{
        bool listed = by->names == by->values;

        ret->n = 0;
        ret->nkeys = 0;
        if (by->n == 0)
                return refuse(wrong, "must name a field: rows with equal ones are joined");
        if (!(listed ? read_list : read_map)(inputs, by, ret, wrong))
                return false;
        for (unsigned s = 0; s < ret->n; s++) {
                struct sqi_side *side = &ret->all[s];

                for (size_t i = 0; i < side->input->n; i++)
                        if (!is_key(ret, s, side->input->fields[i].name))
                                side->places[side->n++] = (uint8_t)i;
        }
        return true;
}

/* ---- The output -------------------------------------------------------------------------------------- */

/* Is there another thing of that name in the output? */
static bool
clashes(const struct sqi_sides *sides, unsigned side, const char *name, bool windowed)
{
        if (strcmp(name, "input") == 0 || (windowed && (strcmp(name, "start") == 0 || strcmp(name, "end") == 0)))
                return true;
        if (is_key(sides, 0, name))
                return true;
        for (unsigned s = 0; s < sides->n; s++)
                if (s != side && has_field(sides->all[s].input, name) && !is_key(sides, s, name))
                        return true;
        return false;
}

const char *
sqi_sides_name(const struct sqi_sides *sides, unsigned side, size_t i, bool windowed, char *buffer, size_t size)
{
        const struct sqi_side *of = &sides->all[side];
        const char *name = of->input->fields[of->places[i]].name;

        if (!clashes(sides, side, name, windowed))
                return name;
        (void)snprintf(buffer, size, "%s_%s", of->name, name);
        for (char *at = buffer; at < buffer + strlen(of->name) && *at; at++)
                if (!isalnum((unsigned char)*at))
                        *at = '_';
        return buffer;
}

static enum sq_type
key_type(const struct sqi_side *side, size_t key)
{
        for (size_t i = 0; i < side->input->n; i++)
                if (strcmp(side->input->fields[i].name, side->keys[key]) == 0)
                        return side->input->fields[i].type;
        return SQ_ANY;
}

static bool
is_number(enum sq_type type)
{
        return type == SQ_INT || type == SQ_UINT || type == SQ_FLOAT;
}

static bool
may_be_equal(enum sq_type a, enum sq_type b)
{
        a = a == SQ_TEXT ? SQ_STR : a;
        b = b == SQ_TEXT ? SQ_STR : b;
        return a == SQ_ANY || b == SQ_ANY || a == b || (is_number(a) && is_number(b));
}

bool
sqi_sides_key_type(const struct sqi_sides *sides, size_t i, enum sq_type *ret, unsigned *a, unsigned *b)
{
        *ret = key_type(&sides->all[0], i);
        for (*a = 0; *a < sides->n; (*a)++)
                for (*b = *a + 1; *b < sides->n; (*b)++) {
                        if (!may_be_equal(key_type(&sides->all[*a], i), key_type(&sides->all[*b], i)))
                                return false;
                        if (key_type(&sides->all[*b], i) != *ret)
                                *ret = SQ_ANY;
                }
        return true;
}

/* ---- Groupings --------------------------------------------------------------------------------------- */

static bool
is_grouped(const struct sqi_side *side, const char *grouping)
{
        return strcmp(side->input->reading.grouping, grouping) == 0;
}

/* The fields of the key that a side is grouped by, by their places in it. False: by others. */
static bool
grouped_by(const struct sqi_sides *sides, const struct sqi_side *side, size_t *ret_places)
{
        const struct sq_reading *reading = &side->input->reading;
        size_t found = 0;

        for (unsigned i = 0; i < reading->nkeys; i++)
                for (size_t k = 0; k < sides->nkeys; k++)
                        if (strcmp(side->keys[k], reading->keys[i]) == 0)
                                ret_places[found++] = k;
        return is_grouped(side, "fields") && found == reading->nkeys;
}

static const char *
list_keys(const struct sqi_sides *sides, const struct sqi_side *side, char *buffer, size_t size)
{
        size_t used = 0;

        for (size_t k = 0; k < sides->nkeys && used < size; k++)
                used += (size_t)snprintf(buffer + used, size - used, "%s%.40s", k ? ", " : "", side->keys[k]);
        return buffer;
}

bool
sqi_sides_meet(const struct sqi_sides *sides, int table, char *wrong)
{
        size_t first[SQ_FIELDS_MAX] = {0}, places[SQ_FIELDS_MAX] = {0};
        unsigned nfirst = sides->all[0].input->reading.nkeys, globals = 0;
        char keys[SQI_WRONG_MAX / 2];

        for (unsigned s = 0; s < sides->n; s++) {
                if (!sides->all[s].input->reading.grouping || (table == (int)s && is_grouped(&sides->all[s], "all")))
                        return true;
                globals += is_grouped(&sides->all[s], "global");
        }
        for (unsigned s = 0; s < sides->n && globals < sides->n; s++) {
                const struct sqi_side *side = &sides->all[s];
                bool meets = grouped_by(sides, side, places) && side->input->reading.nkeys == nfirst;

                if (s == 0)
                        memcpy(first, places, sizeof(first));
                if (!meets || memcmp(first, places, nfirst * sizeof(*first)) != 0)
                        return refuse(wrong,
                                      "it has several tasks, so rows with one key must come to one: write 'grouping: { "
                                      "type: fields, args: [%s] }' of the input '%.40s', and so for each",
                                      list_keys(sides, side, keys, sizeof(keys)), side->name);
        }
        return true;
}

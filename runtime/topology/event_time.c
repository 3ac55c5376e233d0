/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Event time along the streams. A component that says `event-time` is the beginning of it, for one of its streams;
 * what reads that passes it on in all of its own, but by feedback edges. So for each stream there is a nearest one
 * before it, or none; of several the one whose edge comes first in the file. Where it comes, a component may declare
 * that its own tuples are of another time, sq_declare_until() and the like: that is known once the component has been
 * asked.
 */
#include <stdio.h>
#include <string.h>

#include "base/nearest.h"
#include "topology/model.h"

/* ---- Where it comes ---------------------------------------------------------------------------------- */

/* The name of a stream; a word without text is the default one. */
static const char *
name_of(const struct sqi_word *stream)
{
        return stream->text ? stream->text : "default";
}

static bool
carries(const struct sqi_model_edge *edge)
{
        return edge->source >= 0 && edge->target >= 0 && !edge->feedback;
}

static struct sqi_time_in nearest_before(const struct sqi_model *model, const struct sqi_model_edge *edge);

/* By one of the inputs of a component. */
static struct sqi_time_in
by_input(const struct sqi_model *model, int component, unsigned input)
{
        for (size_t e = 0; e < model->nedges; e++)
                if (model->edges[e].source >= 0 && model->edges[e].target == component && input-- == 0)
                        return carries(&model->edges[e]) ? nearest_before(model, &model->edges[e])
                                                         : (struct sqi_time_in){0};
        return (struct sqi_time_in){0};
}

/* As the component says of the stream; watermarks come to it. */
static struct sqi_time_in
as_declared(const struct sqi_model *model, int component, int stream)
{
        const struct sqi_model_component *source = &model->components[component];
        const struct sqi_declared_stream_time *time = &source->declared->times[stream];
        struct sqi_time_in in = {true, time->field, {.unit = SQI_UNIT_NONE}};

        switch (time->as) {
        case SQI_TIME_PASSED_ON:
                return source->time_in;
        case SQI_TIME_UNTIL:
                in.format.unit = SQI_UNIT_UNTIL;
                return in;
        case SQI_TIME_OF:
                in.format = by_input(model, component, time->input).format;
                return in;
        default:
                return in;
        }
}

/* By the nearest one before whoever reads by the edge. */
static struct sqi_time_in
nearest_before(const struct sqi_model *model, const struct sqi_model_edge *edge)
{
        const struct sqi_model_component *source = &model->components[edge->source];
        const struct sqi_model_time *own = source->event_time;
        int stream = source->declared ? sqi_declared_stream(source->declared, name_of(&edge->stream)) : -1;

        if (own && strcmp(name_of(&own->stream), name_of(&edge->stream)) == 0)
                return (struct sqi_time_in){true, own->field.text, own->it.format};
        return source->time_in.comes && stream >= 0 ? as_declared(model, edge->source, stream) : source->time_in;
}

void
sqi_trace_event_time(struct sqi_model *model)
{
        bool more = true;

        for (size_t i = 0; i < model->ncomponents; i++)
                model->components[i].time_in = (struct sqi_time_in){0};
        while (more) {
                more = false;
                for (size_t e = 0; e < model->nedges; e++) {
                        const struct sqi_model_edge *edge = &model->edges[e];
                        struct sqi_time_in *in = carries(edge) ? &model->components[edge->target].time_in : NULL;

                        if (!in || in->comes)
                                continue;
                        *in = nearest_before(model, edge);
                        more |= in->comes;
                }
        }
}

struct sqi_declared_time
sqi_time_of_input(const struct sqi_model *model, const struct sqi_model_edge *edge, const struct sqi_fields *fields)
{
        struct sqi_time_in time = carries(edge) ? nearest_before(model, edge) : (struct sqi_time_in){0};

        return (struct sqi_declared_time){time.comes,
                                          time.field && sqi_fields_find(fields, time.field) >= 0 ? time.field : NULL};
}

/* ---- Its field --------------------------------------------------------------------------------------- */

/* -1: reported. */
static int
find_stream(struct sqi_model *model, const struct sqi_model_component *component)
{
        const struct sqi_declared *declared = component->declared;
        const struct sqi_model_time *time = component->event_time;
        int stream = sqi_declared_stream(declared, name_of(&time->stream));
        struct sqi_nearest nearest = sqi_nearest(name_of(&time->stream));
        char hint[SQI_HINT_SIZE];

        for (size_t i = 0; stream < 0 && i < declared->nstreams; i++)
                sqi_nearest_offer(&nearest, declared->ids[i]);
        if (stream < 0)
                sqi_model_error(model, time->stream.place, "'%s' has no stream '%.200s'%s",
                                component->id.text ? component->id.text : "?", name_of(&time->stream),
                                sqi_nearest_hint(&nearest, hint));
        return stream;
}

static void
refuse_field(struct sqi_model *model, const struct sqi_model_component *component, const struct sqi_fields *fields)
{
        const struct sqi_model_time *time = component->event_time;
        char hint[SQI_LIST_SIZE];

        sqi_model_error(model, time->field.place, "the stream '%s' of '%s' has no field '%.200s'%s",
                        name_of(&time->stream), component->id.text ? component->id.text : "?", time->field.text,
                        sqi_model_lacks(fields, time->field.text, hint));
}

static void
check_type(struct sqi_model *model, const struct sqi_model_time *time, enum sq_type type)
{
        bool text = type == SQ_STR || type == SQ_TEXT;
        bool number = type == SQ_INT || type == SQ_UINT || type == SQ_FLOAT || text;

        if (type != SQ_TIME && type != SQ_ANY && !number)
                sqi_model_error(model, time->field.place, "the field '%s' is %s, which is not a time", time->field.text,
                                sq_type_name(type));
        else if (type != SQ_TIME && time->it.format.unit == SQI_UNIT_NONE)
                sqi_model_error(
                        model, time->field.place,
                        "the field '%s' is %s, so 'format' must say what a number in it counts (s, ms, us or ns)%s",
                        time->field.text, sq_type_name(type),
                        text ? " or how a date in it is written (iso8601, or as '%d/%b/%Y')" : "");
        else if (number && !text && time->it.format.unit == SQI_UNIT_DATE)
                sqi_model_error(model, time->format.place,
                                "the field '%s' is %s, so 'format' says what a number in it counts: s, ms, us or ns",
                                time->field.text, sq_type_name(type));
        else if (type == SQ_TIME && time->it.format.unit != SQI_UNIT_NONE)
                sqi_model_error(model, time->format.place,
                                "the field '%s' is a time, which has no format (leave it out)", time->field.text);
}

static void
check_component(struct sqi_model *model, const struct sqi_model_component *component)
{
        struct sqi_model_time *time = component->event_time;
        const struct sqi_fields *fields;
        int place, stream;

        if (!component->declared || !time->field.text || (time->stream.place.line > 0 && !time->stream.text))
                return;
        stream = find_stream(model, component);
        if (stream < 0)
                return;
        time->it.stream = (uint32_t)stream;
        fields = component->declared->streams[stream];
        place = sqi_fields_find(fields, time->field.text);
        if (place < 0) {
                refuse_field(model, component, fields);
                return;
        }
        time->it.place = (uint32_t)place;
        if (!time->broken)
                check_type(model, time, fields->items[place].type);
}

static void
place_in(const struct sqi_model *model, struct sqi_model_edge *edge)
{
        const struct sqi_declared *declared = model->components[edge->source].declared;
        struct sqi_time_in time = nearest_before(model, edge);
        int stream = declared && time.comes ? sqi_declared_stream(declared, name_of(&edge->stream)) : -1;
        int place = stream >= 0 && time.field ? sqi_fields_find(declared->streams[stream], time.field) : -1;

        if (place >= 0)
                edge->time = (struct sqi_edge_time){true, (uint8_t)place, time.format};
}

void
sqi_check_event_time(struct sqi_model *model)
{
        for (size_t i = 0; i < model->ncomponents; i++)
                if (model->components[i].event_time)
                        check_component(model, &model->components[i]);
        for (size_t i = 0; i < model->nedges; i++)
                if (model->edges[i].source >= 0)
                        place_in(model, &model->edges[i]);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The plan as bytes: one msgpack array
 *
 *     ["squall-plan", version, name, directory, config, workers, components, edges, tasks, loses]
 *     config     [key, text, key, text, ...], of the keys that are set
 *     component  [id, kind, component, path, tasks, cycle, tick_secs, in, streams, settings]; one with an event time
 *                has one more: [stream, place, unit, out of order, idle], the last two in ns
 *     in         [field, type, field, type, ...]
 *     stream     [id, [field, type, ...]]
 *     setting    [name, shape, [value, ...], [name, ...]]; the last list is empty unless the setting is a map; a nested
 *                map has one more: [key, ...]
 *     edge       [from, stream, to, grouping, keys, in, feedback]; keys and in are lists of places; one whose stream
 *                has an event time has one more: [place, unit]; behind it one of a custom grouping has one more:
 *                [component, path, settings]
 *     tasks      [worker, ...]; the tasks of the first component, of the second, ...
 *     loses      a bool; a plan that was written before there was one ends in front of it
 */
#ifndef SQI_PLAN_CODEC_H
#define SQI_PLAN_CODEC_H

#define SQI_PLAN_MAGIC "squall-plan"
enum {
        SQI_PLAN_VERSION = 1,
        SQI_PLAN_PARTS = 10,
        SQI_PLAN_COMPONENT_PARTS = 10,
        SQI_PLAN_EDGE_PARTS = 7,
        SQI_PLAN_SETTING_PARTS = 4
};

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* The settings of windows (squall-window.h), taken apart. */
#ifndef SQI_WINDOWS_SETTINGS_H
#define SQI_WINDOWS_SETTINGS_H

#include <squall-window.h>

#include "windows/aggregate.h"
#include "windows/rule.h"

/* The rule, complete but for `event_time`. NULL, or what is wrong with *ret_option, a constant. */
const char *sqi_rule_read(const struct sq_windows *windows, struct sqi_rule *ret, const char **ret_option);
/* Says by which time they go. Where `slide` does not divide `size`, windows of event time begin at whole multiples of
 * it, as in Flink, and those by the time of day end there, as they have always done here. */
void sqi_rule_go_by(struct sqi_rule *rule, bool event_time);
/* Do they go by the time of day, whatever is upstream? */
bool sqi_is_by_wall(const struct sq_windows *windows);
/* Has a window a start and an end? */
bool sqi_rule_ends_by_time(const struct sqi_rule *rule);
/* May a window fire more than once? */
bool sqi_rule_refires(const struct sqi_rule *rule);

/* The input fields of the bolt: those of the key, then those of the aggregates, each once. */
struct sqi_columns {
        size_t n;
        struct sq_str names[SQ_FIELDS_MAX];
};

void sqi_columns_of_key(struct sqi_columns *columns, const struct sq_list *by);
/* Reads an aggregate, puts its fields to the columns, and says which they are. False: it is not an aggregate. */
bool sqi_columns_put(struct sqi_columns *columns, const char *text, struct sqi_aggregate *ret);

/* Of all settings that decide what the slots of a key look like; above 0. One of `compute` and `windowed` is NULL. And
 * that together with the fields that a key is of. */
uint64_t sqi_settings_layout(const struct sq_windows *windows, const struct sq_pairs *compute,
                             const struct sq_windowed *windowed, const struct sqi_rule *rule);
uint64_t sqi_settings_layout_by(uint64_t layout, const struct sq_list *by);

#endif

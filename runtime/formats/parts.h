/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SQI_KIT_PARTS_H
#define SQI_KIT_PARTS_H

#include <squall-kit.h>

/* The first member of that name; false, and nil: it has none. */
bool sqi_find(struct sq_value object, struct sq_str name, struct sq_value *ret);

/* What stands at the rest of a path of sq_part(), which is empty or begins with `.` or `[`. */
struct sq_value sqi_part_behind(struct sq_value value, const char *path);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Expressions, for verbs that take one. They are in libsquall-kit.so, which the command does not link: it is loaded
 * from where the components are. The functions are those of squall-kit.h, without their `sq_`. */
#ifndef CLI_KIT_H
#define CLI_KIT_H

#include "squall-kit.h"

struct cli_kit {
        struct sq_exprs *(*exprs_new)(void);
        void (*exprs_free)(struct sq_exprs **exprs);
        void (*exprs_open)(struct sq_exprs *exprs);
        bool (*exprs_field)(struct sq_exprs *exprs, const char *name, enum sq_type type);
        int (*exprs_add)(struct sq_exprs *exprs, const char *text);
        int (*exprs_add_condition)(struct sq_exprs *exprs, const char *text);
        const char *(*exprs_error)(const struct sq_exprs *exprs);
        unsigned (*exprs_nfields)(const struct sq_exprs *exprs);
        struct sq_field (*exprs_used)(const struct sq_exprs *exprs, unsigned field);
        void (*exprs_begin_values)(struct sq_exprs *exprs, const struct sq_value *fields);
        int (*exprs_holds)(struct sq_exprs *exprs, int number);
        char *(*exprs_try)(struct sq_exprs *exprs, int number, struct sq_str json);
        bool (*function)(unsigned number, struct sq_function *ret);
};

/* CLI_DONE, or CLI_FAILED after saying what is missing. */
int cli_kit_load(struct cli_kit *ret);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Expressions within the kit: a tree of nodes that evaluate themselves.
 *
 *     grammar.c    text to nodes, with the types checked
 *     operator.c   what evaluates operators, paths, literals
 *     function.c   what evaluates calls, by the tables of fn_*.c
 *     evaluation.c the cause why there is no value
 *     expr.c       the public face
 *
 * A node's `eval` returns its value. One that fails says so with sqi_wrong(), which keeps the first cause in the run,
 * and returns nil; nobody else looks for it but `??` and who asked for the value.
 */
#ifndef SQI_KIT_EXPR_H
#define SQI_KIT_EXPR_H

#include <squall-kit.h>

enum { SQI_ARGS_MAX = 16 };

/* Memory that is handed out and taken back as a whole. {0} is an empty one. */
struct sqi_chunk;
struct sqi_scratch {
        struct sqi_chunk *first, *last;
        size_t taken;
};

/* Aligned for any value; NULL: no memory, or SQI_SCRATCH_MAX are out. */
#define SQI_SCRATCH_MAX ((size_t)64 << 20)
void *sqi_scratch_take(struct sqi_scratch *scratch, size_t size);
/* Takes all back, and keeps the memory. */
void sqi_scratch_reset(struct sqi_scratch *scratch);
void sqi_scratch_free(struct sqi_scratch *scratch);

/* One evaluation, or several over the same tuple. */
struct sqi_evaluation {
        const struct sq_tuple *in; /* NULL: `fields` are looked at */
        const struct sq_value *fields;
        const struct sq_task *task; /* whose clock it is, or NULL */
        struct sqi_scratch scratch;
        bool failed;
        uint32_t at; /* where in the text what is evaluated now stands */
        uint32_t failed_at;
        char cause[224];
};

struct sqi_node;
typedef struct sq_value sqi_eval(const struct sqi_node *node, struct sqi_evaluation *run);

struct sqi_function;

struct sqi_node {
        sqi_eval *eval;
        uint8_t type;     /* enum sq_type, of all its values but nil; SQ_ANY: not known */
        bool is_constant; /* `value` holds it */
        bool is_quoted;   /* and it is a text in quotes, which is never a number */
        uint16_t field;   /* of the tuple */
        uint16_t nargs;
        uint32_t at; /* offset in the text */
        struct sq_value value;
        const struct sqi_function *function;
        const uint16_t *kinds;   /* of a call: what types each argument may have */
        void *prepared;          /* what was made of constant arguments beforehand, ... */
        struct sqi_node *next;   /* ... and the next one that has such */
        struct sqi_node *args[]; /* nargs of them */
};

/* What an expression may name, and where what is made of it lives. */
struct sqi_scope {
        unsigned nfields, nused;
        bool open; /* any other name is a field, too */
        struct sq_field fields[SQ_FIELDS_MAX];
        uint8_t used[SQ_FIELDS_MAX]; /* the fields that are named, in the order in which they were first */
        struct sqi_evaluation build; /* its scratch holds the nodes and constants */
        struct sqi_node *prepared;   /* all that have such */
};

/* Reads an expression; NULL: what is wrong with it and where stands in `wrong`. */
struct sqi_node *sqi_expr_read(struct sqi_scope *scope, const char *text, char *wrong, size_t size);
/* "column 5: " or "line 2, column 5: ". */
void sqi_place(const char *text, uint32_t at, char *buffer, size_t size);

/* Nil, after it has written down the cause; the first one stays. */
struct sq_value sqi_wrong(struct sqi_evaluation *run, const char *format, ...) SQ_PRINTF(2, 3);
struct sq_value sqi_no_memory(struct sqi_evaluation *run);

/* ---- Values ------------------------------------------------------------------------------------------ */

/* How two values compare: numbers as numbers, and with text that reads as one unless that text is `quoted`. Values of
 * other different types, arrays and maps are unordered. */
enum sq_order sqi_compare(struct sq_value a, struct sq_value b, bool a_quoted, bool b_quoted);
/* The same for equality; arrays and maps are equal when what they hold is. */
bool sqi_equal(struct sq_value a, struct sq_value b, bool a_quoted, bool b_quoted);
/* Whether a text holds the part, an array an equal element, a map an equal key. */
bool sqi_contains(struct sq_value value, struct sq_value part, bool part_quoted);
/* The value of a key, or element `index`, from the end if it is negative; nil when there is none. */
struct sq_value sqi_member(struct sq_value map, struct sq_value key);
struct sq_value sqi_element(struct sq_value array, int64_t index);

/* ---- Operators --------------------------------------------------------------------------------------- */

struct sqi_operator {
        const char *text;
        uint8_t strength; /* how tightly it binds, from 1 */
        uint8_t rule;     /* enum sqi_rule */
        sqi_eval *eval;
};
enum sqi_rule { SQI_LOGIC, SQI_ORDER, SQI_EQUALITY, SQI_CONTAINS, SQI_MATCHES, SQI_IN, SQI_ELSE, SQI_ADD, SQI_DIVIDE };
enum { SQI_STRENGTH_COMPARE = 3, SQI_STRENGTH_ELSE = 4, SQI_STRENGTH_MAX = 6 };

/* The binary operators; one without a text ends the list. Where one begins with another, the longer stands first. */
extern const struct sqi_operator sqi_operators[];

sqi_eval sqi_eval_constant, sqi_eval_field, sqi_eval_if, sqi_eval_not, sqi_eval_minus, sqi_eval_index, sqi_eval_array,
        sqi_eval_map, sqi_eval_call;

/* ---- Functions --------------------------------------------------------------------------------------- */

typedef struct sq_value sqi_call(struct sqi_evaluation *run, const struct sqi_node *node, size_t n,
                                 const struct sq_value *args);

/*
 * A function, and all that its documentation is made of. The signature is what calls are checked by:
 *
 *     substring(text: str, from: int, length: int?) -> str
 *
 * Types: any, null and those of fields, `number` (int or float), `span` (`'5m'` or seconds); `a|b` either; `?` may be
 * left out; `...` may stand again; `-> same`: the type that all arguments have. A null argument makes the result null
 * unless its type is `any` or holds `null`.
 */
struct sqi_function {
        const char *signature, *about;
        const char *example, *result; /* an expression without fields, and its value as JSON */
        sqi_call *call;
        /* Makes node->prepared of constant arguments, in `run`'s scratch; may fail with sqi_wrong(). Or NULL. */
        void (*prepare)(struct sqi_evaluation *run, struct sqi_node *node);
        void (*forget)(void *prepared); /* or NULL */
        bool changes;                   /* from call to call: never a constant */
};

/* Chapters of functions: each list ends with one without a signature. */
struct sqi_chapter {
        const char *title;
        const struct sqi_function *functions;
};
extern const struct sqi_chapter sqi_chapters[];
extern const struct sqi_function sqi_text_functions[], sqi_number_functions[], sqi_list_functions[],
        sqi_type_functions[], sqi_time_functions[], sqi_net_functions[];

/* NULL: there is none. */
const struct sqi_function *sqi_function_find(const char *name, size_t len);
/* Checks the arguments of a call by their types; sets the node's type, and kinds[nargs]. False: what is wrong, and
 * where in the text. */
bool sqi_function_check(struct sqi_node *node, uint16_t *kinds, char *wrong, size_t size, uint32_t *ret_at);
void sqi_forget(struct sqi_node *node);

#endif

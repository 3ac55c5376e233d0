/* SPDX-License-Identifier: Apache-2.0 */
/* The maps and arrays of a key, as a component sees them: owned.h, without errors. */
#include "task/task.h"

static const char *const kinds[] = {"map", "array"};
enum { MAP, ARRAY };

/* By contract nothing here is NULL. A task without memory cannot go on: its worker is restarted. */
static void *
must(struct sq_task *task, void *memory)
{
        if (memory)
                return memory;
        sq_log(task, SQ_ERROR, "out of memory for keyed state");
        abort();
}

/* What is known only as a caller's mistake cannot be gone on from: there is no memory to hand out. */
static void
refuse(struct sq_task *task, const char *what, unsigned number)
{
        sq_log(task, SQ_ERROR, "%s %u of a key: the %s", what, number,
               "state is not what sq_keyed() handed out, or the number was used otherwise before");
        abort();
}

static struct sqi_owned *
owned_of(struct sq_task *task)
{
        return task->instance.keyed ? must(task, sqi_keyed_owned(task->instance.keyed)) : NULL;
}

/* NULL: there is none. */
static struct sqi_part *
find_part(struct sq_task *task, const void *state, int kind, unsigned number)
{
        struct sqi_part **parts = task->instance.keyed ? sqi_keyed_parts(task->instance.keyed, state) : NULL;
        struct sqi_part *part;

        if (!parts)
                refuse(task, kinds[kind], number);
        part = sqi_part_find(*parts, number);
        if (part && part->nblocks > 0 && (part->element > 0) != (kind == ARRAY))
                refuse(task, kinds[kind], number);
        return part;
}

/* The same, to change it. */
static struct sqi_part *
change_part(struct sq_task *task, const void *state, int kind, unsigned number)
{
        struct sqi_part *part = find_part(task, state, kind, number);

        sqi_keyed_touch(task->instance.keyed, state);
        return part;
}

static struct sqi_part *
get_part(struct sq_task *task, const void *state, int kind, unsigned number)
{
        struct sqi_part *part = change_part(task, state, kind, number);

        return part ? part : must(task, sqi_part_get(sqi_keyed_parts(task->instance.keyed, state), number));
}

/* ---- Maps -------------------------------------------------------------------------------------------- */

void *
sq_map_at(struct sq_task *task, const void *state, unsigned map, struct sq_str key, size_t size)
{
        struct sqi_part *part = get_part(task, state, MAP, map);

        return must(task, sqi_block_get(owned_of(task), part, key, size));
}

const void *
sq_map_peek(struct sq_task *task, const void *state, unsigned map, struct sq_str key, size_t *ret_size)
{
        struct sqi_part *part = find_part(task, state, MAP, map);
        struct sqi_block *block = part ? sqi_block_find(owned_of(task), part, key) : NULL;

        if (!block)
                return NULL;
        *ret_size = block->size;
        return sqi_block_bytes(block);
}

void
sq_map_forget(struct sq_task *task, const void *state, unsigned map, struct sq_str key)
{
        struct sqi_part *part = change_part(task, state, MAP, map);
        struct sqi_block *block = part ? sqi_block_find(owned_of(task), part, key) : NULL;

        if (block)
                sqi_block_forget(owned_of(task), block);
}

size_t
sq_map_count(struct sq_task *task, const void *state, unsigned map)
{
        const struct sqi_part *part = find_part(task, state, MAP, map);

        return part ? part->nblocks : 0;
}

void
sq_map_each(struct sq_task *task, const void *state, unsigned map, sq_visit_map *visit, void *context)
{
        const struct sqi_part *part = change_part(task, state, MAP, map);
        struct sqi_block *next = part ? part->first : NULL;

        while (next) {
                struct sqi_block *block = next;
                next = block->next;
                if (!visit(task, (struct sq_str){(const char *)block->key, block->len}, sqi_block_bytes(block),
                           block->size, context))
                        return;
        }
}

/* ---- Arrays ------------------------------------------------------------------------------------------ */

void *
sq_array_push(struct sq_task *task, const void *state, unsigned array, size_t size)
{
        struct sqi_part *part = get_part(task, state, ARRAY, array);

        if (size == 0 || (part->element > 0 && part->element != size))
                refuse(task, kinds[ARRAY], array);
        return must(task, sqi_array_push(owned_of(task), part, size));
}

void *
sq_array_at(struct sq_task *task, const void *state, unsigned array, size_t index)
{
        struct sqi_part *part = change_part(task, state, ARRAY, array);

        return part ? sqi_array_at(owned_of(task), part, index) : NULL;
}

size_t
sq_array_count(struct sq_task *task, const void *state, unsigned array)
{
        const struct sqi_part *part = find_part(task, state, ARRAY, array);

        return part ? part->end - part->begin : 0;
}

void
sq_array_drop(struct sq_task *task, const void *state, unsigned array, size_t n)
{
        struct sqi_part *part = change_part(task, state, ARRAY, array);

        if (part)
                sqi_array_drop(owned_of(task), part, n);
}

# SPDX-License-Identifier: Apache-2.0
"""The fields grouping as docs/wire.md has it: which of a reader's tasks gets the values. Needs xxhash."""
import functools
import xxhash

SLOTS = 4096


@functools.lru_cache
def owners(tasks):
    """Of each slot: the task. Each that joins takes what those before it have above their new share."""
    table, shares = [0] * SLOTS, [SLOTS]
    for n in range(2, tasks + 1):
        larger, keeps = SLOTS % n, []
        for had in shares:
            more = larger > 0 and had > SLOTS // n
            larger -= more
            keeps.append(SLOTS // n + more)
        for slot, owner in enumerate(table):
            if shares[owner] > keeps[owner]:
                shares[owner] -= 1
                table[slot] = n - 1
                keeps += [SLOTS] * (len(keeps) < n)
                shares += [0] * (len(shares) < n)
        shares = [table.count(task) for task in range(n)]
    return table


def owner(packed, tasks):
    """`packed`: the values of the key fields in msgpack, in order."""
    key = 0
    for each in packed:
        key = xxhash.xxh3_64_intdigest(each, key)
    return owners(tasks)[key >> 52]

# SPDX-License-Identifier: Apache-2.0
"""The bolts `dedupe` and `reorder` by docs/guide.md and docs/time.md alone."""
import math

from rig import Case


class Dedupe:
    """A tuple is a duplicate when one of its key that went out is less than `within` before or behind it."""

    def __init__(self, within):
        self.within, self.now, self.passed, self.out, self.late = within, -math.inf, {}, [], []

    def add(self, row):
        remembered = [at for at in self.passed.get(row["k"], []) if at + self.within > self.now]
        if any(abs(at - row["at"]) < self.within for at in remembered):
            return
        if row["at"] < self.now:
            self.late.append(row)
            return
        self.passed[row["k"]] = remembered + [row["at"]]
        self.out.append(row)

    def time(self, now):
        self.now = max(self.now, now)


class Reorder:
    """Each tuple is held until the watermark has come to its time."""

    def __init__(self, by):
        self.by, self.now, self.held, self.out, self.late = by, -math.inf, [], [], []

    def add(self, row):
        if row["at"] < self.now:
            self.late.append(row)
            return
        self.held.append(row)
        self.time(self.now)

    def time(self, now):
        self.now = max(self.now, now)
        self.out += sorted((row for row in self.held if row["at"] <= self.now), key=lambda row: row["at"])
        self.held = [row for row in self.held if row["at"] > self.now]


BASES = [0, 1, -3000, 1704067200000, -9000000000000, 9000000000000]


def make(random):
    within, by = random.randrange(1, 40), random.random() < 0.5
    model = random.choice([Dedupe(within), Reorder(by)])
    bolt = (f"component: dedupe, config: {{ topology.delivery: exactly-once }}, properties: {{ by: [k], within: {within}ms }}"
            if isinstance(model, Dedupe) else "component: reorder" + ", properties: { by: [k] }" * by)
    case = Case(f"{{{bolt}, event-time: at, inputs: {{a: [k, n, at], b: [k, n, at]}}}}", ["a", "b"])
    case.ordered = isinstance(model, Reorder) and not by  # of one time between keys nothing is promised
    numbers = iter(range(10**6))

    def put(source, at):
        row = {"k": random.randrange(3), "n": next(numbers), "at": at}
        if random.random() < 0.03:
            case.execute(source, row | {"at": random.choice([None, False, "noon"])})  # left out, and moves nothing
        case.execute(source, row)
        model.add(row)

    def expect():
        case.expect("-", model.out)
        case.expect("late", model.late)
        model.out, model.late = [], []

    case.play(random, random.choice(BASES), put, model.time, expect)
    return case

# SPDX-License-Identifier: Apache-2.0
"""The bolt `join` by docs/joins.md and docs/time.md alone: every row is kept, and all of them are looked at whenever a
row comes or the time has come further."""
import itertools
import math

from rig import END, Case


class Row:
    def __init__(self, side, key, at, fields):
        self.side, self.key, self.at, self.fields = side, key, at, fields
        self.met = self.told = False


class Joins:
    """Times are ms. `rules`: sides, type; size, slide, offset or gap or between; lateness, stamp."""

    def __init__(self, rules):
        self.rules, self.now, self.rows, self.out = rules, -math.inf, [], {"-": [], "unmatched": [], "late": []}

    # What goes out

    def line(self, stream, key, rows, window=None, lone=None):
        """`rows`: one a side, or None."""
        sides, line = self.rules["sides"], {"k": key}
        if "between" not in self.rules:
            line |= {"start": window and window[0], "end": window and window[1]}
        elif self.rules.get("stamp"):
            line["met"] = max(row.at for row in rows if row)
        for side, row in zip(sides, rows):
            line |= {f"{side}_{name}": row.fields[name] if row else None for name in ("v", "at")}
        self.out[stream].append(line | ({"input": lone.side} if lone else {}))

    def lone(self, stream, row, window=None):
        self.line(stream, row.key, [row if row.side == side else None for side in self.rules["sides"]], window, row)

    # Windows

    def windows_of(self, at):
        rules, ends = self.rules, []
        start = (at - rules["offset"]) // rules["slide"] * rules["slide"] + rules["offset"]
        while start + rules["size"] > at:
            ends.append((start, start + rules["size"]))
            start -= rules["slide"]
        return ends

    def end_window(self, key, window, rows):
        sides, kind = self.rules["sides"], self.rules["type"]
        each = [[row for row in rows if row.side == side] for side in sides]
        if all(each) or (kind == "left" and each[0]) or kind == "full":
            for together in itertools.product(*(one or [None] for one in each)):
                self.line("-", key, together, window)
        else:
            for row in rows:
                self.lone("unmatched", row, window)

    def end_windows(self, before):
        ended = {}
        for row in self.rows:
            for window in self.windows_of(row.at):
                if before < window[1] <= self.now:
                    ended.setdefault((row.key, window), []).append(row)
        for (key, window), rows in ended.items():
            self.end_window(key, window, rows)

    # Sessions

    def sessions(self):
        """What lies between two gaps: (key, start, end, rows)."""
        for key in {row.key for row in self.rows}:
            rows = sorted((row for row in self.rows if row.key == key and not row.told), key=lambda row: row.at)
            while rows:
                n = 1
                while n < len(rows) and rows[n].at - rows[n - 1].at <= self.rules["gap"]:
                    n += 1
                yield key, rows[0].at, rows[n - 1].at + self.rules["gap"], rows[:n]
                rows = rows[n:]

    def end_sessions(self):
        for key, start, end, rows in list(self.sessions()):
            if end <= self.now:
                self.end_window(key, (start, end), rows)
                for row in rows:
                    row.told = True

    # Intervals

    def near(self, one, other):
        first, second = (one, other) if one.side == self.rules["sides"][0] else (other, one)
        low, high = self.rules["between"]
        return first.side != second.side and first.key == second.key and low <= second.at - first.at <= high

    def meet(self, row):
        for other in self.rows:
            if other is not row and self.near(row, other):
                row.met = other.met = True
                self.line("-", row.key, [row, other] if row.side == self.rules["sides"][0] else [other, row])

    def end_intervals(self):
        low, high = self.rules["between"]
        for row in self.rows:
            first = row.side == self.rules["sides"][0]
            if row.told or row.met or row.at + (high if first else -low) >= self.now:
                continue
            row.told = True
            if self.rules["type"] == "full" or (self.rules["type"] == "left" and first):
                self.line("-", row.key, [row, None] if first else [None, row])
            else:
                self.lone("unmatched", row)

    # All

    def is_late(self, row):
        if "between" in self.rules:
            return row.at < self.now
        if "gap" in self.rules:
            near = any(abs(row.at - other.at) <= self.rules["gap"] for other in self.rows
                       if other.key == row.key and not other.told)
            return row.at + self.rules["gap"] <= self.now and not near
        return all(end <= self.now for _, end in self.windows_of(row.at))

    def add(self, row):
        if self.is_late(row):
            self.lone("late", row)
            return
        self.rows.append(row)
        if "between" in self.rules:
            self.meet(row)
            self.end_intervals()

    def time(self, watermark):
        """Everything waits for as long as the lateness."""
        before, self.now = self.now, max(self.now, watermark - self.rules["lateness"])
        if self.now <= before:
            return
        if "between" in self.rules:
            self.end_intervals()
        elif "gap" in self.rules:
            self.end_sessions()
        else:
            self.end_windows(before)


# ---- Cases ----------------------------------------------------------------------------------------------------------

BASES = [0, 1, -3000, 1704067200000, -9000000000000, 9000000000000]


def rules_of(random):
    kind = random.choice(["tumbling", "sliding", "session", "interval"])
    rules = {"type": random.choice(["inner", "left", "full"]), "lateness": random.choice([0, 0, random.randrange(20)])}
    rules["sides"] = ["a", "b"] if kind == "interval" or random.random() < 0.5 else ["a", "b", "c"]
    if kind == "interval":
        low = random.randrange(-15, 15)
        rules |= {"between": (low, low + random.randrange(20)), "stamp": random.random() < 0.5}
    elif kind == "session":
        rules["gap"] = random.randrange(1, 11)
    else:
        size = random.randrange(1, 31)
        rules |= {"size": size, "slide": size if kind == "tumbling" else random.randrange(1, size + 1)}
        rules["offset"] = random.choice([0, random.randrange(-9, 9)])
    return rules


def settings(rules):
    if "between" in rules:
        text = "between: [{}ms, {}ms]".format(*rules["between"]) + (", stamp: met" if rules["stamp"] else "")
    elif "gap" in rules:
        text = f"gap: {rules['gap']}ms"
    else:
        text = ", ".join(f"{name}: {rules[name]}ms" for name in ("size", "slide", "offset"))
    return text + f", lateness: {rules['lateness']}ms" * (rules["lateness"] > 0)


KEYS = [(1, 1.0), ("1",), (2, 2.0), (2**53 + 1,), (None,)]


def make(random):
    rules = rules_of(random)
    inputs = ", ".join(f"{side}: [{', '.join(random.sample(['k', 'v', 'at'], 3))}]" for side in rules["sides"])
    case = Case(f"{{component: join, event-time: at, properties: {{ {settings(rules)}, by: k, type: {rules['type']} }}, "
                f"inputs: {{{inputs}}}}}", rules["sides"])
    model, keys = Joins(rules), random.sample(KEYS, 2)

    def put(source, at):
        key = random.randrange(2)
        fields = {"k": random.choice(keys[key]), "at": at,
                  "v": random.choice([None, random.randrange(100), "x", 0.5, 2**63, "a longer text"])}
        if random.random() < 0.03:
            case.execute(source, fields | {"at": random.choice([None, True, "noon"])})  # left out, and moves nothing
        case.execute(source, fields)
        model.add(Row(source, keys[key][0], at, fields))

    def expect():
        for stream, lines in model.out.items():
            case.expect(stream, lines)
            model.out[stream] = []

    case.play(random, random.choice(BASES), put, model.time, expect)
    return case

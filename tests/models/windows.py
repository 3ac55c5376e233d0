# SPDX-License-Identifier: Apache-2.0
"""The bolt `window` by docs/windows.md and docs/time.md alone: each window with the tuples that are in it, all of them
looked at whenever a tuple comes or the time has come further. See `run` for how to call it."""
import math
from fractions import Fraction

from rig import END, NAN, Case, is_number

NUMBERS = ("sum", "avg", "min", "max", "stddev")


def total(values):
    floats = [v for v in values if isinstance(v, float)]
    whole = sum(v for v in values if isinstance(v, int))
    if floats or not -2**63 <= whole < 2**64:
        return float(whole) + math.fsum(floats)
    return whole


class Near(float):
    """A float that rounding may have moved."""


def deviation(values):
    if len(values) < 2:
        return None
    exact = [Fraction(v) for v in values]
    mean = sum(exact) / len(exact)
    squares = sum((v - mean) ** 2 for v in exact) / (len(exact) - 1)
    if squares > Fraction(1.7e308):
        return None  # it is beyond all doubles, which JSON does not have
    scale = max(1, max(abs(v) for v in exact))
    near = Near(math.sqrt(squares / scale ** 2) * float(scale))
    near.within = float(scale) * 1e-7
    return near


def same_value(value):
    """Numbers are the same that have the same value; a text is never a number."""
    return ("n", Fraction(value)) if is_number(value) else ("t", repr(value))


def top(values, most):
    times = {}
    for value in values:
        times.setdefault(same_value(value), [value, 0])[1] += 1
    return [{"value": v, "count": n} for v, n in sorted(times.values(), key=lambda e: (-e[1], e[0]))[:most]]


def quantile(values, q):
    ordered = sorted(float(v) for v in values)
    near = Near(ordered[max(0, math.ceil(Fraction(q) * len(ordered) / 100) - 1)])
    whole = near.is_integer() and abs(near) <= 2048
    near.within = 0 if whole else abs(near) / 1000
    return near


def compute(what, rows):
    """`rows`: those of the window, as `collect` has them; each has `at` and its fields."""
    name, *fields = what.split()
    if not fields:
        return len(rows)
    rows = [row for row in rows if row[fields[0]] is not None]
    values = [row[fields[0]] for row in rows]
    if name in ("min_by", "max_by"):
        rows = [row for row in rows if row[fields[1]] is not None]
        if not rows:
            return None
        best = (min if name == "min_by" else max)(row[fields[1]] for row in rows)
        return next(row[fields[0]] for row in rows if row[fields[1]] == best)
    if name == "count":
        return len(values)
    if name == "collect":
        return values
    if name == "distinct":
        return len({same_value(v) for v in values})
    if name.startswith("top"):
        return top(values, int(name[3:]))
    if not values:
        return None
    if name == "first":
        at = min(row["at"] for row in rows)
        return next(row[fields[0]] for row in rows if row["at"] == at)
    if name == "last":
        at = max(row["at"] for row in rows)
        return [row[fields[0]] for row in rows if row["at"] == at][-1]
    if name == "sum":
        return total(values)
    if name == "avg":
        floats = math.fsum(v for v in values if isinstance(v, float))
        return (float(sum(v for v in values if isinstance(v, int))) + floats) / len(values)
    if name == "stddev":
        return deviation(values)
    if name in ("min", "max"):
        return (min if name == "min" else max)(values)
    return quantile(values, name[1:])


class Window:
    def __init__(self, start, end):
        self.start, self.end, self.rows, self.fresh = start, end, [], 0


class Windows:
    """Times are ms. `rules`: size, slide, offset, gap, tuples, tuples_slide, lateness, early, discard."""

    def __init__(self, rules):
        self.rules, self.now = rules, -math.inf
        self.windows, self.seen, self.out, self.late = {}, {}, [], []

    def fire(self, key, window, firing):
        window.fresh = 0
        self.out.append((key, window.start, window.end, self.collected(window.rows), firing))
        if self.rules.get("discard"):
            window.rows = []

    def collected(self, rows):
        """By time of their panes, and within them by arrival."""
        pane = self.pane()
        return sorted(rows, key=lambda row: (row["at"] - self.rules.get("offset", 0)) // pane) if pane else list(rows)

    def pane(self):
        rules = self.rules
        if "size" not in rules or rules.get("early") or (rules.get("discard") and rules.get("lateness")):
            return 0
        return math.gcd(rules["size"], rules["slide"])

    def of(self, at):
        rules = self.rules
        start = (at - rules.get("offset", 0)) // rules["slide"] * rules["slide"] + rules.get("offset", 0)
        while start + rules["size"] > at:
            yield start, start + rules["size"]
            start -= rules["slide"]

    def add(self, key, row):
        if "tuples" in self.rules:
            self.add_tuple(key, row)
        elif "gap" in self.rules:
            self.add_to_session(key, row)
        else:
            self.add_to_windows(key, row)

    def add_tuple(self, key, row):
        size, slide = self.rules["tuples"], self.rules["tuples_slide"]
        seen = self.seen.setdefault(key, [])
        seen.append(row | {"at": len(seen)})  # first and last go by arrival
        if len(seen) % slide == 0:
            self.out.append((key, None, None, seen[max(0, len(seen) - size):], None))

    def end_tuples(self):
        """At the end the window that is under way goes out."""
        size, slide = self.rules["tuples"], self.rules["tuples_slide"]
        for key, seen in self.seen.items():
            end = -(-len(seen) // slide) * slide
            if len(seen) % slide and seen[max(0, end - size):]:
                self.out.append((key, None, None, seen[max(0, end - size):], None))

    def put(self, key, window, row):
        window.rows.append(row)
        window.fresh += 1
        if window.end <= self.now:
            self.fire(key, window, "late")
        elif self.rules.get("early") and window.fresh >= self.rules["early"]:
            self.fire(key, window, "early")

    def is_past(self, end):
        return end + self.rules.get("lateness", 0) <= self.now

    def add_to_windows(self, key, row):
        taken = False
        for start, end in sorted(self.of(row["at"])):
            if self.is_past(end):
                continue
            taken = True
            window = self.windows.setdefault((key, start), Window(start, end))
            self.put(key, window, row)
        if not taken:
            self.late.append(row)

    def add_to_session(self, key, row):
        start, end = row["at"], row["at"] + self.rules["gap"]
        joins = sorted((w for (k, _), w in self.windows.items() if k == key and w.start <= end and w.end >= start
                        and not self.is_past(w.end)), key=lambda w: w.start)
        if not joins and self.is_past(end):
            self.late.append(row)
            return
        made = Window(min([start] + [w.start for w in joins]), max([end] + [w.end for w in joins]))
        for window in joins:
            made.rows += window.rows
            made.fresh += window.fresh
            del self.windows[key, window.start]
        self.windows[key, made.start] = made
        self.put(key, made, row)

    def time(self, now):
        """The watermark has come to `now`."""
        if now <= self.now:
            return
        before, self.now = self.now, now
        if now == END and "tuples" in self.rules:
            self.end_tuples()
        for (key, _), window in sorted(self.windows.items(), key=lambda e: e[1].end):
            if before < window.end <= now and window.rows:
                self.fire(key, window, "on-time")
        self.windows = {k: w for k, w in self.windows.items() if not self.is_past(w.end)}


# ---- Cases ----------------------------------------------------------------------------------------------------------

AGGREGATES = ["count", "count v", "sum v", "avg v", "min v", "max v", "stddev v", "p50 v", "p90 v", "distinct v", "distinct t",
              "top2 t", "first v", "first t", "last t", "last v", "min_by t v", "max_by t v", "min_by v v", "collect t",
              "collect v"]
BASES = [0, 1, -3000, 1704067200000, -9000000000000, 9000000000000]
NUMBER_RANGES = ["few", "mixed", "floats", "large", "wide"]


def number(random, kind):
    if random.random() < 0.15:
        return None
    if kind == "few":
        return random.randrange(4)
    if kind == "mixed":
        return random.choice([random.randrange(5), float(random.randrange(5)), random.randrange(-8, 8) / 4])
    if kind == "floats":
        return random.randrange(-4000, 4000) / 8
    if kind == "large":
        return random.choice([2**63 - 1, 2**64 - 1, -2**63, 2**53, 2**53 + 1, random.randrange(2**64), 1])
    return random.choice([1e200, -1e200, 1e-200, 1e200, 0, 1.5])


def rules_of(random):
    rules, kind = {}, random.randrange(4)
    if kind == 3:
        rules["tuples"] = random.randrange(1, 13)
        rules["tuples_slide"] = random.choice([rules["tuples"], random.randrange(1, rules["tuples"] + 1)])
        return rules
    if kind == 2:
        rules["gap"] = random.randrange(1, 12)
    else:
        rules["slide"] = random.randrange(1, 6)
        rules["size"] = rules["slide"] * random.choice([1, 2, 8, 12, 30]) if random.random() < 0.6 else rules["slide"] + random.randrange(8)
        if kind == 0:
            rules["slide"] = rules["size"]
        if random.random() < 0.3:
            rules["offset"] = random.randrange(-9, 9)
    if random.random() < 0.5:
        rules["lateness"] = random.randrange(1, 20)
    if random.random() < 0.2:
        rules["early"] = random.randrange(1, 4)
    if (rules.get("early") or rules.get("lateness")) and random.random() < 0.3:
        rules["discard"] = True
    return rules


def settings(rules):
    if "tuples" in rules:
        text = [f"size: {rules['tuples']} tuples, slide: {rules['tuples_slide']} tuples"]
    elif "gap" in rules:
        text = [f"gap: {rules['gap']}ms"]
    else:
        text = [f"size: {rules['size']}ms, slide: {rules['slide']}ms"]
    text += [f"{name}: {rules[name]}ms" for name in ("offset", "lateness") if name in rules]
    text += [f"early: {rules['early']} tuples"] if "early" in rules else []
    return ", ".join(text + (["discard: true"] if rules.get("discard") else []))


def make(random):
    rules, kind = rules_of(random), random.choice(NUMBER_RANGES)
    what = random.sample(AGGREGATES, random.randrange(1, 5))
    if kind in ("large", "wide"):  # sums of those depend on the order in which they round
        what = [w for w in what if not (kind == "wide" and w.split()[0] in ("sum", "avg", "p50", "p90"))
                and not w.startswith(("p50", "p90"))] or ["collect v"]
    names = [f"x{i}" for i in range(len(what))]
    computed = ", ".join(f"{n}: {w}" for n, w in zip(names, what))
    case = Case(f"{{component: window, event-time: at, properties: {{ {settings(rules)}, by: [k], compute: {{ {computed} }} }}, "
                "inputs: {a: [k, v, t, {at: int}], b: [k, v, t, {at: int}]}}", ["a", "b"])
    model, texts = Windows(rules), random.choice([["a", "b"], ["x", "yy", "zzz", ""], list("abcdefgh")])
    refires = any(rules.get(name) for name in ("early", "lateness"))

    def expect():
        out = []
        for key, start, end, rows, firing in model.out:
            line = {"k": key}
            if start is not None:
                line |= {"start": start, "end": end}
            line |= {name: compute(w, rows) for name, w in zip(names, what)}
            out.append(line | ({"firing": firing} if refires else {}))
        case.expect("-", out)
        case.expect("late", model.late)
        model.out, model.late = [], []

    def put(source, at):
        row = {"k": random.randrange(2), "v": number(random, kind), "t": random.choice(texts + [None]), "at": at}
        if random.random() < 0.03 and any(w.split()[0] in NUMBERS or w[0] == "p" for w in what):
            case.execute(source, row | {"v": "none"})  # left out
        elif random.random() < 0.03 and any(w == "min_by t v" or w == "max_by t v" for w in what):
            case.execute(source, row | {"v": NAN})
        if random.random() < 0.03 and "tuples" not in rules:
            case.execute(source, row | {"at": None})  # left out, too, and moves nothing
        case.execute(source, row)
        model.add(row["k"], row)

    case.play(random, random.choice(BASES), put, model.time, expect)
    return case

# SPDX-License-Identifier: Apache-2.0
"""What the models share: cases of random steps that go through the program `rig`, and the comparison of what came of
them with what a model says."""
import json
import math
import re
import subprocess
from datetime import datetime, timezone

END = math.inf
NAN = math.nan
STEPS = 40


def parse_time(text):
    """In ms since 1970."""
    year, rest = re.match(r"([+-]?\d+)(-.*)Z", text).groups()
    rest, _, part = rest.partition(".")
    # 400 years have 146097 days, whatever the year
    moved = int(year) % 400 + 2000
    at = datetime.fromisoformat(f"{moved}{rest}").replace(tzinfo=timezone.utc)
    seconds = int((at - datetime(1970, 1, 1, tzinfo=timezone.utc)).total_seconds())
    return (seconds + (int(year) - moved) // 400 * 146097 * 86400) * 1000 + int((part or "0").ljust(9, "0")[:3])


def literal(value):
    if value is None:
        return "~"
    if isinstance(value, float) and math.isnan(value):
        return ".nan"
    return json.dumps(value)


def is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def key_of(value):
    """Equal for equal values, so that rows need not be compared with each other. Python compares whole numbers and
    floats exactly, but takes True for 1. None: rounding may have moved something in it."""
    if isinstance(value, dict):
        parts = [(name, key_of(part)) for name, part in sorted(value.items())]
        return None if any(part is None for _, part in parts) else (dict, *parts)
    if isinstance(value, list):
        parts = [key_of(part) for part in value]
        return None if None in parts else (list, *parts)
    if hasattr(value, "within"):
        return None
    return value if is_number(value) else (type(value), value)


def same(found, wanted):
    if isinstance(wanted, dict):
        return isinstance(found, dict) and found.keys() == wanted.keys() and all(same(found[k], wanted[k]) for k in wanted)
    if isinstance(wanted, list):
        return isinstance(found, list) and len(found) == len(wanted) and all(map(same, found, wanted))
    if is_number(found) and hasattr(wanted, "within") and not math.isinf(wanted):
        return abs(found - wanted) <= wanted.within
    return key_of(found) == key_of(wanted if not hasattr(wanted, "within") else float(wanted))


def compare(found, wanted):
    """The rows that are lacking, and those that are too many."""
    places, lacking = {}, []
    for row in found:
        places.setdefault(key_of(row), []).append(row)
    rounded = [row for row in wanted if key_of(row) is None]
    for row in wanted:
        key = key_of(row)
        if key is None:
            continue
        if places.get(key):
            places[key].pop()
        else:
            lacking.append(row)
    rest = [row for rows in places.values() for row in rows]
    for row in rounded:
        place = next((i for i, other in enumerate(rest) if same(other, row)), None)
        if place is None:
            lacking.append(row)
        else:
            del rest[place]
    return lacking, rest


class Case:
    def __init__(self, setup, sources):
        self.setup, self.sources = setup, sources
        self.commands, self.wanted, self.ordered = ["N " + setup], [], False  # ordered: rows of one step, too

    def execute(self, source, row, verdict="ack"):
        fields = ", ".join(f"{name}: {literal(value)}" for name, value in row.items())
        self.commands.append(f"X {source} {{{fields}}}")
        self.wanted.append(("verdict", verdict))

    def expect(self, stream, rows):
        self.commands += [f"T {stream}", "E"]
        self.wanted.append((stream, rows))

    def play(self, random, base, put, time, expect):
        """Random rows of all sources, out of order, with watermarks, idle sources and restarts."""
        steps = random.choice([[1, 1, 3, 3, 8, 60], [1, 2, 2, 3]])
        at, watermark = {s: base for s in self.sources}, {s: -END for s in self.sources}
        idle, together, disorder = {s: False for s in self.sources}, -END, random.randrange(15)

        def tell(source):
            nonlocal together
            if idle[source]:
                self.commands.append(f"I {source}")
            elif watermark[source] > -END:
                self.commands.append(f"W {source} {watermark[source] * 1000000}")
            busy = [watermark[s] for s in self.sources if not idle[s]]
            if busy and min(busy) > together:
                together = min(busy)
                time(together)

        for _ in range(STEPS):
            source = random.choice(self.sources)
            at[source] += random.randrange(random.choice(steps))
            came = at[source] - random.randrange(disorder * 2 + 1)
            put(source, came)
            expect()
            watermark[source] = max(watermark[source], came - disorder)
            idle[source] = random.random() < 0.15
            tell(source)
            expect()
            busy = [watermark[s] for s in self.sources if not idle[s]]
            if random.random() < 0.05 and busy and min(busy) == together:
                self.commands.append("R")
                for source in self.sources:
                    tell(source)
                expect()
        self.commands.append("F")
        time(END)
        expect()

    def difference(self, answers):
        """`answers`: an iterator of lines. None, or what is different."""
        for step, (what, wanted) in enumerate(self.wanted):
            line = next(answers)
            if line.startswith("!"):
                return line
            if what == "verdict":
                if line != "V " + wanted:
                    return f"wanted {wanted}, found {line}"
                continue
            found = []
            while line.startswith("O "):
                found.append(json.loads(line[2:]))
                line = next(answers)
            if line != "E ":
                return f"at {step}: {line}"
            for row in found:
                row |= {name: parse_time(row[name]) for name in ("start", "end", "met") if isinstance(row.get(name), str)}
            lacking, surplus = compare(found, wanted)
            if lacking:
                return f"on {what} there is no {lacking[0]}, but {surplus}"
            if surplus:
                return f"on {what} too much: {surplus}"
            if self.ordered and [key_of(row) for row in found] != [key_of(row) for row in wanted]:
                return f"on {what} in this order: {found}, not {wanted}"
        return None


def run(rig, cases, counts):
    """Says what is different; whether nothing is. `counts`: how many rows were the same, by stream."""
    text = "".join("\n".join(case.commands) + "\nZ\n" for _, case in cases)
    done = subprocess.run([rig], input=text, capture_output=True, text=True, check=False)
    answers, ok = done.stdout.split("Z\n"), done.returncode == 0
    if not ok:
        print(f"the rig ended with {done.returncode}: {done.stderr[-500:]}")
    for (number, case), answer in zip(cases, answers):
        counts.update(stream for stream, rows in case.wanted if stream != "verdict" for _ in rows)
        why = case.difference(iter(answer.split("\n")))
        if why:
            ok = False
            print(f"case {number}: {case.setup}\n  {why[:1500]}")
    return ok

# SPDX-License-Identifier: Apache-2.0
"""What the models share: cases of random steps that go through the program `rig`, and the comparison of what came of
them with what a model says."""
import json
import math
import re
import subprocess
from datetime import datetime, timezone
from fractions import Fraction

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


def same(found, wanted):
    within = getattr(wanted, "within", None)
    if isinstance(wanted, dict):
        return isinstance(found, dict) and found.keys() == wanted.keys() and all(same(found[k], wanted[k]) for k in wanted)
    if isinstance(wanted, list):
        return isinstance(found, list) and len(found) == len(wanted) and all(map(same, found, wanted))
    if isinstance(found, bool) or isinstance(wanted, bool) or not all(isinstance(v, (int, float)) for v in (found, wanted)):
        return found == wanted
    if within is not None and not math.isinf(wanted):
        return abs(found - wanted) <= within
    if math.isinf(wanted) or math.isinf(found):
        return found == wanted
    return Fraction(found) == Fraction(wanted)


class Case:
    def __init__(self, setup, sources):
        self.setup, self.sources = setup, sources
        self.commands, self.wanted = ["N " + setup], []

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
            for row in wanted:
                place = next((i for i, other in enumerate(found) if same(other, row)), None)
                if place is None:
                    return f"on {what} there is no {row}, but {found}"
                del found[place]
            if found:
                return f"on {what} too much: {found}"
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

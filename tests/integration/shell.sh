#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Programs of other languages as bolts and spouts, by Storm's multilang protocol: whole topologies, and programs that die, keep silent or
# say too much.
# modes: release
source "$(dirname "$0")/lib"
export XDG_RUNTIME_DIR=$dir

command -v python3 >/dev/null || { echo "ok - programs of other languages run as components # skip: no python3"; exit 0; }

# What the programs share; none of it is Storm's.
cat >"$dir/multilang.py" <<'P'
import json, os, sys
def get():
    text = ""
    for line in sys.stdin:
        if line == "end\n":
            message = json.loads(text)
            if isinstance(message, dict) and message.get("stream") == "__heartbeat":
                put(command="sync")
                text = ""
                continue
            return message
        text += line
    sys.exit(0)
def put(**message):
    sys.stdout.write(json.dumps(message) + "\nend\n")
    sys.stdout.flush()
hello = get()
put(pid=os.getpid())
P
cat >"$dir/split.py" <<'P'
from multilang import *
while True:
    t = get()
    for word in t["tuple"][0].split():
        put(command="emit", tuple=[word], anchors=[t["id"]], need_task_ids=False)
    put(command="ack", id=t["id"])
P
cat >"$dir/echo.py" <<'P'
from multilang import *
while True:
    t = get()
    put(command="emit", tuple=t["tuple"], anchors=[t["id"]], need_task_ids=False)
    put(command="ack", id=t["id"])
P
# Says a megabyte before it reads on.
cat >"$dir/talk.py" <<'P'
from multilang import *
while True:
    t = get()
    for i in range(256):
        put(command="emit", tuple=[t["tuple"][0], i, "x" * 4096], anchors=[t["id"]], need_task_ids=False)
    put(command="ack", id=t["id"])
P
# Falls silent once, over the fifth tuple.
cat >"$dir/silent.py" <<'P'
from multilang import *
import time
n = 0
while True:
    t = get()
    n += 1
    if n == 5 and not os.path.exists("was-silent"):
        open("was-silent", "w").close()
        time.sleep(1000)
    put(command="emit", tuple=t["tuple"], anchors=[t["id"]], need_task_ids=False)
    put(command="ack", id=t["id"])
P
# Emits what it knows when there is no more.
cat >"$dir/total.py" <<'P'
from multilang import *
n = 0
try:
    while True:
        t = get()
        n += 1
        put(command="ack", id=t["id"])
except SystemExit:
    put(command="emit", tuple=["total", n])
P
# The same, of one field too many.
sed 's/"total", n/"total", n, n/' "$dir/total.py" >"$dir/too_much.py"
# Is busy for longer than a heartbeat, then slow.
cat >"$dir/slow.py" <<'P'
from multilang import *
import time
with open("seen", "w") as seen:
    while True:
        t = get()
        time.sleep(0.01 if t["tuple"][0] else 1.5)
        seen.write("%d\n" % t["tuple"][0])
        seen.flush()
        put(command="ack", id=t["id"])
P
# Words with an id, each until it is acked; the first time each tenth is failed below.
cat >"$dir/words.py" <<'P'
from multilang import *
left, out = list(range(200)), {}
while True:
    c = get()
    if c["command"] == "next" and left:
        n = left.pop(0)
        out[str(n)] = n
        put(command="emit", tuple=[n], id=str(n), need_task_ids=False)
    elif c["command"] == "fail":
        put(command="emit", tuple=[out[c["id"]]], id=c["id"], need_task_ids=False)
    elif c["command"] == "ack":
        del out[c["id"]]
        if not left and not out:
            open("all-acked", "w").close()
    put(command="sync")
P
# Fails each tenth the first time, and asks for the tasks of each emit: tuples that come before the answer wait.
cat >"$dir/picky.py" <<'P'
from multilang import *
seen, waiting = set(), []
def tasks():
    while True:
        message = get()
        if isinstance(message, list):
            return message
        waiting.append(message)
while True:
    t = waiting.pop(0) if waiting else get()
    n = t["tuple"][0]
    if n % 10 == 0 and n not in seen:
        seen.add(n)
        put(command="fail", id=t["id"])
        continue
    put(command="emit", tuple=[n], anchors=[t["id"]])
    if tasks() != [int(k) for k, c in hello["context"]["task->component"].items() if c == "out"]:
        sys.exit("went to another task")
    put(command="ack", id=t["id"])
P

# topology NAME PROGRAM FIELDS SPOUT [SETTINGS]: a spout, the program, a file.
topology() {
        cat >"$dir/$1.yaml" <<Y
name: $1
config: { topology.message.timeout.secs: 60, topology.delivery: at-least-once }
spouts:
  - { id: in, $4 }
bolts:
  - { id: program, component: shell, properties: { command: [python3, $2], fields: $3${5:+, $5} } }
  - { id: out, component: write, properties: { path: $1.tsv } }
streams:
  - { from: in, to: program, grouping: { type: shuffle } }
  - { from: program, to: out, grouping: { type: global } }
Y
}
numbers() { echo "component: generate, properties: { count: $1, fields: { n: seq } }"; }
all_numbers() { cut -f 1 "$1" | sort -nu | cmp - <(seq 0 $(($2 - 1))); }

head -n 2000 topologies/wordcount/kjv.txt >"$dir/lines.txt"
tr -s ' \t\n' '\n' <"$dir/lines.txt" | grep . | sort | uniq -c | awk '{ print $2 "\t" $1 }' | sort >"$dir/words.want"
cat >"$dir/words.yaml" <<'Y'
name: words
spouts:
  - { id: lines, component: file, properties: { path: lines.txt } }
bolts:
  - { id: split, component: shell, parallelism: 2, properties: { command: [python3, split.py], fields: { word: str } } }
  - { id: count, component: count, parallelism: 2, properties: { emit: end } }
  - { id: out, component: write, properties: { path: words.tsv } }
streams:
  - { from: lines, to: split, grouping: { type: shuffle } }
  - { from: split, to: count, grouping: { type: fields, args: [word] } }
  - { from: count, to: out, grouping: { type: global } }
Y
counts_words() { rm -f "$dir/words.tsv"; timeout 120 "$squall" run "$@" "$dir/words.yaml" && sort "$dir/words.tsv" | cmp - "$dir/words.want"; }
check "a word count whose bolt is a Python program has the counts of coreutils" counts_words
check "so it has in one process" counts_words --inline

topology silent silent.py '[n]' "$(numbers 20)" 'timeout: 1'
silent() {
        timeout 120 "$squall" run "$dir/silent.yaml" >"$dir/said" 2>&1 || { cat "$dir/said"; return 1; }
        grep -q 'gave no sign of life for 1 seconds' "$dir/said" && all_numbers "$dir/silent.tsv" 20
}
check "a program that falls silent is ended and begun again, and what it had comes again" silent

# Tuples of 64 KiB meet answers of 4 KiB, in both directions more than the pipes hold.
topology talk talk.py '[n, i, text]' "component: generate, properties: { count: 40, fields: { n: seq, pad: const $(printf 'y%.0s' {1..65536}) } }"
talks() { timeout 120 "$squall" run "$dir/talk.yaml" && [ "$(cut -f 1,2 "$dir/talk.tsv" | sort -u | wc -l)" = $((40 * 256)) ]; }
check "a program that writes while it is written to does not come to a standstill" talks

topology total total.py '[name, n]' "$(numbers 500)"
totals() { timeout 120 "$squall" run "$dir/total.yaml" && printf 'total\t500\n' | cmp - "$dir/total.tsv"; }
check "what a program emits when its input has ended is part of the result" totals

topology too_much too_much.py '[name, n]' "$(numbers 5)"
breaks() { ! timeout 120 "$squall" run "$dir/too_much.yaml" >"$dir/said" 2>&1 && grep -q "emitted 3 values on the stream 'default', which has 2 fields" "$dir/said"; }
check "one that breaks its declaration then ends the topology as failed" breaks

# More than waits for the program at most, and not much: a heartbeat is in the middle of it when the input ends.
topology slow slow.py '[n]' "component: generate, properties: { count: 100, fields: { n: seq, pad: const $(printf 'y%.0s' {1..4096}) } }"
sed -i 's/at-least-once/at-most-once, topology.batch.bytes: 4096/' "$dir/slow.yaml"
slow() { timeout 120 "$squall" run "$dir/slow.yaml" && all_numbers "$dir/seen" 100; }
check "at most once, too, all that came goes to the program before its input ends" slow

cat >"$dir/replays.yaml" <<'Y'
name: replays
config: { topology.spout.retry.delay.ms: 1 }
spouts:
  - { id: words, component: shell, properties: { command: [python3, words.py], fields: [n] } }
bolts:
  - { id: picky, component: shell, properties: { command: [python3, picky.py], fields: [n] } }
  - { id: out, component: write, properties: { path: replays.tsv } }
streams:
  - { from: words, to: picky, grouping: { type: shuffle } }
  - { from: picky, to: out, grouping: { type: global } }
Y
replays() {
        local run
        "$squall" run "$dir/replays.yaml" >"$dir/said" 2>&1 &
        run=$!
        until_true test -e "$dir/all-acked"
        kill -INT $run
        wait $run
        all_numbers "$dir/replays.tsv" 200
}
check "a spout's program is told of failures and emits again, until all it gave out is acked" replays

# Kills the program, by the group that it leads, at random; then all numbers must be there.
killed() { # SEED
        local run p kills=0 size=0
        RANDOM=$1
        topology killed echo.py '[n]' "component: generate, properties: { count: 6000, rate: 3000, fields: { n: seq } }"
        rm -f "$dir/killed.tsv"
        "$squall" run "$dir/killed.yaml" >"$dir/said" 2>&1 &
        run=$!
        while kill -0 $run 2>/dev/null; do
                nap "0.$((RANDOM % 2))$((RANDOM % 10))"
                [ "$(wc -c <"$dir/killed.tsv" 2>/dev/null || echo 0)" -gt "$size" ] || continue
                size=$(wc -c <"$dir/killed.tsv")
                p=$(pgrep -f 'python3 [e]cho.py' -P "$(pgrep -d , -P $run)" 2>/dev/null | head -n 1)
                [ -n "$p" ] && [ $kills -lt 6 ] && kill -KILL "$p" 2>/dev/null && kills=$((kills + 1))
        done
        wait $run || { cat "$dir/said"; return 1; }
        [ $kills -gt 0 ] && all_numbers "$dir/killed.tsv" 6000
}
for seed in $(seq "${SHELL_SEEDS:-2}"); do
        check "nothing is lost when the program is killed at random (seed $seed)" killed "$seed"
done

refused() {
        sed 's/at-least-once/exactly-once/' "$dir/total.yaml" >"$dir/exact.yaml"
        says 'exactly-once: what the program remembers is in no epoch' "$squall" check "$dir/exact.yaml"
}
check "exactly once is refused, and why" refused

# Programs that stop for the tasks of each emit, as those with Storm's libraries do, and never ack, before more lines than a pipe holds: an answer
# stands between two messages, and is not waited for.
cat >"$dir/asks.py" <<'P'
from multilang import *
waiting = []
def read():
    text = "".join(iter(lambda: sys.stdin.readline() or sys.exit(0), "end\n"))
    return json.loads(text)
def tasks():
    while True:
        message = read()
        if isinstance(message, list):
            return message
        waiting.append(message)
while True:
    t = waiting.pop(0) if waiting else read()
    if t["stream"] == "__heartbeat":
        put(command="sync")
        continue
    for word in t["tuple"][0].split():
        put(command="emit", tuple=[word])
        assert len(tasks()) == 1
P
cat >"$dir/asks.rb" <<'R'
require "json"
def get
  text = ""
  until (line = STDIN.readline) == "end\n" do text << line end
  JSON.parse(text)
end
def put(message)
  puts message.to_json, "end"
  STDOUT.flush
end
get
put(:pid => Process.pid)
waiting = []
begin
  while true
    t = waiting.shift || get
    if t["stream"] == "__heartbeat"
      put(:command => :sync)
      next
    end
    t["tuple"][0].split.each do |word|
      put(:command => :emit, :tuple => [word])
      until (answer = get).is_a? Array do waiting << answer end
    end
  end
rescue EOFError
end
R
asks() {
        cat >"$dir/asks.yaml" <<Y
name: asks
config: { topology.delivery: at-most-once }
spouts: [{ id: lines, component: generate, properties: { count: 4000, fields: { line: words 6 } } }]
bolts:
  - { id: split, component: shell, properties: { command: [$1, asks.$2], cwd: $dir, fields: [word], env: { PYTHONPATH: $dir } } }
  - { id: out, component: write, properties: { path: $dir/asked.tsv } }
streams:
  - { from: lines, to: split, grouping: SHUFFLE }
  - { from: split, to: out, grouping: { type: global } }
Y
        timeout 100 "$squall" run "$dir/asks.yaml" >"$dir/said" 2>&1 || { cat "$dir/said"; return 1; }
        ! grep -q error "$dir/said" && [ "$(wc -l <"$dir/asked.tsv")" = 24000 ] || { cat "$dir/said"; return 1; }
}
# The third tuple waits for what came of the first, which it does in vain when that goes out with its own.
cat >"$dir/early.py" <<'P'
import os, time
from multilang import Bolt, run
class Early(Bolt):
    def execute(self, t):
        self.emit(t.values)
        time.sleep(0.003)
        until = time.monotonic() + 20
        while t.values[0] == 2 and not os.path.getsize("early.tsv"):
            if time.monotonic() > until:
                raise TimeoutError
            time.sleep(0.01)
run(Early())
P
cat >"$dir/early.js" <<'J'
const fs = require("fs"), { Bolt, run } = require("./multilang.js"), nap = (ms) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
class Early extends Bolt {
    execute(t) {
        this.emit(t.values);
        nap(3);
        for (const until = Date.now() + 20000; t.values[0] === 2 && !fs.statSync("early.tsv").size; nap(10)) if (Date.now() > until) throw new Error("too late");
    }
}
run(new Early());
J
cp "$dir/multilang.py" "$dir/multilang.own"
topology early early.py '[n]' "$(numbers 3)"
early() { # COMMAND PROGRAM
        cp cli/templates/shell/multilang.* "$dir"
        sed "s/python3, early.py/$1, early.$2/" "$dir/early.yaml" >"$dir/early.$2.yaml"
        : >"$dir/early.tsv"
        timeout 60 "$squall" run "$dir/early.$2.yaml" >"$dir/said" 2>&1 && ! grep -qi "too late\|TimeoutError" "$dir/said" && all_numbers "$dir/early.tsv" 3 || { cat "$dir/said"; return 1; }
}
check "what the library sends in company does not wait for a tuple that takes long" early python3 py
if command -v node >/dev/null; then
        check "nor in JavaScript" early node js
else
        echo "ok - nor in JavaScript # skip: no node (make deps-lint)"
fi
mv "$dir/multilang.own" "$dir/multilang.py"
check "a program that stops for the tasks of each emit gets them between two messages, and at once" asks python3 py
if command -v ruby >/dev/null; then
        check "one in Ruby, too" asks ruby rb
else
        echo "ok - one in Ruby, too # skip: no ruby (make deps-lint)"
fi

# Storm's own library and examples, where somebody has them.
if [ -e "${STORM_ML:-}/storm.py" ] && [ -e "$STORM_ML/splitsentence.py" ]; then
        cp "$STORM_ML"/{storm,splitsentence}.py "$dir"
        cat >"$dir/storm.test.yaml" <<'Y'
tests:
  - name: splitsentence
    component: shell
    kind: bolt
    properties: { command: [python3, splitsentence.py], fields: [word] }
    inputs: { in: [sentence] }
    steps: [{ in: ["a b c"], out: [[a], [b], [c]] }]
Y
        check "Storm's own storm.py and splitsentence.py run as they are" timeout 60 "$squall" test "$dir/storm.test.yaml"
        if [ -e "$STORM_ML/storm.rb" ] && command -v ruby >/dev/null; then
                cp "$STORM_ML"/{storm,splitsentence}.rb "$dir"
                sed -i 's/python3, splitsentence.py/ruby, splitsentence.rb/; s/out: /verdict: keep, out: /' "$dir/storm.test.yaml"
                check "so do storm.rb and splitsentence.rb, which never acks" timeout 60 "$squall" test "$dir/storm.test.yaml"
        fi
else
        echo "ok - Storm's own storm.py and splitsentence.py run as they are # skip: STORM_ML names no folder that has them"
fi
exit $failures

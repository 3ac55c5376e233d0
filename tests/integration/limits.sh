#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Limits of topologies and workers: by rlimits, and by cgroup v2, for which a folder stands in here: what is written into it, and what is read from it.
# modes: release
source "$(dirname "$0")/supervised"

cat >"$dir/capped.yaml" <<YAML
name: capped
config:
  topology.worker.memory.mb: 200
  topology.worker.cpu: 0.5
  topology.memory.mb: 300
  topology.cpu: 1.5
  topology.worker.files: 100
  topology.worker.nice: 5
spouts:
  - { id: gen, component: generate, properties: { rate: 100, fields: { n: seq } } }
bolts:
  - { id: sink, component: 'null' }
streams:
  - { from: gen, to: sink, grouping: { type: shuffle } }
YAML

# ---- without a cgroup ----

start
"$squall" submit "$dir/capped.yaml" --wait >/dev/null
check "what nobody enforces is said" says "topology.memory.mb, topology.cpu, topology.worker.cpu: not enforced" "$squall" logs capped
check "doctor says which limits hold" says "limits by rlimits" "$squall" doctor
check "a worker has its files and its nice value" eval 'p=$(pid capped sink/0); grep -q "^Max open files *100 " /proc/$p/limits && [ "$(ps -o ni= -p "$p" | tr -d " ")" = 5 ]'
"$squall" kill capped --wait 0 >/dev/null
sed "s/'null'/${build//\//\\/}\/tests\/components\/hoarder.so/; s/memory.mb: 200/memory.mb: 60/; s/name: capped/name: greedy/" "$dir/capped.yaml" >"$dir/greedy.yaml"
"$squall" submit "$dir/greedy.yaml" --wait >/dev/null
check "a worker over its memory is restarted with that cause" until_true says "MB of memory, and topology.worker.memory.mb allows 60" "$squall" status greedy
check "and is named" says "sink/0: the worker uses" "$squall" status greedy
"$squall" kill greedy --wait 0 >/dev/null

# ---- by what is in flight ----

cat >"$dir/heavy.yaml" <<YAML
name: heavy
spouts:
  - { id: gen, component: generate, properties: { fields: { n: seq, pad: "const $(head -c 1000000 /dev/zero | tr '\0' x)" } } }
bolts:
  - { id: slow, component: sleep, parallelism: 2, properties: { ms: 2 } }
streams:
  - { from: gen, to: slow, grouping: { type: all } }
YAML
"$squall" submit "$dir/heavy.yaml" --wait >/dev/null
heavy() { awk '/^VmHWM/ { print $2 }' "/proc/$(pid heavy "$1")/status"; }
has_worked() { [ "$("$squall" status heavy --json | tr '{' '\n' | sed -n 's#.*"task":"slow/0".*"executed":\([0-9]*\).*#\1#p')" -ge 300 ]; }
is_light() {
        local task peak
        until_true has_worked || return 1
        for task in gen/0 slow/0 slow/1; do
                peak=$(heavy $task)
                echo "$task: $peak KiB at most"
                [ "$peak" -le 120000 ] || return 1
        done
}
check "what is on its way to the slow readers of a broadcast is bounded in bytes" is_light
"$squall" kill heavy --wait 0 >/dev/null

# All feedback goes to one task of `a`, and to no other than that; the keys 4 and 5 are the others'. So what they take in waits for it.
cat >"$dir/glut.yaml" <<YAML
name: glut
config: { topology.delivery: at-most-once, topology.channel.bytes: 1048576 }
spouts:
  - { id: gen, component: generate, properties: { fields: { k: uniform 4 5, pad: "const $(head -c 50000 /dev/zero | tr '\0' x)" } } }
bolts:
  - { id: begin, component: map, properties: { set: { round: 0, one: 1 } } }
  - { id: a, component: sleep, parallelism: 3, properties: { ms: 1 } }
  - { id: next, component: map, properties: { set: { round: round + 1 } } }
  - { id: back, component: filter, properties: { where: round < 2 } }
streams:
  - { from: gen, to: begin, grouping: { type: shuffle } }
  - { from: begin, to: a, grouping: { type: fields, args: [k] } }
  - { from: a, to: next, grouping: { type: shuffle } }
  - { from: next, to: back, grouping: { type: shuffle } }
  - { from: back, to: a, grouping: { type: fields, args: [one] } }
YAML
"$squall" submit "$dir/glut.yaml" --wait >/dev/null 2>&1
has_turned() { [ "$("$squall" status glut --json | tr '{' '\n' | sed -n 's#.*"task":"a/.".*"executed":\([0-9]*\).*#\1#p' | awk '{ n += $1 } END { print n + 0 }')" -ge 9000 ]; }
is_bounded() {
        until_true has_turned || return 1
        local peak=$(awk '/^VmHWM/ { print $2 }' "/proc/$(pid glut back/0)/status")
        echo "back/0: $peak KiB at most"
        [ "$peak" -le 50000 ]
}
check "what is on its way by an edge that closes a cycle is bounded in bytes" is_bounded
"$squall" kill glut --wait 0 >/dev/null
"$squall" submit "$dir/capped.yaml" --wait >/dev/null
"$squall" supervisor --stop

# ---- with one ----

export SQUALL_CGROUP=$dir/cgroup
mkdir "$SQUALL_CGROUP"
echo "cpuset cpu io memory pids" >"$SQUALL_CGROUP/cgroup.controllers"
check "doctor says that there is one" says "by cgroup v2 below $SQUALL_CGROUP" "$squall" doctor
start
until_true eval '[ -n "$(pid capped gen/0)" ]'
top=$(echo "$SQUALL_CGROUP"/top-*)
is() { [ "$(cat "$2")" = "$1" ] || { cat "$2"; return 1; }; }
check "the topology has its memory" is $((300 << 20)) "$top/memory.max"
check "and its cores" is "150000 100000" "$top/cpu.max"
check "a worker has its memory" is $((200 << 20)) "$top/w0/memory.max"
check "and its cores" is "50000 100000" "$top/w1/cpu.max"
check "its process is in it" until_true is "$(pid capped gen/0)" "$top/w0/cgroup.procs"
old=$(pid capped sink/0)
printf 'low 0\nhigh 0\nmax 9\noom 1\noom_kill 1\n' >"$top/w1/memory.events"
kill -KILL "$old"
check "a worker that the kernel kills for its memory is restarted with that cause" until_true says "killed for want of memory" "$squall" status capped
rm "$top/w1/memory.events"
check "and is in its cgroup again" until_true eval '[ -n "$(pid capped sink/0)" ] && [ "$(cat "$top/w1/cgroup.procs")" = "$(pid capped sink/0)" ] && [ "$(pid capped sink/0)" != $old ]'
kill -KILL "$(pid capped sink/0)"
check "one that dies otherwise has another cause" until_true says "killed by signal 9" "$squall" status capped
"$squall" kill capped --wait 0 >/dev/null
"$squall" supervisor --stop
exit $failures

#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What a topology logs: by level, by component, as JSON, followed over a rotation; and levels that change while it runs.
# modes: release asan
source "$(dirname "$0")/supervised"

topology() {
        cat >"$dir/$1.yaml" <<YAML
name: $1
spouts:
  - { id: gen, component: generate, properties: { count: $2, rate: $3, fields: { n: seq } } }
bolts:
  - { id: talk, component: $build/tests/components/chatty.so }
  - { id: other, component: $build/tests/components/chatty.so }
streams:
  - { from: gen, to: talk, grouping: { type: shuffle } }
  - { from: gen, to: other, grouping: { type: shuffle } }
YAML
}
said() { "$squall" logs chat "$@"; }
debugs() { said "$1" | grep -c 'said at debug'; }
talks() { [ "$(debugs talk)" -gt "$1" ]; }
count() { said --level warning "$1" | grep -c 'said at warning'; }
# Three tuples further on nothing at debug has come from it.
is_quiet() {
        local at=$(count "$1") before=$(debugs "$1")
        until_true eval "[ \$(count $1) -gt $((at + 3)) ]" && [ "$(debugs "$1")" = "$before" ]
}
level() { "$squall" status chat --json | tr '{' '\n' | sed -n "s/.*\"id\":\"$1\",.*\"log_level\":\"\([a-z]*\)\".*/\1/p"; }
is_restarted() { [ -n "$(pid chat talk/0)" ] && [ "$(pid chat talk/0)" != "$1" ]; }

start
topology chat 0 50
"$squall" submit "$dir/chat.yaml" --wait >/dev/null
check "a component's lines come with their levels" until_true says "warning talk/0#0 said at warning" "$squall" logs chat
check "--level shows that level and worse" eval 'said --level warning | grep -q "said at warning" && ! said --level warning | grep -q "said at info"'
check "a component shows its lines alone" eval 'said other | grep -q other/0 && ! said other | grep -q talk/0'
check "so does a task" eval 'said talk/0 | grep -q talk/0 && ! said talk/1 | grep -q .'
check "a task that there is not is bad usage" exits_with 2 "$squall" logs chat talk/1
check "a reader of the log that goes ends it, though nothing more is logged" eval '[ "$(timeout 20 "$squall" logs chat -f 2>"$dir/said" | head -n 1 | wc -l)" = 1 ] && grep -q "nobody reads" "$dir/said"'
check "--json is an object a line" eval 'said --json | grep -q "^{\"time\":\"20[^\"]*Z\",\"level\":\"info\",\"topology\":\"chat\",\"component\":\"talk\",\"task\":\"talk/0\",\"incarnation\":0,\"text\":\"said at info\"}$"'
check "nothing is logged at debug unasked" eval '! said | grep -q "said at debug"'
check "a level is set for one component while it runs" "$squall" logs chat talk --set-level debug
check "from then on it logs at that level" until_true talks 0
check "the other one does not" is_quiet other
check "status shows it" eval '[ "$(level talk)" = debug ] && [ "$(level other)" = info ]'
check "in words too" says "logs at debug for another" "$squall" status chat
old=$(pid chat talk/0)
kill -KILL "$old"
until_true is_restarted "$old"
check "a restarted worker has the level of the one before" eval 'until_true eval "said talk | grep -q \"debug talk/0#1 said at debug\""'
kill -KILL $supervisor
wait $supervisor 2>/dev/null
start
check "the next supervisor knows of it" until_true eval '[ "$(level talk)" = debug ]'
before=$(debugs talk)
check "and it is still so" until_true talks "$before"
check "set to info, it is as it was" eval '"$squall" logs chat talk --set-level info && until_true is_quiet talk && [ "$(level talk)" = info ]'
before=$(debugs talk)
check "a level for a while is put back by itself" eval '"$squall" logs chat --set-level debug --for 3s && until_true talks $before && until_true eval "[ \"\$(level talk)\" = info ]" && until_true is_quiet talk && is_quiet other'
check "one may log less, too" eval '"$squall" logs chat other --set-level error && [ "$(level other)" = error ]'
check "a level that is none is bad usage" exits_with 2 "$squall" logs chat --set-level loud
check "a component that is not there gets the nearest one" says "did you mean 'talk'?" "$squall" logs chat tal --set-level debug
check "a single task is refused" exits_with 2 "$squall" logs chat talk/0 --set-level debug
check "a time without a level is refused" exits_with 2 "$squall" logs chat --for 10s
"$squall" kill chat --wait 0 >/dev/null
check "the log of one that was killed is still shown" says "talk/0#0 said at warning" "$squall" logs chat talk --level warning
check "followed, it ends, for nothing more comes" eval 'timeout 20 "$squall" logs chat -f | grep -q "said at info"'
kill -KILL $supervisor
wait $supervisor 2>/dev/null
start
check "the next supervisor shows it too" says "said at warning" "$squall" logs chat

# ---- rotation: 60,000 tuples are 17 MiB of lines ----

topology flood 60000 0
"$squall" submit "$dir/flood.yaml" >/dev/null
"$squall" logs flood talk -f --level warning >"$dir/followed" & follow=$!
log=$dir/state/topologies/flood/log
finished() { "$squall" list --json | grep -q '"topology":"flood","state":"finished"'; }
check "a log that grows is rotated" eval 'until_true finished && [ -e "$log.1" ] && [ "$(stat -c %s "$log")" -lt $((9 << 20)) ]'
check "what is shown goes over the rotated ones in order" eval '[ "$("$squall" logs flood talk --level warning | grep -c "said at warning")" = 60000 ] &&
        "$squall" logs flood | cut -d" " -f1 | sort -c'
mv "$log" "$log.mine"
kill -HUP $supervisor
check "SIGHUP opens a log anew that was moved away" until_true [ -e "$log" ]
rm "$log.mine"
"$squall" kill flood >/dev/null
check "who follows is let go when the topology is killed" wait $follow
check "and has seen every line once, over the rotations" eval 'grep -c "said at warning" "$dir/followed" && [ "$(grep -c "said at warning" "$dir/followed")" = 60000 ]'
"$squall" supervisor --stop
exit $failures

#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The example in the help of every verb runs as it stands from an installation, in a folder where nothing else is.
source "$(dirname "$0")/lib"
export XDG_RUNTIME_DIR=$dir/run HOME=$dir/home SQUALL_SOCKET=
unset SQUALL_SOCKET
mkdir -m 700 "$XDG_RUNTIME_DIR" "$HOME"
root=$dir/root bin=$dir/root/usr/bin
installs() { make install DESTDIR="$root" PREFIX=/usr ${BUILD:+BUILD=$BUILD}; }
check "make install installs" installs
export PATH=$bin:$PATH
mkdir "$dir/empty" "$dir/clients" && cd "$dir/empty" && mkdir clients || exit 1
end_all() { squall supervisor --stop >/dev/null 2>&1; }
on_exit end_all

example() { squall help "$1" | sed -n '/^example:$/{n;s/^  //;p}'; }
# Endless, and otherwise as the topology that is installed.
cat >"$dir/wordcount.yaml" <<YAML
name: wordcount
spouts:
  - { id: lines, component: file, properties: { path: $root/usr/lib/squall/topologies/wordcount/kjv.txt, repeat: 0, rate: 1000 } }
bolts:
  - { id: split, component: split, parallelism: 2 }
  - { id: count, component: count, parallelism: 2, properties: { by: word, emit: end } }
  - { id: write, component: write, properties: { path: $dir/counts.tsv } }
streams:
  - { from: lines, to: split, grouping: { type: shuffle } }
  - { from: split, to: count, grouping: { type: fields, args: [word] } }
  - { from: count, to: write, grouping: { type: shuffle } }
YAML

# A file of Flux, which is one that somebody has.
cat >topology.yaml <<'YAML'
name: flux
spouts: [{ id: words, className: org.apache.storm.testing.TestWordSpout, parallelism: 1 }]
bolts: [{ id: log, className: org.apache.storm.flux.wrappers.bolts.LogInfoBolt, parallelism: 1 }]
streams: [{ from: words, to: log, grouping: { type: SHUFFLE } }]
YAML

# runs VERB: its example; what never ends is given half a second, what draws is left out where nothing draws.
runs() {
        local command status=0
        command=$(example "$1")
        [ -n "$command" ] || { echo "no example"; return 1; }
        echo "$command"
        case $command in
        *" -f") command="timeout 0.5 $command" ;;
        *"| dot "*) command=${command%|*} ;;
        *"| man "*) command=${command%|*} ;;
        esac
        timeout 120 bash -c "set -o pipefail; $command" >"$dir/said" 2>&1 </dev/null || status=$?
        [ $status = 0 ] || { [ $status = 124 ] && [[ $command == timeout* ]]; } || { cat "$dir/said"; return 1; }
}
# The daemon and what is asked of it, in an order that makes sense; the others as they come.
asked="submit list status top events deactivate activate logs query tap trace savepoint rebalance update kill drpc"
verbs=$(squall help | awk '/^  [a-z]/ { print $1 }')
for verb in $verbs; do
        case " $asked supervisor bench " in *" $verb "*) continue ;; esac
        check "the example of $verb runs" runs "$verb"
done
answers() { squall list >/dev/null 2>&1; }
eval "$(example supervisor) &" 2>"$dir/err"
check "the example of supervisor runs" until_true answers
for verb in $asked; do
        [ $verb != list ] || squall submit --wait "$dir/wordcount.yaml" >/dev/null
        [ $verb != drpc ] || squall submit --wait "$root/usr/lib/squall/topologies/basic-drpc/basic-drpc.yaml" >/dev/null
        check "the example of $verb runs" runs $verb
done
completes() { bash -c "set -e; . $root/usr/share/bash-completion/completions/squall; COMP_WORDS=(squall ru); COMP_CWORD=1; compopt() { :; }; _squall; [ \"\${COMPREPLY[*]}\" = run ]"; }
check "the completion that is installed completes" completes
exit $failures

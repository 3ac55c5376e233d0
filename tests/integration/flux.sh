#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Files of Storm's Flux: recognised, translated, run as they are; what is Java in them is named.
source "$(dirname "$0")/lib"
export XDG_RUNTIME_DIR=$dir

# Ten words a second, split, counted and logged; every part of a Flux file that has a meaning here.
cat >"$dir/words.yaml" <<'Y'
name: "words"
config:
  topology.workers: 1
  topology.debug: true
  test.value: ${ENV-FLUX_VALUE}
  list.whole: ${list.of.words}
  list.one: ${list.of.words[1]}
components:
  - id: "unused"
    className: "org.example.Scheme"
spouts:
  - id: "words"
    className: "org.apache.storm.testing.TestWordSpout"
    parallelism: 1
bolts:
  - id: "echo"
    className: "org.apache.storm.flux.wrappers.bolts.FluxShellBolt"
    constructorArgs:
      - ["sh", "echo.sh"]
      - ["word"]
    configMethods:
      - name: "addComponentConfig"
        args: ["a.file", "etc/file.yml"]
      - name: "addComponentConfig"
        args:
          - "a.list"
          - ["one", "two"]
      - name: "addComponentConfig"
        args: ["a.mix", [10.0.0.1, 2026-01-02, 007, 7, -1.5, "${long.text}"]]
      - name: "setNamedStream"
        args: ["other", ["a", "b"]]
    parallelism: 1
  - id: "count"
    className: "org.apache.storm.testing.TestWordCounter"
    parallelism: 2
    numTasks: 4
  - id: "log"
    className: "org.apache.storm.flux.wrappers.bolts.LogInfoBolt"
    parallelism: 3
    onHeapMemoryLoad: 128.0
streams:
  - name: "words --> echo"
    from: "words"
    to: "echo"
    grouping: { type: SHUFFLE }
  - name: "echo --> count"
    from: "echo"
    to: "count"
    grouping: { type: FIELDS, args: ["word"] }
  - name: "count --> log"
    from: "count"
    to: "log"
    grouping:
      type: CUSTOM
      customClass:
        className: "org.apache.storm.testing.NGrouping"
        constructorArgs: [2]
Y
cat >"$dir/words.want" <<'Y'
name: words
config: { topology.workers: 1 }
spouts:
  - id: words
    component: generate
    properties:
      rate: 10
      fields: { word: one-of nathan mike jackson golda bertels }
    parallelism: 1
bolts:
  - id: echo
    component: shell
    properties:
      command: [sh, echo.sh]
      fields: [word]
      streams:
        other: [a, b]
      conf: { a.file: etc/file.yml, a.list: "[\"one\",\"two\"]", a.mix: "[\"10.0.0.1\",\"2026-01-02\",\"007\",7,-1.5,\"@\"]", topology.debug: true, test.value: from outside, list.whole: "[\"x\",\"y\"]", list.one: y }
      cwd: resources
    parallelism: 1
  - id: count
    component: count
    parallelism: 4
  - id: log
    component: log
    parallelism: 3
streams:
  - from: words
    to: echo
    grouping: { type: SHUFFLE }
  - from: echo
    to: count
    grouping:
      type: FIELDS
      args: [word]
  - from: count
    to: log
    grouping:
      type: custom
      component: first
      properties: { tasks: 2 }
Y
mkdir "$dir/resources"
cat >"$dir/resources/echo.sh" <<'S'
take() {
        message=
        while IFS= read -r line && [ "$line" != end ]; do message=$message$line; done
        [ -n "$message" ] || exit 0
}
put() { printf '%s\nend\n' "$1"; }
take
case $message in *'"a.list":["one","two"]'*'"test.value":"from outside"'*) heard=all ;; *) heard=little ;; esac
put "{\"pid\":$$}"
put "{\"command\":\"log\",\"msg\":\"heard $heard\"}"
while take; do
        id=${message#*\"id\":\"} id=${id%%\"*} tuple=${message#*\"tuple\":} tuple=${tuple%\}}
        case $message in *__heartbeat*) put '{"command":"sync"}'; continue ;; esac
        put "{\"command\":\"emit\",\"tuple\":$tuple,\"anchors\":[\"$id\"],\"need_task_ids\":false}"
        put "{\"command\":\"ack\",\"id\":\"$id\"}"
done
S
long=$(printf 'x%.0s' {1..5000})
sed -i "s/@/$long/" "$dir/words.want"
printf '# words\nlist.of.words = ["x", "y"]\nlong.text: %s\n' "$long" >"$dir/words.properties"
export FLUX_VALUE='from outside'
filters=(--filter "$dir/words.properties" --env-filter)

translated() { "$squall" flux "$dir/words.yaml" "${filters[@]}" | diff - "$dir/words.want"; }
check "a Flux file is printed as Squall's own YAML" translated
empty() { : >"$dir/empty.properties" && "$squall" check "$dir/words.yaml" --filter "$dir/empty.properties"; }
check "a file of properties may be empty" empty
# As java.util.Properties reads them: comments, lines that go on, three separators, escapes.
properties() {
        cat >"$dir/java.properties" <<'P'
! the last of a name counts
a.name = early
a.name : properties
with\ blank\:=b\u00e4r \ud83d\ude00
  long   one, \
         two\
# not a comment
no.value
P
        cat >"$dir/java.yaml" <<Y
{ name: "\${a.name}", $spout, config: { x: "\${with blank:}", y: "\${long}|\${no.value}|\${none}" }, bolts: [{ id: b, className: org.apache.storm.flux.wrappers.bolts.FluxShellBolt,
  constructorArgs: [[p], [word]] }], streams: [{ from: s, to: b, grouping: { type: SHUFFLE } }] }
Y
        "$squall" flux "$dir/java.yaml" --filter "$dir/java.properties" >"$dir/said" && grep -q '^name: properties$' "$dir/said" &&
                grep -qF 'x: "bär 😀", y: "one, two# not a comment||$${none}"' "$dir/said" || { cat "$dir/said"; return 1; }
}
spout='spouts: [{ id: s, className: org.apache.storm.testing.TestWordSpout }]'
check "a file of properties is read as Java reads it" properties
own() {
        "$squall" flux "$dir/words.yaml" "${filters[@]}" >"$dir/own.yaml" && "$squall" check "$dir/own.yaml" &&
                ! "$squall" flux "$dir/own.yaml" 2>"$dir/said" && grep -q 'is not a Flux file' "$dir/said"
}
check "what is printed is a topology, and no Flux file any more" own
runs() {
        local run status=0
        "$squall" run "$dir/words.yaml" "${filters[@]}" >"$dir/said" 2>&1 &
        run=$!
        until_true is_said || status=1
        kill -INT $run
        wait $run
        [ $? = 130 ] && [ $status = 0 ] && ! grep -q 'log/2: info: count:default' "$dir/said" || { cat "$dir/said"; return 1; }
}
is_said() {
        grep -q 'heard all' "$dir/said" && grep -qE 'log/0.*count:default \{"word":"[a-z]+","count":[1-9]' "$dir/said" && grep -q 'log/1: info: count:default' "$dir/said"
}
check "it runs as it is, its program from the folder resources, and NGrouping(2) feeds the first two tasks" runs

cat >"$dir/including.yaml" <<'Y'
name: "including"
includes:
  - resource: true
    file: "/configs/words.yaml"
    override: false
bolts:
  - id: "log"
    className: "org.apache.storm.flux.wrappers.bolts.LogInfoBolt"
    parallelism: 7
Y
includes() {
        "$squall" flux "$dir/including.yaml" >"$dir/said" && grep -qx 'name: including' "$dir/said" && grep -q 'parallelism: 7' "$dir/said" &&
                grep -q 'id: echo' "$dir/said" && ! grep -q 'parallelism: 3' "$dir/said" || return 1
        sed 's/override: false/override: true/' "$dir/including.yaml" >"$dir/over.yaml"
        "$squall" flux "$dir/over.yaml" | grep -q 'parallelism: 3'
}
check "includes are merged: who includes wins, unless it says override" includes

# refuses TEXT FLUX: the file, given on stdin, is refused with the text.
refuses() { cat >"$dir/bad.yaml"; ! "$squall" check "$dir/bad.yaml" >"$dir/said" 2>&1 && grep -qF "$1" "$dir/said" || { cat "$dir/said"; return 1; }; }
spout='spouts: [{ id: s, className: org.apache.storm.testing.TestWordSpout }]'
class() { refuses "$2" <<<"{ name: bad, $spout, bolts: [{ id: b, className: $1 }], streams: [{ from: s, to: b, grouping: { type: SHUFFLE } }] }"; }
check "a class that Squall has not is named, with what is nearest" class org.apache.storm.kafka.bolt.KafkaBolt \
        'bad.yaml:1:114: error: className: org.apache.storm.kafka.bolt.KafkaBolt is Java, which Squall does not run (nearest to it: the bolt `kafka`)'
check "one that nothing is near to is named, too" class com.example.Bolt 'className: com.example.Bolt is Java, which Squall does not run (a component is a program by `shell`'
arguments() {
        refuses 'addComponentConfig takes 2 arguments' <<Y
name: bad
$spout
bolts:
  - id: b
    className: org.apache.storm.flux.wrappers.bolts.FluxShellBolt
    constructorArgs: [[true], [word]]
    configMethods: [{ name: addComponentConfig, args: [one] }]
Y
}
check "a config method with other arguments is refused" arguments
source() {
        refuses 'both a topologySource and spouts or bolts' <<<"{ name: bad, $spout, topologySource: { className: org.example.Source } }" &&
                refuses "topologySource: org.example.Source is Java" <<<"{ name: bad, topologySource: { className: org.example.Source } }"
}
check "a topologySource is refused" source
unread() {
        refuses "none.yaml: can't read the file" <<<"{ name: bad, $spout, includes: [{ file: none.yaml }] }" && [ "$(grep -c error: "$dir/said")" = 1 ] &&
                printf 'word = "x\n' >"$dir/broken.properties" && cat >"$dir/broken.yaml" <<<"{ name: \"\${word}\", $spout }" || return 1
        ! "$squall" check "$dir/broken.yaml" --filter "$dir/broken.properties" 2>"$dir/said" && grep -q 'not YAML' "$dir/said" && ! grep -q "Squall's own" "$dir/said" || return 1
        refuses "NGrouping takes 1 argument" <<<"{ name: bad, $spout, bolts: [{ id: b, className: org.apache.storm.flux.wrappers.bolts.LogInfoBolt }],
                streams: [{ from: s, to: b, grouping: { type: CUSTOM, customClass: { className: org.apache.storm.testing.NGrouping } } }] }" && ! grep -q "Squall's own" "$dir/said"
}
check "of a file without Java it is not said how Squall's own is written" unread
kinds() {
        refuses "'includes' is a list" <<<"{ name: bad, $spout, includes: { file: words.yaml } }" &&
                refuses "an entry of 'streams' is a map" <<<"{ name: bad, $spout, streams: [s] }" &&
                refuses "bad.yaml:1:112: error: 'numTasks' needs a whole number above 0" <<<"{ name: bad, ${spout% \}]}, parallelism: none, numTasks: -4 }] }" &&
                grep -q "'parallelism' needs a whole number above 0" "$dir/said" &&
                refuses "'config' is a map" <<<"{ name: bad, $spout, config: [topology.workers] }"
}
check "a part of another kind than Flux has it is refused" kinds
silent() {
        cat >"$dir/silent.yaml" <<<"{ name: silent, $spout, workerHooks: [{ className: org.example.Hook }], bolts: [
          { id: a, className: org.apache.storm.flux.wrappers.bolts.LogInfoBolt }, { id: b, className: org.apache.storm.flux.wrappers.bolts.LogInfoBolt }],
          streams: [{ from: s, to: a, grouping: { type: SHUFFLE } }, { from: a, to: b, grouping: { type: SHUFFLE } }] }"
        "$squall" check "$dir/silent.yaml" 2>"$dir/said" && grep -q "'a' emits nothing: 'b' gets nothing" "$dir/said" && grep -q "'workerHooks' are Java, and left out" "$dir/said"
}
check "a stream from a bolt that emits nothing, and worker hooks, are warned of" silent
grouping() {
        refuses "the grouping 'com.example.Own' is Java" <<<"{ name: bad, $spout, bolts: [{ id: b, parallelism: 3, className: org.apache.storm.flux.wrappers.bolts.LogInfoBolt }],
          streams: [{ from: s, to: b, grouping: { type: CUSTOM, customClass: { className: com.example.Own } } }] }"
}
check "a custom grouping of Java's is refused" grouping

# ---- the files of flux-examples and flux-core's tests, where somebody has them: STORM_FLUX names a folder with all of them ----

# walks FILE [TEXT]: it is a topology; with a text it is refused with that.
walks() {
        local file=$STORM_FLUX/$1
        if [ $# = 1 ]; then
                "$squall" check "$file" --filter "$STORM_FLUX/test.properties" --env-filter
        else
                ! "$squall" check "$file" --filter "$STORM_FLUX/test.properties" >"$dir/said" 2>&1 && grep -qF "$2" "$dir/said"
        fi
}
runs_as_it_is() {
        "$squall" run "$STORM_FLUX/multilang.yaml" --for 3s >"$dir/said" 2>&1
        grep -q '"word":"' "$dir/said" || { cat "$dir/said"; return 1; }
}
if [ -e "${STORM_FLUX:-}/simple_wordcount.yaml" ]; then
        for file in simple_wordcount multilang shell_test tck diamond-topology include_test worker_hook substitution-test; do
                check "Storm's $file.yaml is taken as it is" walks $file.yaml
        done
        while read -r file text; do check "Storm's $file.yaml is refused: $text" walks "$file.yaml" "$text"; done <<'E'
bad_shell_test addComponentConfig takes 2 arguments
bad_hbase org.apache.storm.hbase.bolt.HBaseBolt is Java, which Squall does not run (nearest to it
bad_static_factory_test org.apache.storm.flux.test.TestBolt is Java
invalid-existing-topology there are both a topologySource and spouts or bolts
existing-topology topologySource: org.apache.storm.flux.test.SimpleTopologySource is Java
existing-topology-reflection topologySource: org.apache.storm.flux.test.
existing-topology-trident topologySource: org.apache.storm.flux.test.
config-methods-test org.apache.storm.flux.test.TestBolt is Java
hdfs_test org.apache.storm.hdfs.bolt.HdfsBolt is Java, which Squall does not run (nearest to it: the bolt `write`)
simple_hdfs org.apache.storm.hdfs.bolt.HdfsBolt is Java, which Squall does not run (nearest to it: the bolt `write`)
simple_hbase org.apache.storm.hbase.bolt.HBaseBolt is Java, which Squall does not run (nearest to it
kafka_test org.apache.storm.kafka.spout.KafkaSpout is Java, which Squall does not run (nearest to it: the spout `kafka`)
kafka_spout org.apache.storm.kafka.spout.KafkaSpout is Java, which Squall does not run (nearest to it: the spout `kafka`)
simple_windowing org.apache.storm.flux.examples.TestWindowBolt is Java, which Squall does not run (nearest to it: the bolt `window`)
simple_stateful_wordcount org.apache.storm.flux.examples.StatefulWordCounter is Java, which Squall does not run (nearest to it: the bolt `count`)
E
        if command -v node >/dev/null && [ -e "$STORM_FLUX/resources/storm.js" ]; then
                check "and multilang.yaml runs, with its programs in JavaScript and Python" runs_as_it_is
        fi
else
        echo "ok - the files of flux-examples and flux-core's tests # skip: STORM_FLUX names no folder that has them"
fi
exit $failures

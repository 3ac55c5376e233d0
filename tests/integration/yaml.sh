#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The tests of the built-in components in YAML, and what `squall test` says of a test that does not pass.
source "$(dirname "$0")/lib"

for file in tests/yaml/*.yaml; do
        [[ $file == */@(zmq|lookup).yaml && ! -e ${squall%/*}/bolts/$(basename "$file" .yaml).so ]] && echo "ok - $file # skip: not built" && continue
        "$squall" test "$file" >"$dir/log" 2>&1 || { failures=1; grep -q '^not ok' "$dir/log" || echo "not ok - $file runs"; }
        grep -v 'passed, ' "$dir/log"
done

every_built_in_is_tested() {
        local name missing=0
        for name in $(cd spouts && ls *.c) $(cd bolts && ls *.c); do
                name=${name%.c}
                # what stands on a server or on another process is tested with that
                grep -qE "component: \"?$name\"?($|,)" tests/yaml/*.yaml tests/connectors/*.sh || { echo "$name has no test"; missing=1; }
        done
        return $missing
}
check "every built-in component is tested in YAML" every_built_in_is_tested

# says STATUS TEXT: what the file in $dir/t.yaml gives.
says() {
        local status=0
        "$squall" test "$dir/t.yaml" >"$dir/said" 2>&1 || status=$?
        cat "$dir/said"
        [ $status = "$1" ] && grep -qF -- "$2" "$dir/said"
}
differs() {
        cat >"$dir/t.yaml" <<'Y'
component: split
tests:
  - name: differs
    steps:
      - in: { line: a b c }
        out: [[a], [x], [c]]
Y
        says 1 'step 1, line 5: the tuples of the stream' && says 1 '  - {"word":"x"}' && says 1 '  + {"word":"b"}' && says 1 '    {"word":"c"}'
}
check "a tuple that differs is shown as a diff, with exit status 1" differs
quoted_any() {
        printf 'component: split\ntests: [{ name: n, steps: [{ in: { line: a }, out: { word: "any" } }] }]\n' >"$dir/t.yaml"
        says 1 '  - {"word":"any"}'
}
check "the word any in quotes is that word" quoted_any
null_is_a_component() {
        printf 'component: null\ntests: [{ name: n, inputs: { in: { a: any } }, steps: [{ in: { a: 1 } }] }]\n' >"$dir/t.yaml"
        says 0 '1 passed'
}
check "the component null needs no quotes" null_is_a_component
unexpected() {
        printf 'component: split\ntests: [{ name: n, steps: [{ in: { line: a } }] }]\n' >"$dir/t.yaml"
        says 1 '  + {"word":"a"}'
}
check "a tuple that nobody expects fails a test" unexpected
misspelt() {
        printf 'component: split\ntests: [{ name: n, steps: [{ inn: { line: a } }] }]\n' >"$dir/t.yaml"
        says 2 "t.yaml:2:30: error: a step has no 'inn' (did you mean 'in'?)"
}
check "a misspelt key is an error with its place" misspelt
json() {
        printf 'component: split\ntests: [{ name: n, steps: [{ in: { line: a }, out: [a] }] }]\n' >"$dir/t.yaml"
        [ "$("$squall" test --json "$dir/t.yaml")" = "{\"tests\":[{\"file\":\"$dir/t.yaml\",\"name\":\"n\",\"line\":2,\"passed\":true,\"text\":null}],\"passed\":1,\"failed\":0}" ]
}
check "--json is one document" json
nothing() { printf 'component: split\ntests: []\n' >"$dir/t.yaml"; says 2 'no test was run'; }
check "a file without tests is no success" nothing

exit $failures

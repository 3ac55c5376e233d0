#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What is made from the tables: shell completion, manual pages, the schema of topology files; and doctor.
# modes: release
source "$(dirname "$0")/lib"
PATH=$(dirname "$squall"):$PATH

# completes WORD... gives what bash would offer for the last one.
completes() {
        bash -c '. <("$0" completion bash); COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _squall 2>/dev/null; printf "%s\n" "${COMPREPLY[@]}"' "$squall" "$@" | sort | tr '\n' ' '
}
verbs() { [[ "$(completes squall r)" == *"run "* ]] && [ "$(completes squall comple)" = "completion " ]; }
check "bash completes verbs" verbs
options() { completes squall run --in && [ "$(completes squall run --in)" = "--inline " ]; }
check "bash completes options" options
choices() { [ "$(completes squall new b)" = "bolt " ] && [ "$(completes squall completion '')" = "bash fish zsh " ]; }
check "bash completes choices" choices
components() { completes squall components ge && [ "$(completes squall components ge)" = "generate " ]; }
check "bash completes components" components
hidden() { [ "$(completes squall man)" = " " ]; }
check "bash completes no hidden verb" hidden
zsh_loads() { command -v zsh >/dev/null || return 0; zsh -c 'autoload -U compinit && compinit -u -D; . <("$0" completion zsh)' "$squall"; }
check "zsh loads its completion" zsh_loads
fish() { "$squall" completion fish | grep -q "^complete -c squall -n '__fish_seen_subcommand_from run' -l inline -d "; }
check "fish completes options with their help" fish

pages() {
        local verb
        for verb in "" $("$squall" help | awk '/^  [a-z]/ { print $1 }'); do
                "$squall" man $verb >"$dir/page" && head -n 1 "$dir/page" | grep -q '^\.TH SQUALL' || { echo "no page for $verb"; return 1; }
                ! command -v mandoc >/dev/null || mandoc -T lint -W error "$dir/page" || return
        done
}
check "every verb has a manual page" pages
markdown() { diff <("$squall" man --markdown | sed -n 's/^## squall //p') <("$squall" help | awk '/^  [a-z]/ { print $1 }'); }
check "the command line reference has every verb" markdown

functions() { diff <("$squall" eval --markdown) docs/expressions.md && "$squall" eval --functions | grep -q '^  lower(text: str) -> str$'; }
check "docs/expressions.md is what squall eval --markdown says" functions
tried() {
        [ "$(printf '{"a": 4, "user": {"id": 7}}\n\n{}\n' | "$squall" eval 'a * 2 ?? "none"' | tr '\n' ' ')" = '8 "none" ' ] &&
                [ "$("$squall" eval user.id --input '{"user": {"id": 7}}')" = 7 ]
}
check "eval evaluates an expression for each line of JSON" tried
untried() {
        local status=0
        printf '{"a": 0}\n{"a": 5}\n[]\n' | "$squall" eval '10 // a' >"$dir/out" 2>"$dir/said" || status=$?
        [ $status = 1 ] && [ "$(cat "$dir/out")" = 2 ] && grep -q 'column 4: division by zero' "$dir/said" && grep -q 'not a JSON object' "$dir/said" || return
        status=0
        "$squall" eval '1 +' </dev/null 2>"$dir/said" || status=$?
        [ $status = 2 ] && grep -q '^squall: column 4: expected' "$dir/said"
}
check "eval says for which line there is no value, and refuses what is not an expression" untried

schema() {
        "$squall" schema >"$dir/schema.json" && python3 - "$dir/schema.json" <<'P'
import json, sys
schema = json.load(open(sys.argv[1]))
assert schema["properties"]["spouts"]["items"]["allOf"], "no components"
assert "topology.delivery" in schema["$defs"]["config"]["properties"]
try:
    import jsonschema, yaml, glob
except ImportError:
    sys.exit(0)
jsonschema.Draft202012Validator.check_schema(schema)
validator = jsonschema.Draft202012Validator(schema)
for path in glob.glob("topologies/*/*.yaml"):
    topology = yaml.safe_load(open(path))
    if "spouts" in topology:
        for error in validator.iter_errors(topology):
            sys.exit(f"{path}: {error.message}")
wrong = {"name": "x", "spouts": [{"id": "a", "component": "file", "properties": {"pth": "x"}}]}
assert list(validator.iter_errors(wrong)), "a wrong setting passes"
P
}
command -v python3 >/dev/null && check "the schema accepts every topology here" schema

doctor() { "$squall" doctor && "$squall" doctor --json | grep -q '{"check":"components","verdict":"ok"'; }
check "doctor finds this machine fit" doctor
sick() { ! XDG_RUNTIME_DIR=/nowhere "$squall" doctor >"$dir/said" && grep -A 1 '^error *runtime' "$dir/said" | grep -q 'export XDG_RUNTIME_DIR'; }
check "doctor says what is in the way, and the mend" sick
lacking() {
        mkdir "$dir/lib" && echo "bolts/vault libvault,libkey no" >"$dir/lib/connectors"
        printf '%s\n' 'name: lacking' 'spouts: [{ id: a, component: generate }]' 'bolts: [{ id: b, component: vault }]' \
                'streams: [{ from: a, to: b, grouping: { type: shuffle } }]' >"$dir/lacking.yaml"
        says "the bolt 'vault' was not built here, for it needs libvault,libkey" env SQUALL_LIBDIR="$dir/lib" "$squall" check "$dir/lacking.yaml" &&
                says "not built: bolt vault needs libvault,libkey" env SQUALL_LIBDIR="$dir/lib" "$squall" doctor
}
check "a component that was built without its library says so when it is asked for, and doctor lists it" lacking
# Whatever reads a format reads it by the same settings; `http` says 400 to its sender instead of on-error.
same_settings() {
        "$squall" components --json | python3 -c '
import json, sys
bad = 0
for c in json.load(sys.stdin)["components"]:
    has = {s["name"] for s in c["settings"]}
    if c["kind"] == "spout" and "format" in has:
        lacks = {"fields", "separator", "quote", "strict", "on-error"} - has - ({"on-error"} if c["name"] == "http" else set())
        bad += len(lacks)
        if lacks: print(c["name"], "lacks", lacks)
sys.exit(bad)'
}
if command -v python3 >/dev/null; then
        check "all spouts that read a format have the same settings for it" same_settings
else
        echo "ok - the settings of formats # skip: python3 is not installed"
fi
exit $failures

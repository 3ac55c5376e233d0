#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The supervisor over HTTP: what it shows is what there is, whoever asks what; it harms no topology; and nothing is left of it.
source "$(dirname "$0")/supervised"
port=
trap '' PIPE # who is cut off is told by what it reads

# serve ARGUMENT...: starts the supervisor, and finds the port that it serves at.
serve() {
        : >"$dir/err"
        start "$@" || return
        port=$(sed -n 's|.*http://127.0.0.1:\([0-9]*\)$|\1|p' "$dir/err")
        [ -n "$port" ]
}

# raw BYTES: sends them, as printf takes them, and prints what comes until the other side closes.
raw() {
        local fd
        exec {fd}<>"/dev/tcp/127.0.0.1/$port" || return
        printf "$1" >&"$fd" 2>/dev/null
        timeout 20 cat <&"$fd"
        exec {fd}>&-
}
# ask METHOD PATH [HEADER...]: its answer, header and all. get PATH: its body.
ask() {
        local request="$1 $2 HTTP/1.1\\r\\nHost: localhost:$port\\r\\nConnection: close\\r\\n" header
        shift 2
        for header in "$@"; do request+="$header\\r\\n"; done
        raw "${request//%/%%}\\r\\n" | tr -d '\r'
}
get() { ask GET "$1" | sed '1,/^$/d'; }
status_of() { local line; read -r _ line _ < <("$@"); echo "$line"; }
is_refused() { local want=$1 got; shift; got=$(status_of "$@"); [ "$got" = "$want" ] || { echo "status $got instead of $want"; return 1; }; }
# value NAME LABEL...: the sum over the samples of that name that have these labels.
value() {
        local name=$1 all="" label
        shift
        for label in "$@"; do all+=" && index(\$1, \"${label//\"/\\\"}\")"; done
        awk -v name="$name" "index(\$1, name \"{\") == 1 $all { n += \$2 } END { printf \"%d\\n\", n }" "$dir/metrics"
}
scrape() { get /metrics >"$dir/metrics"; }

cat >"$dir/count.yaml" <<YAML
name: count
spouts: [{ id: gen, component: generate, properties: { count: 5000, fields: { n: seq } } }]
bolts:
  - { id: pass, component: filter, parallelism: 2, properties: { where: 'true' } }
  - { id: sink, component: write, properties: { path: count.tsv } }
streams:
  - { from: gen, to: pass, grouping: { type: shuffle } }
  - { from: pass, to: sink, grouping: { type: global } }
YAML
sed 's/^name: .*/name: steady/; s/count: 5000/count: 0, rate: 500/; s/count.tsv/steady.tsv/' "$dir/count.yaml" >"$dir/steady.yaml"

# ---- what it shows ----

check "a supervisor says where it serves HTTP" serve --http 127.0.0.1:0
check "it answers a ping" says pong get /ping
check "it is ready" says ready get /ready
check "it tells its version and its process" [ "$(get /version)" = "{\"version\":\"$("$squall" --version | awk '{ print $2 }')\",\"pid\":$supervisor}" ]
"$squall" submit "$dir/steady.yaml" --wait >/dev/null
"$squall" submit "$dir/count.yaml" --wait >/dev/null
check "a finite topology finishes" until_true is_in_state count finished
check "the metrics come" scrape

every_counter() {
        local counter name missing=0
        for counter in $(sed -n 's/^ *X(\([a-z_]*\), [A-Z]*, ".*/\1/p' runtime/control/metrics.h); do
                [[ $counter != lag_* ]] || continue # together they are squall_source_lag
                name=squall_${counter/%_ns/_seconds}
                grep -q "^$name\(_total\)\?{topology=\"count\",component=\"sink\",task=\"0\"} " "$dir/metrics" || { echo "no $counter"; missing=1; }
        done
        return $missing
}
check "every counter of the one list is there for each task" every_counter
sums() {
        [ "$(value squall_emitted_total 'topology="count"' 'component="gen"')" = 5000 ] &&
        [ "$(value squall_executed_total 'topology="count"' 'component="pass"')" = 5000 ] &&
        [ "$(value squall_acked_total 'topology="count"' 'component="sink"')" = 5000 ] || grep executed "$dir/metrics"
}
check "what was counted is exact" sums
check "the state of a topology is a sample" [ "$(value squall_topology_state 'topology="count"' 'state="finished"') $(value squall_topology_state 'state="running"')" = "1 1" ]
check "a spout's tree times are in its histogram, the first 4,000 all" [ "$(value squall_complete_seconds_count 'topology="count"')" -gt 4000 ]

# As the format's description has it: samples below the head of their family, none twice, the steps of a histogram rising to its count.
well_formed() {
        awk '/^# TYPE / { family = $3; type = $4; if (seen[family]++) { print "twice: " family; bad = 1 } next }
             /^# HELP / { next }
             { name = $1; sub(/{.*/, "", name)
               base = name; if (type == "histogram") sub(/_(bucket|sum|count)$/, "", base)
               if (base != family || $0 !~ /^[a-z_]+({[a-z]+="[^"]*"(,[a-z]+="[^"]*")*})? [-+.0-9e]+$/ || sample[$1]++) { print "wrong: " $0; bad = 1 }
               if (name ~ /_bucket$/) { if ($1 !~ /le="1.023e-06"/ && $2 < last) { print "falls: " $0; bad = 1 } last = $2 }
               if (name ~ /_count$/ && $2 != last) { print "count: " $0; bad = 1 } }
             END { if (NR < 100) print "only " NR " lines"; exit bad || NR < 100 }' "$dir/metrics"
}
check "the metrics are in Prometheus' text format" well_formed
cat >"$dir/tail.yaml" <<YAML
name: tail
spouts: [{ id: lines, component: file, properties: { path: $dir/tail.txt, follow: true } }]
bolts: [{ id: none, component: 'null' }]
streams: [{ from: lines, to: none, grouping: { type: shuffle } }]
YAML
echo one >"$dir/tail.txt"
"$squall" submit --wait "$dir/tail.yaml" >>"$dir/out" 2>&1
lag() { scrape && grep -q '^squall_source_lag{topology="tail",component="lines",task="0",unit="bytes"} 0$' "$dir/metrics" && ! grep -q '^squall_source_lag.*count' "$dir/metrics"; }
check "how far a spout is behind its source is there, where it knows" until_true lag
cat >"$dir/exact.yaml" <<YAML
name: exact
config: { topology.delivery: exactly-once, topology.checkpoint.interval.ms: 100 }
spouts: [{ id: gen, component: generate, properties: { rate: 500, fields: { key: zipf 100 2 } } }]
bolts: [{ id: count, component: count, parallelism: 2, properties: { by: key } }]
streams: [{ from: gen, to: count, grouping: { type: fields, args: [key] } }]
YAML
"$squall" submit --wait "$dir/exact.yaml" >>"$dir/out" 2>&1
epochs() { scrape && [ "$(value squall_epoch 'topology="exact"')" -gt 0 ] && [ "$(value squall_epoch_bytes 'topology="exact"')" -gt 0 ] && [ "$(value squall_epoch_written_bytes 'topology="exact"')" -gt 0 ]; }
check "the epochs of an exactly-once topology have their numbers" until_true epochs
check "and only those" eval '! grep -q "^squall_epoch.*steady" "$dir/metrics"'
is_young() { scrape && grep -q "^squall_epoch_age_seconds{topology=\"exact\"} 0\." "$dir/metrics"; }
check "the last one is young" until_true is_young
# Answers are put together over several turns of the supervisor's loop, and who asks meanwhile waits for the same one.
at_once() {
        local n
        for n in 1 2 3 4 5 6; do curl -s "http://127.0.0.1:$port/metrics" >"$dir/at-once-$n" & done
        wait $(jobs -p | grep -v "^$supervisor$")
        for n in 1 2 3 4 5 6; do
                [ "$(grep -c '^squall_topology_state{' "$dir/at-once-$n")" = "$(grep -c '^squall_topology_state{' "$dir/metrics")" ] || return 1
                [ -z "$(grep -v '^#' "$dir/at-once-$n" | sed 's/ [^ ]*$//' | sort | uniq -d)" ] || return 1
        done
}
check "those who ask at once each get all topologies, each sample once" at_once
heavy() { scrape && awk '/^squall_heaviest_key_ratio.*exact/ { n++; if ($2 > 0.3 && $2 <= 1) heavy = 1 } END { exit !(n && heavy) }' "$dir/metrics"; }
check "the part of a heavy key is there" until_true heavy
keeps_up() { scrape && [ "$(value squall_keeps_up 'topology="exact"')" = 1 ]; }
check "that it keeps up is, too" until_true keeps_up
named_by_alerts() {
        local name missing=0
        for name in $(sed -n 's/^ *expr: //p' docs/squall.rules.yml | grep -o 'squall_[a-z_]*' | sort -u); do
                grep -q "^$name{" "$dir/metrics" || { echo "no $name"; missing=1; }
        done
        return $missing
}
check "what the alerts look at is there" named_by_alerts
# The samples of a histogram and a counter carry their family's name.
drawn() {
        local name missing=0
        for name in $(grep -o 'squall_[a-z_]*' docs/squall.grafana.json | sort -u); do
                grep -q "^$name{" "$dir/metrics" || { echo "no $name"; missing=1; }
        done
        return $missing
}
check "what the dashboard draws is there" drawn

# ---- keyed state ----

bearer="Authorization: Bearer $(cat "$dir/state/http.token")"
exact=/api/v1/squall/topologies/exact/state
state_of() { ask GET "$exact/$1" "$bearer" | sed '1,/^$/d'; }
# pages LIMIT: all keys, in as many requests as it takes; one of a key comes to what the pages say, and what comes is as the OpenAPI document has it.
pages() {
        python3 - "$port" "$bearer" "$1" <<'PYTHON'
import http.client, json, sys
port, (name, value), limit = sys.argv[1], sys.argv[2].split(": ", 1), int(sys.argv[3])
def get(query):
    client = http.client.HTTPConnection("localhost", int(port))
    client.request("GET", "/api/v1/squall/topologies/exact/state/count?" + query, headers={name: value})
    answer = client.getresponse()
    body = json.loads(answer.read())
    assert answer.status == 200, body
    return body
rows, next, requests = [], {"task": 0, "from": 0}, 0
while next:
    answer = get(f"limit={limit}&task={next['task']}&from={next['from']}")
    assert len(answer["rows"]) <= limit
    rows, next, requests = rows + answer["rows"], answer["next"], requests + 1
keys = [row["key"]["key"] for row in rows]
assert len(keys) == len(set(keys)) > 10, keys
assert {row["task"] for row in rows} == {0, 1} and requests >= len(rows) // limit
one = get(f"key={keys[0]}")["rows"]
assert len(one) == 1 and one[0]["key"] == rows[0]["key"] and one[0]["state"]["count"] >= rows[0]["state"]["count"] > 0
assert get("key=nosuch")["rows"] == []
try:
    from jsonschema import Draft202012Validator
except ImportError:
    sys.exit(0)
document = json.load(open("docs/openapi.json"))
Draft202012Validator({"$ref": "#/components/schemas/State", "components": document["components"]}).validate(answer)
PYTHON
}
check "who has the token sees keyed state, a page at a time" until_true pages 7
check "who has it not, does not" is_refused 401 ask GET $exact/count
check "a component without keyed state has none" is_refused 404 ask GET $exact/gen "$bearer"
check "nor has one that is not there" is_refused 404 ask GET $exact/cuont "$bearer"
check "a page has a size" is_refused 400 ask GET "$exact/count?limit=many" "$bearer"
check "a page of nothing, behind which keys would be left out, there is not" is_refused 400 ask GET "$exact/count?limit=0" "$bearer"
check "a task that there is not has no page" is_refused 400 ask GET "$exact/count?task=2" "$bearer"
kill -STOP "$(pid exact count/0)"
check "who does not answer is told of, and who asks does not wait for ever" says "does not answer within a second" state_of "count?limit=1000"
kill -CONT "$(pid exact count/0)"
"$squall" kill --wait 0 exact >>"$dir/out" 2>&1
if command -v promtool >/dev/null; then
        check "promtool takes the alerts" promtool check rules docs/squall.rules.yml
        check "promtool finds nothing to say about them" eval '[ -z "$(promtool check metrics <"$dir/metrics" 2>&1)" ]'
else
        echo "ok - promtool finds nothing to say about them # skip no promtool (Debian: prometheus)"
fi

killed() {
        kill -KILL "$(pid steady pass/1)" || return
        back() { scrape; [ "$(value squall_worker_restarts_total 'topology="steady"')" = 1 ] && [ "$(value squall_worker_up 'topology="steady"')" = 4 ] &&
                "$squall" status steady --json | grep -q '"task":"pass/1"[^}]*"state":"running"'; }
        until_true back
}
check "the restart of a worker is counted" killed

# ---- as Storm's UI ----

# All paths of the table in web.c, and all of the document.
paths() { sed -n 's/^ *{SQI_\(GET\|POST\), "\(.*\)", .*},$/\1 \2/p' runtime/daemon/web.c | sort; }
described() { awk '/^    "\/.*": \{/ { path = $1; gsub(/[":]/, "", path); gsub(/\{[a-z]*\}/, "*", path) } /^      "(get|post)": / { print toupper(substr($1, 2, index($1, ":") - 3)), path }' docs/openapi.json | sort; }
check "the OpenAPI document has the paths that there are" eval '[ "$(paths | wc -l)" -gt 10 ] && diff <(paths) <(described)'
check "it is served as it stands in docs/" eval 'diff <(get /api/v1/openapi.json) docs/openapi.json'

conforms() {
        python3 - "$port" steady gen,pass,sink <<'PYTHON'
import http.client, json, sys
from jsonschema import Draft202012Validator
port, topology, components = sys.argv[1:]
document = json.load(open("docs/openapi.json"))
def schema_of(operation, status):
    answer = operation["responses"].get(str(status)) or operation["responses"]["default"]
    return answer["content"].get("application/json", {}).get("schema")
def look(operation, path, want):
    client = http.client.HTTPConnection("localhost", int(port))
    client.request("GET", path)
    answer = client.getresponse()
    body, schema = answer.read(), schema_of(operation, answer.status)
    if answer.status != want:
        sys.exit(f"{path}: status {answer.status} instead of {want}")
    if schema is None:
        return
    errors = [e for e in Draft202012Validator({**schema, "components": document["components"]}).iter_errors(json.loads(body))]
    for e in errors:
        for cause in e.context or [e]:
            print(path, "/".join(map(str, cause.absolute_path)), cause.message[:200])
    if errors:
        sys.exit(1)
for path, item in document["paths"].items():
    if "get" not in item or "security" in item["get"] or "text/event-stream" in item["get"]["responses"]["200"]["content"]:
        continue
    for component in components.split(",") if "{component}" in path else [""]:
        look(item["get"], path.replace("{id}", topology).replace("{component}", component), 200)
    if "{id}" in path:
        look(item["get"], path.replace("{id}", "no%20such").replace("{component}", "x"), 404)
PYTHON
}
# ---- as a stream ----

# told PATH: the data of its first two messages, a line each.
told() {
        local fd
        exec {fd}<>"/dev/tcp/127.0.0.1/$port" || return
        printf 'GET %s HTTP/1.0\r\nHost: localhost\r\n\r\n' "$1" >&"$fd" # of 1.0: no chunks
        timeout 60 sed -un 's/^data: //p' <&"$fd" | head -n 2
        exec {fd}>&-
}
streams() {
        told "/api/v1/squall/stream?topology=steady" >"$dir/told"
        told "/api/v1/squall/stream" >>"$dir/told"
        told "/api/v1/squall/stream?topology=nobody" >>"$dir/told"
        python3 - "$dir/told" <<'PYTHON'
import json, sys
one, next_one, every, _, none, _ = [json.loads(line) for line in open(sys.argv[1])]
assert one[1]["topology"] == "steady" and [c["id"] for c in one[1]["components"]] == ["gen", "pass", "sink"]
assert any(e["event"] == "submit" and e["topology"] == "steady" for e in one[0]) and next_one[0] == [], one[0]
assert next_one[1]["components"][0]["emitted"] > one[1]["components"][0]["emitted"]
assert "steady" in [t["topology"] for t in every[1]] and none[1] is None
PYTHON
}
check "a stream tells the status, and each event once" streams

# ---- its tuples ----

tap() { ask POST "/api/v1/squall/topologies/steady/tap/$1" "$bearer" "Content-Length: 0" | sed '1,/^$/d'; }
# As the OpenAPI document has it, where that can be checked; with tuples of which each has its number.
taps() {
        tap "$1" >"$dir/tuples"
        python3 - "$dir/tuples" <<'PYTHON'
import json, sys
answer = json.load(open(sys.argv[1]))
assert answer["tuples"] and all(type(t["tuple"]["n"]) is int and t["stream"] == "default" for t in answer["tuples"])
assert 0 < answer["seen"] <= answer["sent"]
try:
    from jsonschema import Draft202012Validator
except ImportError:
    sys.exit(0)
document = json.load(open("docs/openapi.json"))
Draft202012Validator({"$ref": "#/components/schemas/Tuples", "components": document["components"]}).validate(answer)
PYTHON
}
check "who has the token sees tuples of a component" until_true taps gen
check "and those of one stream" until_true taps "pass?stream=default"
check "who has it not, does not" is_refused 401 ask POST /api/v1/squall/topologies/steady/tap/gen "Content-Length: 0"
check "a component that is not there has none" is_refused 404 ask POST /api/v1/squall/topologies/steady/tap/gem "$bearer" "Content-Length: 0"
check "nor has one that nobody reads" says "nobody reads what sink emits" tap sink

if python3 -c 'import jsonschema' 2>/dev/null; then
        check "each answer is as the OpenAPI document has it" conforms
else
        echo "ok - each answer is as the OpenAPI document has it # skip no python3-jsonschema"
fi
has() { get "$1" | grep -qF "$2" || { get "$1"; return 1; }; }
check "a topology is as Storm shows it" has /api/v1/topology/count '"name":"count","status":"FINISHED","uptime":"'
check "and its spout's counts are exact" has /api/v1/topology/count '"spoutId":"gen","encodedSpoutId":"gen","executors":1,"tasks":1,"emitted":5000,"transferred":5000,"acked":5000,"failed":0'
check "so are a bolt's of one component" has /api/v1/topology/count/component/pass '"inputStats":[{"component":"gen","encodedComponentId":"gen","stream":"default","executed":5000,"acked":5000,"failed":0'
check "the death of a worker is its component's last error" has /api/v1/topology/steady/component/pass '"componentErrors":[{"error":"killed by signal 9'
check "the graph says what reads what" has /api/v1/topology/steady/visualization '":inputs":[{":component":"pass",":stream":"default",":sani-stream":"default1544803905",":grouping":"global"}]'
check "what status prints is there" [ "$(get /api/v1/squall/topologies/count)" = "$("$squall" status count --json)" ]
check "a topology that is not there is not found" is_refused 404 ask GET /api/v1/topology/nothing
check "nor is a component" is_refused 404 ask GET /api/v1/topology/steady/component/nothing

# ---- what changes something ----

token=$(cat "$dir/state/http.token")
with_token() { ask "$1" "$2" "Authorization: Bearer $token" "Content-Length: 0" "${@:3}"; }
does() { local out; out=$(with_token POST "/api/v1/topology/$1" | tail -n 1); [ "$out" = "$2" ] || { echo "$out"; return 1; }; }
hidden() {
        [ ${#token} = 64 ] && [ "$(stat -c %a "$dir/state/http.token")" = 600 ] && ! grep -q "$token" "$dir/err" &&
                ! grep -qs "$token" /proc/$supervisor/{cmdline,environ} && ! grep -rqs --exclude=http.token "$token" "$dir/state" "$XDG_RUNTIME_DIR"
}
check "the token is in a file that is ours alone, and nowhere else" hidden
check "nothing is changed without it" is_refused 401 ask POST /api/v1/topology/steady/deactivate "Content-Length: 0"
check "nor with a wrong one" is_refused 401 ask POST /api/v1/topology/steady/deactivate "Content-Length: 0" "Authorization: Bearer ${token//[0-9]/a}"
check "nor with half of it" is_refused 401 ask POST /api/v1/topology/steady/deactivate "Content-Length: 0" "Authorization: Bearer ${token:0:32}"
check "nor in another scheme" is_refused 401 ask POST /api/v1/topology/steady/deactivate "Content-Length: 0" "Authorization: Basic $token"
check "nor in the query" is_refused 401 ask POST "/api/v1/topology/steady/deactivate?token=$token" "Content-Length: 0"
check "nor from another site's page" is_refused 403 with_token POST /api/v1/topology/steady/deactivate "Origin: https://localhost:$port"
check "nor by a GET" is_refused 405 with_token GET /api/v1/topology/steady/deactivate
check "the topology runs as before" is_in_state steady running
check "it is deactivated" does steady/deactivate '{"topologyOperation":"deactivate","topologyId":"steady","status":"success"}'
check "so its spouts are off" is_in_state steady inactive
check "it is activated" does steady/activate '{"topologyOperation":"activate","topologyId":"steady","status":"success"}'
check "so they are on" is_in_state steady running
check "one that has finished is not to be activated" is_refused 409 with_token POST /api/v1/topology/count/activate
check "one that is not there neither" is_refused 404 with_token POST /api/v1/topology/nothing/activate
check "a kill wants a number of seconds" is_refused 400 with_token POST /api/v1/topology/count/kill/-1

# rebalance NAME EXECUTORS [WAIT]: asks for them, and prints the answer, header and all.
rebalance() {
        local body="{\"rebalanceOptions\": {\"executors\": {$2}}}" fd
        exec {fd}<>"/dev/tcp/127.0.0.1/$port" || return
        printf 'POST /api/v1/topology/%s/rebalance/%s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAuthorization: Bearer %s\r\nContent-Length: %d\r\n\r\n%s' \
                "$1" "${3:-0}" "$token" "${#body}" "$body" >&"$fd"
        ${READER:-timeout 120 cat} <&"$fd" | tr -d '\r'
        exec {fd}>&-
}
tasks() { "$squall" status "$1" --json | grep -o "\"task\":\"$2/[0-9]*\"" | sort -u | wc -l; }
rebalanced() {
        local answer
        answer=$(rebalance moved '"pass": 3, "sink": 1' | tail -n 1)
        [ "$answer" = '{"topologyOperation":"rebalance","topologyId":"moved","status":"success"}' ] || { echo "$answer"; return 1; }
        [ "$(tasks moved pass)" = 3 ] || { echo "$(tasks moved pass) tasks"; return 1; }
}
# as_the_command NAME COMPONENT NUMBER: both refuse it, in the same words.
as_the_command() {
        local answer words
        answer=$(rebalance "$1" "\"$2\": $3")
        words=$("$squall" rebalance "$1" --component "$2=$3" --json 2>&1 >/dev/null)
        [[ $answer == "HTTP/1.1 409 "* ]] && [ "squall: $(python3 -c 'import json, sys; print(json.loads(sys.argv[1])["errorMessage"])' "${answer##*$'\n'}")" = "$words" ] ||
                { echo "$answer"; echo "$words"; return 1; }
}
child() { local pid; for pid in $(cat /proc/$supervisor/task/*/children); do ! grep -qs rebalance /proc/$pid/cmdline || echo $pid; done; }
has_child() { [ -n "$(child)" ]; }
# Asks, and does not stay for the answer.
ask_and_go() { READER=true rebalance "$@" >/dev/null; until_true has_child; }

sed 's/^name: .*/name: moved/; s/steady.tsv/moved.tsv/' "$dir/steady.yaml" >"$dir/moved.yaml"
cat >"$dir/slow.yaml" <<YAML
name: slow
config: { topology.max.spout.pending: 5 }
spouts: [{ id: gen, component: generate, properties: { fields: { n: seq } } }]
bolts: [{ id: nap, component: sleep, properties: { ms: 1000 } }, { id: none, component: 'null' }, { id: sums, component: count }]
streams:
  - { from: gen, to: nap, grouping: { type: shuffle } }
  - { from: nap, to: none, grouping: { type: shuffle } }
  - { from: nap, to: sums, grouping: { type: shuffle } }
YAML
"$squall" submit "$dir/moved.yaml" --wait >/dev/null
"$squall" submit "$dir/slow.yaml" --wait >/dev/null
check "a topology is rebalanced, in Storm's words" rebalanced
check "not without the token" is_refused 401 ask POST /api/v1/topology/moved/rebalance/0 "Content-Length: 0"
check "nor without saying what" is_refused 400 with_token POST /api/v1/topology/moved/rebalance/0
check "nor by half a body" is_refused 400 rebalance moved '"pass": 3}}}, {'
check "nor by a list for a number" is_refused 400 rebalance moved '"pass": [3]'
check "nor with half a wait" is_refused 400 rebalance moved '"pass": 3' 1.5
check "one that is not there neither" is_refused 404 rebalance nothing '"pass": 3'
check "another number of workers is refused" is_refused 409 rebalance moved '"pass": 2}, "numWorkers": 77, "x": {'
check "the number that there is, is not" is_refused 200 rebalance moved '"pass": 2}, "numWorkers": 5, "x": {'
check "a component that is not there is refused as by the command" as_the_command moved pas 3
check "so is no task" as_the_command moved pass 0
check "so are more than there may be" as_the_command moved pass 99999
check "so is what is no number" as_the_command moved pass 2.5
check "so is a spout" as_the_command moved gen 2
check "so is what would lose state" as_the_command slow sums 2
check "so is one that has finished" as_the_command count pass 3
left_alone() {
        local pid
        ask_and_go slow '"none": 2' || return
        pid=$(child)
        says pong get /ping || return
        [[ $(rebalance slow '"none": 3') == *"a rebalance of 'slow' is under way"* ]] || return
        as_the_command slow none 3 >/dev/null && return 1 # the one is under way for HTTP, the other for all
        until_true eval '[ -z "$(child)" ]' && until_true eval '[ "$(tasks slow none)" = 2 ]'
}
check "whoever goes away leaves a rebalance that goes on, and the supervisor answers meanwhile" left_alone
died() {
        local answer
        rebalance slow '"none": 3' >"$dir/answer" &
        until_true has_child || return
        kill -KILL $(child)
        wait $!
        grep -q '^HTTP/1.1 500' "$dir/answer" && grep -q 'squall rebalance was killed by signal 9' "$dir/answer" || { cat "$dir/answer"; return 1; }
}
check "the death of the command is told" died
"$squall" kill moved --wait 0 >/dev/null
"$squall" kill slow --wait 0 >/dev/null

check "one is killed" does count/kill/0 '{"topologyOperation":"kill","topologyId":"count","status":"success"}'
gone() { [ -z "$(state count)" ]; }
check "and forgotten" until_true gone

# ---- whoever asks what ----

check "what is not there is not found" is_refused 404 ask GET /nothing
check "the root is the page" eval 'get / | grep -qF "<title>Squall</title>"'
check "a page is not to be posted to" is_refused 405 with_token POST /ping
check "a method that is not known is refused" is_refused 405 ask DELETE /ping
check "a HEAD has no body" eval '[ "$(ask HEAD /ping | sed "1,/^\$/d" | wc -c)" = 0 ]'
check "another host's name is refused" is_refused 421 raw 'GET /ping HTTP/1.1\r\nHost: example.org\r\nConnection: close\r\n\r\n'
check "no host's name is refused" is_refused 421 raw 'GET /ping HTTP/1.0\r\n\r\n'
check "another site's page is refused" is_refused 403 ask GET /metrics "Origin: http://example.org"
check "our own page is not" is_refused 200 ask GET /metrics "Origin: http://localhost:$port"
check "a path that climbs is refused" is_refused 400 ask GET /ping/../metrics
check "an escaped NUL is refused" is_refused 400 ask GET /ping%00
check "half an escape is refused" is_refused 400 ask GET /ping%4
check "a path that is too long is refused" is_refused 414 ask GET "/$(printf 'x%.0s' {1..1100})"
check "a header that is too large is refused" eval '[[ $(status_of ask GET /ping "X: $(printf "x%.0s" {1..40000})") == 4* ]]'
check "a body that is too large is refused" is_refused 413 ask POST /ping "Content-Length: 1000000000000"
check "a length that is no number is refused" is_refused 400 ask POST /ping "Content-Length: 12x"
check "chunks are refused" is_refused 411 ask POST /ping "Transfer-Encoding: chunked"
rubbish() {
        head -c 200000 /dev/urandom >"/dev/tcp/127.0.0.1/$port" 2>/dev/null
        raw 'POST /ping HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffff\r\nrubbish' 2>/dev/null
        says pong get /ping
}
check "rubbish harms nothing" rubbish
pipelined() {
        local one='GET /ping HTTP/1.1\r\nHost: localhost\r\n'
        [ "$(raw "$one\\r\\n$one\\r\\n${one}Connection: close\\r\\n\\r\\n" | grep -c '^pong')" = 3 ]
}
check "requests that come at once are answered one after the other" pipelined

rss() { awk '/^VmRSS/ { print $2 }' /proc/$supervisor/status; }
emitted() { scrape; value squall_emitted_total 'topology="steady"' 'component="gen"'; }
more_than() { [ "$(emitted)" -gt "$1" ]; }
crowd() {
        local before after i fd fds=()
        before=$(rss)
        ulimit -n "$(ulimit -Hn)"
        for ((i = 0; i < 1000; i++)); do
                exec {fd}<>"/dev/tcp/127.0.0.1/$port" || return
                printf 'GET /metrics HTTP/1.1\r\nHost: loc' >&"$fd" 2>/dev/null
                fds+=("$fd")
        done
        says pong get /ping || return
        until_true more_than "$(emitted)" || { echo "the topology stands still"; return 1; }
        after=$(rss)
        for fd in "${fds[@]}"; do exec {fd}>&-; done
        [ $((after - before)) -lt 32768 ] || { echo "the supervisor grew by $((after - before)) KiB"; return 1; }
}
check "a thousand clients that say half a word keep nobody out and cost no memory" eval '(crowd)'
of_steady() { value "$1" 'topology="steady"'; }
undisturbed() {
        scrape
        [ "$(of_steady squall_worker_restarts_total) $(of_steady squall_lost_total) $(of_steady squall_timed_out_total) $(of_steady squall_gaps_total)" = "1 0 0 0" ]
}
check "no topology was disturbed by all that" undisturbed

# ---- one port ----

mkdir -m 700 "$dir/other"
second() { "$squall" supervisor --state-dir "$dir/state2" --socket "$dir/other/commands" "$@"; }
check "a second supervisor on the port says so" says "cannot serve HTTP at 127.0.0.1:$port: Address already in use" second --http 127.0.0.1:$port
check "and exits with status 2" exits_with 2 second --http 127.0.0.1:$port
check "an address that others can reach is refused" says "served on loopback alone" second --http 0.0.0.0:$port
check "with status 2" exits_with 2 second --http 0.0.0.0:$port
check "what is no address is refused" exits_with 2 second --http=somewhere
check "the port alone is no address" exits_with 2 second --http 8080

kill_supervisor
check "a supervisor that was killed leaves the port free, though its workers go on" serve --http 127.0.0.1:$port
check "the token is the same then" [ "$(cat "$dir/state/http.token")" = "$token" ]
check "and its successor shows what it has adopted" eval 'until_true more_than 0'
"$squall" submit "$dir/slow.yaml" --wait >/dev/null
ends_with_it() {
        local pid asker
        rebalance slow '"none": 2' >"$dir/answer" &
        asker=$!
        until_true has_child || { cat "$dir/answer"; return 1; }
        pid=$(child)
        kill -STOP $pid
        stop || { echo "no stop: $?"; return 1; }
        wait $asker
        until_true eval "! grep -qs rebalance /proc/$pid/cmdline" && grep -q '^HTTP/1.1 503' "$dir/answer" && grep -q 'the supervisor ends' "$dir/answer" || { ps -o pid,stat,args $pid; cat "$dir/answer"; return 1; }
}
check "it ends, and a rebalance that hangs does so with it" ends_with_it
wait $supervisor
check "its port is free then" eval '! (: >/dev/tcp/127.0.0.1/$port) 2>/dev/null'
check "without --http nothing is served" eval '! serve && ! grep -q HTTP "$dir/err" && answers'
"$squall" kill steady --wait 0 >/dev/null
"$squall" kill slow --wait 0 >/dev/null
stop
wait $supervisor
# ---- a topology in the foreground ----

"$squall" run "$dir/steady.yaml" --http 127.0.0.1:0 >/dev/null 2>"$dir/run.err" &
run=$!
end_run() { kill -KILL $run 2>/dev/null; }
on_exit end_run
foreground_serves() { port=$(sed -n 's|.*http://127.0.0.1:\([0-9]*\)$|\1|p' "$dir/run.err"); [ -n "$port" ]; }
check "run --http says where it serves HTTP" until_true foreground_serves
check "it says what it is" [ "$(get /version)" = "{\"version\":\"$("$squall" --version | awk '{ print $2 }')\",\"pid\":$run,\"foreground\":true}" ]
foreground_counts() { scrape && [ "$(value squall_executed_total 'topology="steady"' 'component="sink"')" -gt 0 ]; }
check "it has its metrics" until_true foreground_counts
check "its page and its API are there" eval 'get / | grep -q "<html" && get /api/v1/topology/steady | grep -q "\"status\":\"ACTIVE\"" && get /api/v1/squall/topologies/steady | grep -q "\"topology\":\"steady\""'
check "nothing can be changed" is_refused 403 ask POST /api/v1/topology/steady/deactivate
check "nor its keyed state be seen" is_refused 403 ask GET /api/v1/squall/topologies/steady/state/pass
check "there is no log of it, nor its file" eval 'is_refused 404 ask GET /api/v1/squall/topologies/steady/log && is_refused 404 ask GET /api/v1/squall/topologies/steady/source'
taken() { "$squall" run "$dir/count.yaml" --http "127.0.0.1:$port" >"$dir/said" 2>&1; [ $? = 1 ] && grep -q "cannot serve HTTP at 127.0.0.1:$port: Address already in use" "$dir/said"; }
check "where it cannot be served the topology does not run" taken
kill -INT $run
wait $run
check "it ends with the topology" eval '! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null'
exit $failures

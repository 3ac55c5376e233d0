# SPDX-License-Identifier: Apache-2.0
# What the scenarios of tests/faults share: topologies of numbered tuples, strikes, and the verdict of the verifier. To be sourced.
#
#     topology ...        writes $dir/t.yaml from RATE, COUNT, SPOUTS, SPOUT, PASS, PASSES, GROUPING, SINKS, SINK, JOURNAL, CONFIG, DELIVERY
#     start [ARGS]        runs it in the background and waits until tuples come out
#     host, submit        the same under a daemon: starts the daemon; gives it the topology, and waits likewise
#     strike TASK SIGNAL  sends a signal and notes when
#     drain, or ended N   ends it, or waits until it ends by itself
#     verdict SENTENCE [ALLOWED]   0 lost, 0 corrupted, no task twice at a time, nothing left behind; ALLOWED: what else is to hold, as awk conditions on the findings
set -u
squall=${SQUALL:-$PWD/build/squall} build=${BUILD_DIR:-$PWD/build}
export LC_ALL=C NO_COLOR=1
dir=$(mktemp -d /tmp/squall-faults.XXXXXX)
export XDG_RUNTIME_DIR=$dir/run
mkdir -m 700 "$XDG_RUNTIME_DIR"
trap 'end_all; rm -rf "$dir"' EXIT
trap 'exit 130' INT TERM
failures=0 supervisor='' sampler=''

ok() { echo "ok - $1"; }
not_ok() {
        echo "not ok - $1"
        failures=1
}

check() {
        local sentence=$1
        shift
        if "$@" >"$dir/check" 2>&1; then
                ok "$sentence"
        else
                not_ok "$sentence (SEED=$seed)"
                { echo "failed: $*"; head -n 30 "$dir/check"; tail -n 20 "$dir/err"; } | sed 's/^/    /'
                keep_for_later
        fi
}

# With KEEP=DIRECTORY the records of a failed run stay there.
keep_for_later() {
        [ -z "${KEEP:-}" ] || { mkdir -p "$KEEP" && cp -r "$dir" "$KEEP/"; }
}

exec {nap}<> <(:) # one for all: bash sometimes waits for ever where one is made for each
pause() { read -rt "$1" -u "$nap" || true; }
ms() { printf '%d.%03d' $(($1 / 1000)) $(($1 % 1000)); }

# Chance, all of it from the seed. A subshell has a RANDOM that no seed knows, and so has a here-document; so who draws in one begins with a seed of his own.
seed_with() { RANDOM=$1 seeded=$BASHPID; }
draw() { # VARIABLE LOW HIGH: a number from LOW to HIGH
        [ "$BASHPID" = "$seeded" ] || { echo "${FUNCNAME[1]} draws in a subshell: no seed says what" >&2; kill -TERM $$; }
        printf -v "$1" %d $(($2 + RANDOM % ($3 - $2 + 1)))
}
draw_of() { # VARIABLE CHOICE...: one of them; empty without any
        local drawn
        [ $# -gt 1 ] || { printf -v "$1" ''; return; }
        draw drawn 2 $#
        printf -v "$1" %s "${!drawn}"
}
one_in() { local drawn; draw drawn 1 "$1"; [ "$drawn" = 1 ]; }
pause_between() { local drawn; draw drawn "$1" "$2"; pause "$(ms "$drawn")"; } # milliseconds

# until_true SECONDS COMMAND...
until_true() {
        local deadline=$((SECONDS + $1))
        shift
        until "$@"; do
                [ $SECONDS -lt $deadline ] || return 1
                pause 0.02
        done 2>/dev/null
}

# ---- processes, known by their run directory ----

workers() { grep -ls "$XDG_RUNTIME_DIR/[s]quall/" /proc/[0-9]*/cmdline | tr -dc '0-9\n'; } # the brackets keep grep from finding itself
title() { tr '\0' '\n' 2>/dev/null <"/proc/$1/cmdline" | head -n 1; }
worker() {
        local pid
        for pid in $(workers); do case "$(title "$pid") " in *" $1 "*) echo "$pid"; return 0 ;; esac; done
        return 1
}
is_gone() { [ ! -e "/proc/$supervisor" ] || grep -q '^State:.Z' "/proc/$supervisor/status"; }
no_worker() { [ -z "$(workers)" ]; }
rundir_is_empty() { [ -z "$(find "$XDG_RUNTIME_DIR" -mindepth 1 -not -path "$XDG_RUNTIME_DIR/squall")" ]; }
tasks_running() { for pid in $(workers); do title "$pid"; done | sed 's/.* //' | sort; }
each_task_once() { [ "$(tasks_running | xargs)" = "$(printf '%s\n' "${tasks[@]}" | sort | xargs)" ]; }
nothing_is_left() { until_true 10 no_worker && until_true 10 rundir_is_empty; }
end_all() {
        [ -z "$sampler" ] || kill "$sampler" 2>/dev/null
        kill -KILL $(workers) ${supervisor:-} 2>/dev/null
        wait 2>/dev/null
        ! mountpoint -q "$dir/small" || umount "$dir/small"
}

# ---- topologies ----

# sent -> pass -> got, all by key; the settings are variables, unset again afterwards.
topology() {
        rm -rf "$dir/j" "$dir/dead"
        mkdir "$dir/j"
        local letters=", topology.dead.letter.path: $dir/letters"
        [[ ${CONFIG:-} != *dead.letter* ]] || letters=
        cat >"$dir/t.yaml" <<YAML
name: faults
config: { topology.delivery: ${DELIVERY:-at-least-once}${CONFIG:+, $CONFIG}$letters }
spouts:
  - id: sent
    component: $build/tests/components/ledgered.so
    parallelism: ${SPOUTS:-1}
    properties: { directory: $dir/j, rate: ${RATE:-20000}, count: ${COUNT:-0}${SPOUT:+, $SPOUT} }
bolts:
  - { id: pass, parallelism: ${PASSES:-2}, ${PASS:-component: identity} }
  - { id: got, component: $build/tests/components/journal.so, parallelism: ${SINKS:-2}, properties: { directory: ${JOURNAL:-$dir/j}${SINK:+, $SINK} } }
streams:
  - { from: sent, to: pass, grouping: ${GROUPING:-{ type: fields, args: [key] \}} }
  - { from: pass, to: got, grouping: { type: fields, args: [key] } }
YAML
        unset DELIVERY CONFIG SPOUTS RATE COUNT SPOUT PASSES PASS SINKS SINK GROUPING JOURNAL
}
faulty() { echo "component: $build/tests/components/faulty.so, properties: { $1 }"; }

out() { cat "$dir"/j/got.* 2>/dev/null | wc -c; }
flows() { [ "$(out)" -gt 0 ]; }
begin() {
        $PREFIX "$squall" run --json "$@" "$dir/t.yaml" >"$dir/out" 2>"$dir/err" &
        supervisor=$!
        : >"$dir/samples"
        sample &
        sampler=$!
}
PREFIX=
start() {
        begin "$@"
        until_true 20 flows
}

answers() { "$squall" list; } >/dev/null
host() {
        "$squall" supervisor --state-dir "$dir/state" >>"$dir/out" 2>>"$dir/err" &
        supervisor=$!
        [ -n "$sampler" ] || : >"$dir/samples"
        sample &
        sampler=$!
        until_true 20 answers
}
kill_host() {
        kill -KILL $supervisor
        wait $supervisor 2>/dev/null
}
submit() { "$squall" submit "$dir/t.yaml" --wait >>"$dir/out" && until_true 20 flows; }
dismiss() { # drains the topology and ends the daemon
        "$squall" kill faults >>"$dir/out" 2>>"$dir/err"
        "$squall" supervisor --stop >>"$dir/out" 2>>"$dir/err"
        ended 20
}

# Four times a second: resident memory of all workers in KiB, the most descriptors of one process, zombies, tasks that run twice.
sample() {
        local p fds most pids
        while [ -e "/proc/$supervisor" ]; do
                pids=$(workers) most=0
                for p in $pids $supervisor; do
                        fds=(/proc/$p/fd/*)
                        [ ${#fds[@]} -le $most ] || most=${#fds[@]}
                done
                echo "$EPOCHREALTIME $(printf '/proc/%d/status\n' $pids $supervisor | xargs grep -hs '^VmRSS' | awk '{ n += $2 } END { print n + 0 }') $most" \
                        "$(grep -ls "^PPid:.$supervisor\$" /proc/[0-9]*/status 2>/dev/null | xargs -r grep -ls '^State:.Z' | wc -l)" \
                        "$(printf '/proc/%d/cmdline\n' $pids | xargs grep -hsaz '^squall: worker' | tr '\0' '\n' | sort | uniq -d | wc -l)" >>"$dir/samples"
                pause 0.25
        done
}

strike() { # TASK SIGNAL; a task that is just not there is waited for
        local pid
        until_true 10 worker "$1" >/dev/null && pid=$(worker "$1") && "$build/tests/faults/strike" "$dir/j/strikes" "$2" "$pid" "$1"
}

ended() { # waits at most $1 seconds for the end; `status` is its exit status then
        until_true "$1" is_gone || { status=hangs; return 1; }
        wait "$supervisor"
        status=$?
        kill "$sampler" 2>/dev/null
        wait "$sampler" 2>/dev/null
        sampler=
}
drain() {
        kill -INT "$supervisor" 2>/dev/null
        ended "${1:-60}"
}

# ---- verdicts ----

finding() { awk -v name="$1" '$1 == name { print $2 }' "$dir/findings"; }
find_out() {
        local name
        "$build/tests/faults/verify" "$dir/j" 1000 ${ACKED:+acked} >"$dir/findings" 2>"$dir/verify.err"
        {
                awk '{ if ($2 > rss) rss = $2; if ($3 > fds) fds = $3; if ($4) z++; else z = 0; if (z > zs) zs = z; twins += $5 }
                        END { print "rss_kib", rss + 0; print "fds", fds + 0; print "zombies", (zs > 2); print "twins", twins + 0 }' "$dir/samples"
                echo "seconds $(grep -o '"uptime_s":[0-9.]*' "$dir/out" | cut -d: -f2)"
                for name in restarts timed_out gaps; do
                        echo "$name $(grep -o "\"$name\":[0-9]*" "$dir/out" | cut -d: -f2 | awk '{ n += $1 } END { print n + 0 }')"
                done
        } >>"$dir/findings"
}
holds() { # a condition on the findings by their names, as awk writes it, its words apart
        local words
        words=$(awk -v what="$1" '{ v[$1] = $2 }
                END { n = split(what, w, " "); for (i = 1; i <= n; i++) printf "%s ", w[i] in v ? v[w[i]] + 0 : w[i] ~ /^[a-z]/ ? 0 : w[i] }' "$dir/findings")
        awk "BEGIN { exit !($words) }"
}
summary() { awk '{ printf "%s %s; ", $1, $2 }' "$dir/findings"; }
verdict() {
        local sentence=$1 condition wrong=''
        shift
        find_out
        for condition in "lost == ${LOST:-0}" "corrupted == 0" "sent > 0" "zombies == 0" "twins == 0" "$@"; do
                holds "$condition" || wrong+="$condition; "
        done
        nothing_is_left || wrong+="something is left: $(title "$(workers | head -n 1)") $(ls "$XDG_RUNTIME_DIR"/squall 2>/dev/null); "
        if [ -z "$wrong" ]; then
                ok "$sentence"
        else
                not_ok "$sentence (SEED=$seed; not so: $wrong)"
                { head -n 5 "$dir/verify.err"; tail -n 25 "$dir/err"; } | sed 's/^/    /'
                keep_for_later
        fi
        unset LOST
        [ -z "${VERBOSE:-}" ] || echo "    $(summary)"
        [ -z "${FINDINGS:-}" ] || sed "s/^/$scenario $seed /" "$dir/findings" >>"$FINDINGS"
}

# SPDX-License-Identifier: Apache-2.0
# Where tuples come in and go out: the journal of the zmq spout, and the files of `write` that are rotated. What dies does so at random instants and at
# the steps of its way (tests/components/steps.c): before each file that it makes, writes, syncs, cuts, renames or removes. Scenarios of tests/faults/run,
# which sources this.

# begin, with steps: what each task comes to is in $dir/steps/trace.
begin_stepped() {
        mkdir -p "$dir/steps"
        arm
        PREFIX="env SQUALL_STEPS=$dir/steps LD_PRELOAD=$build/tests/components/steps.so" begin "$@"
}
armed=0
arm() { printf '%s\n' "$*" $((++armed)) >"$dir/steps/armed.new" && mv "$dir/steps/armed.new" "$dir/steps/armed"; }
# A step of TASK but for its messages, each as likely as the other, however often it comes to it.
draw_step() { # VARIABLE TASK
        local steps
        mapfile -t steps < <(grep "^$2 " "$dir/steps/trace" | cut -d ' ' -f 2- | grep -v '^send ' | sort -u)
        draw_of "$1" "${steps[@]}"
}
# TASK is killed before one of its steps; at once where it does not come to that any more.
die_at_step() {
        local what when
        draw_step what "$1"
        draw when 1 3
        rm -f "$dir/steps/struck"
        arm "$1" kill "$when" "$what"
        echo "$1 $what" >>"$dir/killed"
        until_true 2 [ -e "$dir/steps/struck" ] || hit $(worker "$1")
        arm
}
# One that TASK dies of; all; the run itself, which begins again with the arguments.
edge_death() { # TASK ARGUMENTS
        local task=$1 how
        shift
        draw how 0 4
        case $how in
                0 | 1) die_at_step "$task" ;;
                2) hit $(worker "$task") ;;
                3) hit $(workers) ;;
                4)
                        { kill -KILL $supervisor && ended 20; } 2>/dev/null
                        if [ $# = 0 ] || has_epoch "$dir/epochs"; then begin_stepped "$@"; else over=1 status=0; fi # it had come to its end
                        ;;
        esac
}

# ---- The journal ----

# What was taken in stands in the segments, as JSON. All epochs are kept exactly once, and so is all of the journal; else what is done is cut off, and
# `keep` is called before that.
journal_topology() { # DELIVERY BOLT
        local interval
        draw_of interval 20 40 80
        cat >"$dir/t.yaml" <<YAML
name: faults
config: { topology.delivery: $1, topology.checkpoint.interval.ms: $interval, topology.checkpoint.keep: 1000 }
spouts:
  - id: in
    component: zmq
    properties:
      endpoint: ipc://$dir/socket
      bind: true
      format: json
      fields: [n]
      journal: $dir/journal
      journal.max-bytes: 8388608
      journal.sync: $(printf '%s\n' each interval none | shuf -n 1 --random-source=<(yes "$seed"))
bolts:
  - { id: pass, component: $2, parallelism: 2 }
  - { id: out, component: write, properties: { path: $dir/got, mode: append } }
streams: [ { from: in, to: pass, grouping: { type: fields, args: [n] } }, { from: pass, to: out, grouping: { type: global } } ]
YAML
        mkdir -p "$dir/kept"
}
keep() { ln -f "$dir"/journal/in-0/0* "$dir/kept/" 2>/dev/null; return 0; }
taken_in() { cat "$dir"/journal/in-0/0* "$dir"/kept/0* 2>/dev/null | grep -aoE '\{"n":[0-9]+,' | tr -dc '0-9\n' | sort -nu; }
come_out() { cut -f 1 "$dir/got" | sort -nu; }
# How many of them the drained spout left in the journal.
left_in_journal() { grep -ohE '[0-9]+ messages wait in the journal' "$dir/out" "$dir/err" | tail -n 1 | tr -dc 0-9; }
none_wait() { [ "$(taken_in | wc -l)" -le "$(come_out | wc -l)" ]; }
has_more_rows() { [ "$(cat "$dir/got" 2>/dev/null | wc -l)" -gt "$1" ] || ! kill -0 $sender; }
# Kills, each when more has come out since the one before, while a sender numbers its messages.
play_journal() { # ARGUMENTS of a run that begins again
        until_true 20 [ -S "$dir/socket" ]
        timeout 120 "$build/tests/faults/zmq_peer" number "ipc://$dir/socket" 16000 "${PACE:-25}" &
        sender=$!
        for _ in $(seq "${KILLS:-6}"); do
                until_true 20 has_more_rows "$(cat "$dir/got" 2>/dev/null | wc -l)"
                pause_between 0 300
                keep
                edge_death in/0 "$@"
        done
        wait $sender
        keep
        until_true 30 none_wait
        drain
        taken_in >"$dir/want"
}
# A drain right behind a death may go back to an epoch, or without what a spout had under way, of which it says so.
drains() { [ "$status" = 130 ] || { [ "$status" = 1 ] && grep -qE 'the drain (went back to the last epoch|goes on without)' "$dir/out" "$dir/err"; }; }
# All that was taken in has come out, but for as many as are left.
none_lost() {
        [ "$(wc -l <"$dir/want")" -ge 1000 ] || { echo "only $(wc -l <"$dir/want") were taken in"; return 1; }
        come_out | sort | comm -13 - <(sort "$dir/want") >"$dir/lost"
        [ "$(wc -l <"$dir/lost")" -le "0$(left_in_journal)" ] || { echo "$(wc -l <"$dir/lost") are lost:"; head -n 5 "$dir/lost"; cat "$dir/killed"; return 1; }
}
none_twice() {
        cut -f 1 "$dir/got" | sort | uniq -d >"$dir/twice"
        awk '$2 != 1' "$dir/got" >>"$dir/twice"
        [ ! -s "$dir/twice" ] || { echo "twice:"; head -n 5 "$dir/twice"; cat "$dir/killed"; return 1; }
}
none_foreign() { [ -z "$(come_out | sort | comm -23 - <(sort "$dir/want"))" ]; }

scenario_journal_exact() {
        journal_topology exactly-once count
        begin_stepped -c "topology.checkpoint.dir=$dir/epochs"
        play_journal -c "topology.checkpoint.dir=$dir/epochs" --from "$dir/epochs"
        check "exactly once, a run whose messages come through a journal drains, whoever was killed" drains
        check "and each message that the journal took counts" none_lost
        check "once" none_twice
        check "and no other" none_foreign
        check "and nothing is left" nothing_is_left
}
scenario_journal_least() {
        journal_topology at-least-once identity
        begin_stepped
        play_journal
        check "at least once, a run whose messages come through a journal drains, whoever was killed" drains
        check "and each message that the journal took comes out" none_lost
        check "and nothing is left" nothing_is_left
}

scenario_quick_journal() { KILLS=3 scenario_journal_exact; }

# ---- Rotated files ----

files_topology() { # TASKS PROPERTIES
        local interval
        draw_of interval 15 30 60
        seq "${LINES:-16000}" | awk '{ printf "%d a line that is long enough for files to fill up: %x\n", $1, $1 * 2654435761 % 4294967296 }' >"$dir/lines"
        sort "$dir/lines" >"$dir/want"
        cat >"$dir/t.yaml" <<YAML
name: faults
config: { topology.delivery: exactly-once, topology.checkpoint.interval.ms: $interval }
spouts: [ { id: in, component: file, properties: { path: $dir/lines, rate: 4000 } } ]
bolts: [ { id: out, component: write, parallelism: $1, properties: { path: $dir/got, $2 } } ]
streams: [ { from: in, to: out, grouping: { type: shuffle } } ]
YAML
}
written_files() { find "$dir" -maxdepth 1 -name 'got*' ! -name '*.commits*'; }
# In whole lines, or whole members.
all_written() {
        local file
        for file in $(written_files | sort -V); do
                if [ "$packed" = gzip ] && [ -s "$file" ]; then gzip -dc "$file" || return; else cat "$file"; fi >"$dir/one"
                [ ! -s "$dir/one" ] || [ -z "$(tail -c 1 "$dir/one")" ] || { echo "$file ends within a line" >&2; return 1; }
                cat "$dir/one"
        done
}
is_written_once() {
        all_written >"$dir/all" || { ls -l "$dir"/got*; return 1; }
        sort "$dir/all" | diff - "$dir/want" >"$dir/diff" || { wc -l "$dir/diff"; head -n 8 "$dir/diff"; ls -l --full-time "$dir"/got*; cat "$dir/killed"; return 1; }
}
play_files() {
        local over='' task
        begin_stepped -c "topology.checkpoint.dir=$dir/epochs"
        for _ in $(seq "${KILLS:-8}"); do
                until_true 20 has_epoch_or_is_over
                pause_between 0 500
                { [ $over ] || is_gone; } && break
                draw_of task out/0 $(tasks_running | grep '^out')
                edge_death "$task" -c "topology.checkpoint.dir=$dir/epochs" --from "$dir/epochs"
        done
        [ $over ] || ended 60 || true
}
has_epoch_or_is_over() { has_epoch "$dir/epochs" || is_gone; }
has_ended() { [ "$status" = 0 ] && nothing_is_left; }

scenario_rotated() {
        local bytes tenths when
        draw_of packed none gzip
        draw bytes 2000 60000
        draw tenths 1 9
        draw_of when "rotate-bytes: $bytes" "rotate-secs: 0.$tenths"
        files_topology 1 "compress: $packed, $when"
        play_files
        check "exactly once, a run whose files are rotated ends by itself, whoever was killed" has_ended
        check "and each line stands in one of them, once and whole" is_written_once
        check "and there are several" test "$(written_files | wc -l)" -gt 3
}
scenario_published() {
        local rotator writers
        draw_of packed none gzip
        draw writers 1 2
        files_topology "$writers" "compress: $packed, visible: commit"
        rotate_by_hand &
        rotator=$!
        play_files
        kill "$rotator" 2>/dev/null
        check "exactly once, a run whose files are published and taken away ends by itself, whoever was killed" has_ended
        check "and each line stands in one of them, once and whole" is_written_once
        check "and there are several" test "$(written_files | wc -l)" -gt 3
}
scenario_quick_published() { KILLS=4 scenario_published; }
# As logrotate does.
rotate_by_hand() {
        local n=0
        seed_with "$seed"
        while true; do
                pause_between 20 300
                mv -n "$dir/got" "$dir/got.$((++n))" 2>/dev/null
        done
}

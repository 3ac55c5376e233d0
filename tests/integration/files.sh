#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The built-ins that touch the file system, `file` and `write`: killed, rotated, truncated, out of room.
# modes: release
source "$(dirname "$0")/lib"

topology() { # NAME SPOUT-PROPERTIES BOLT-PROPERTIES [COMPONENT]
        cat >"$dir/$1.yaml" <<YAML
name: $1
spouts:
  - { id: in, component: ${4:-file}, properties: { $2 } }
bolts:
  - { id: out, component: write, properties: { $3 } }
streams:
  - { from: in, to: out, grouping: { type: global } }
YAML
}
begin() {
        XDG_RUNTIME_DIR=$dir "$squall" run -c "topology.dead.letter.path=$dir/$1.letters" "$dir/$1.yaml" >"$dir/$1.out" 2>"$dir/$1.log" &
        run=$!
}
# held_run NAME: of a topology that reads standard input, which is fd 9 here: it cannot end before that is closed.
held_run() {
        rm -f "$dir/held"
        mkfifo "$dir/held"
        XDG_RUNTIME_DIR=$dir "$squall" run "$dir/$1.yaml" <"$dir/held" >/dev/null 2>"$dir/$1.log" &
        run=$!
        exec 9>"$dir/held"
}
worker() { pgrep -P "$run" -f "[s]quall: worker [a-z]* $1\$|[s]quall: worker.* $1( |\$)" | head -1; }
size() { stat -c %s "$1" 2>/dev/null || echo 0; }
grew() { [ "$(size "$1")" -gt "$2" ] || ! kill -0 "$run" 2>/dev/null; }
lines_of() { wc -l <"$1"; }
lines() { [ "$(cat "$1" 2>/dev/null | wc -l)" -ge "$2" ]; }

# ---- write, killed at random ----

# Lines longer than a page, so that most writes are cut within one.
topology killed "count: 12000, rate: 1500, fields: { n: seq, pad: const $(printf 'x%.0s' {1..6000}), m: seq }" "path: $dir/killed.tsv" generate
begin killed
kills=0
while kill -0 "$run" 2>/dev/null && [ $kills -lt 12 ]; do
        until_true grew "$dir/killed.tsv" $(($(size "$dir/killed.tsv") + RANDOM * 40))
        p=$(worker out/0) && [ -n "$p" ] && kill -KILL "$p" 2>/dev/null && kills=$((kills + 1))
done
wait "$run"
status=$?
whole() {
        [ $kills -gt 3 ] && [ $status = 0 ] && awk -F'\t' '
                NF != 3 || $1 != $3 || length($2) != 6000 { print "torn: " substr($0, 1, 60); bad = 1; next }
                !seen[$1]++ { n++ }
                END { if (n != 12000) print n " of 12000"; exit bad || n != 12000 }' "$dir/killed.tsv"
}
check "write, killed at random, leaves whole lines and every tuple in them" whole
rm -f "$dir/killed.tsv"

# ---- rotation ----

# rotated NAME: what all files of that output have, the old ones first.
rotated() { cat $(ls -tr "$dir/$1" "$dir/$1".2* 2>/dev/null); }
# strikes NAME N: kills the writer of the run N times, each time when a file has come.
strikes() {
        local i files
        for ((i = 0; i < $2; i++)); do
                files=$(ls "$dir/$1"* | wc -l)
                until_true eval "[ \$(ls '$dir/$1'* | wc -l) -gt $files ] || ! kill -0 $run 2>/dev/null"
                kill -KILL "$(worker out/0)" 2>/dev/null
        done
        wait "$run"
}
by_size() {
        local f
        topology by_size "count: 20000, fields: { n: seq, pad: const $(printf 'x%.0s' {1..90}) }" "path: $dir/by_size.csv, format: csv, rotate-bytes: 300000" generate
        begin by_size
        wait "$run" || return
        [ "$(ls "$dir"/by_size.csv.2* | wc -l)" -ge 5 ] && for f in "$dir"/by_size.csv*; do [ "$(head -n 1 "$f")" = n,pad ] || return; done
        for f in "$dir"/by_size.csv.2*; do [ "$(size "$f")" -ge 300000 ] && [ "$(size "$f")" -lt 500000 ] || return; done
        [ "$(rotated by_size.csv | grep -v '^n,' | cut -d , -f 1 | sort -n | uniq | wc -l)" = 20000 ] && [ "$(rotated by_size.csv | grep -vc '^n,')" = 20000 ] && ! grep -q 'renamed or deleted' "$dir/by_size.log"
}
check "write rotates a file that is large: each begins with the header, and no line is lost or twice" by_size
killed_rotating() {
        topology turning "count: 12000, rate: 4000, fields: { n: seq, pad: const $(printf 'x%.0s' {1..6000}), m: seq }" "path: $dir/turning.tsv, rotate-bytes: 5000000" generate
        begin turning
        strikes turning.tsv 5 || return
        rotated turning.tsv | awk -F'\t' 'NF != 3 || $1 != $3 || length($2) != 6000 { bad = 1; next } !seen[$1]++ { n++ } END { if (n != 12000) print n " of 12000"; exit bad || n != 12000 }'
}
check "write that rotates and is killed leaves whole lines and every tuple in them" killed_rotating
rm -f "$dir"/turning* "$dir"/by_size*
by_age() {
        topology by_age "count: 60, rate: 40, fields: { n: seq }" "path: $dir/by_age.tsv, rotate-secs: 0.2" generate
        begin by_age
        wait "$run" && [ "$(ls "$dir"/by_age.tsv.2* | wc -l)" -ge 2 ] && rotated by_age.tsv | sort -n | cmp - <(seq 0 59)
}
check "write rotates a file that is old" by_age
# While nothing comes it is rotated too, and nothing is made in its place.
idle() {
        (printf 'one\n'; until_true eval '[ -e "$(echo "$dir"/idle.tsv.2*)" ]') | XDG_RUNTIME_DIR=$dir "$squall" run "$dir/idle.yaml" >"$dir/idle.out" 2>"$dir/idle.log" &&
                [ ! -e "$dir/idle.tsv" ] && [ "$(cat "$dir"/idle.tsv.2*)" = one ]
}
topology idle "path: '-'" "path: $dir/idle.tsv, rotate-secs: 0.3"
check "write rotates a file that gets old while nothing comes" idle
# Exactly once: at the ends of epochs. `file` reads the parts back by the keys that they were written with.
exactly() {
        local dialect="format: csv, separator: semicolon, quote: single" part
        topology exactly "count: 30000, rate: 10000, fields: { n: seq, text: const it's;so }" "path: $dir/exactly.csv, rotate-bytes: 10000, $dialect" generate
        sed -i "2i config: { topology.delivery: exactly-once, topology.checkpoint.interval.ms: 60 }" "$dir/exactly.yaml"
        begin exactly
        strikes exactly.csv 5
        [ -s "$dir/exactly.csv" ] || rm "$dir/exactly.csv" # begun by a rotation at the end
        topology exactly_back "path: '$dir/exactly.csv*', $dialect" "path: $dir/exactly.jsonl, format: jsonl"
        "$squall" run --inline "$dir/exactly_back.yaml" && [ "$(ls "$dir"/exactly.csv.2* | wc -l)" -ge 5 ] &&
                for part in "$dir"/exactly.csv*; do [ "$(grep -c '^n;text' "$part")" = 1 ] || return; done &&
                sort -t '"' -k 4n "$dir/exactly.jsonl" | cmp - <(seq -f "{\"n\":\"%.0f\",\"text\":\"it's;so\"}" 0 29999)
}
check "write that rotates CSV exactly once has each line once and a header in each part, whoever is killed" exactly
refuses() { # SENTENCE PATTERN PROPERTIES [PARALLELISM]
        topology refused "count: 1, fields: { n: seq }" "$3" generate
        sed -i "s/component: write/component: write, parallelism: ${4:-1}/" "$dir/refused.yaml"
        check "$1" eval "! '$squall' check $dir/refused.yaml 2>$dir/refused.log && grep -q \"$2\" $dir/refused.log"
}
# More files than may be open, and the writer is killed.
many() {
        local i
        topology many "count: 20000, rate: 8000, fields: { n: seq }" "path: '$dir/many/{n % 40}/{n % 200}.tsv', open: 20" generate
        begin many
        for i in 1 2 3 4; do
                until_true eval "[ \"\$(cat '$dir'/many/*/* 2>/dev/null | wc -l)\" -gt $((i * 3000)) ]"
                kill -KILL "$(worker out/0)" 2>/dev/null
        done
        wait "$run" && [ "$(ls "$dir"/many/*/* | wc -l)" = 200 ] && awk -v dir="$dir/many/" 'FILENAME != dir $1 % 40 "/" $1 % 200 ".tsv" { bad = 1; print FILENAME, $1 } !seen[$1]++ { n++ } END { print n; exit bad || n != 20000 }' "$dir"/many/*/*
}
check "write with fields in its path has each tuple in the file of its values, whoever is killed" many
rm -rf "$dir/many"
cut_short() {
        printf '%s\n' '{"k":"a","n":1}' '{"k":"a.tsv\u0000","n":2}' >"$dir/nul.jsonl"
        topology nul "path: $dir/nul.jsonl, format: jsonl, fields: { k: str, n: int }" "path: '$dir/nul/{k}.tsv'"
        begin nul
        wait "$run" && [ "$(cat "$dir"/nul/*)" = $'a\t1' ] && grep -q 'has a NUL in it' "$dir/nul.log"
}
check "write leaves out a path with a NUL in it, though the file that it would be cut to is open" cut_short
refuses "check refuses to rotate what several tasks write" "2 tasks can't rotate one file" "path: $dir/x, rotate-secs: 10" 2
sed_exact() { sed -i "2i config: { topology.delivery: exactly-once }" "$dir/refused.yaml"; }
check "check refuses a path with fields under exactly-once" eval 'topology refused "count: 1, fields: { n: seq }" "path: \"$dir/{n}\"" generate && sed_exact && ! "$squall" check "$dir/refused.yaml" 2>"$dir/refused.log" && grep -q "it has no fields" "$dir/refused.log"'
refuses "check refuses to rotate stdout" "stdout is not rotated" "path: '-', rotate-bytes: 10"

# ---- the name of an output file ----

topology renamed "path: '-'" "path: $dir/renamed.tsv"
held_run renamed
seq 2000 >&9
until_true lines "$dir/renamed.tsv" 100
mv "$dir/renamed.tsv" "$dir/renamed.tsv.1"
seq 2001 4000 >&9
exec 9>&-
wait "$run"
check "write goes on in a new file when its own was renamed, and reports it" \
        eval '[ "$(sort -u "$dir/renamed.tsv" "$dir/renamed.tsv.1" | wc -l)" = 4000 ] && [ -s "$dir/renamed.tsv" ] && grep -q "renamed or deleted" "$dir/renamed.log"'

# As logrotate does it, with its usual postrotate.
topology hung_up "path: '-'" "path: $dir/hung_up.tsv"
held_run hung_up
seq 2000 >&9
until_true lines "$dir/hung_up.tsv" 100
mv "$dir/hung_up.tsv" "$dir/hung_up.tsv.1"
everyone="$run $(pgrep -P "$run")"
kill -HUP $everyone
seq 2001 4000 >&9
check "after SIGHUP to everyone the same processes write into a new file" \
        eval 'until_true lines "$dir/hung_up.tsv" 100 && [ "$everyone" = "$run $(pgrep -P "$run")" ]'
exec 9>&-
wait "$run"
status=$?
check "and nothing is missing" eval '[ $status = 0 ] && [ "$(sort -u "$dir/hung_up.tsv" "$dir/hung_up.tsv.1" | wc -l)" = 4000 ]'

# What the file had is put aside while the writer stands still, so that nothing is missing but by the writer's fault.
mkdir "$dir/folder"
topology unhoused "path: '-'" "path: $dir/folder/out.tsv"
held_run unhoused
seq 1000 >&9
until_true lines "$dir/folder/out.tsv" 100
p=$(worker out/0) && kill -STOP "$p"
until_true grep -q '^State:.T' "/proc/$p/status"
cp "$dir/folder/out.tsv" "$dir/unhoused.tsv"
rm -r "$dir/folder"
kill -CONT "$p"
seq 1001 2000 >&9
until_true grep -q 'folder/out.tsv: No such file or directory' "$dir/unhoused.log"
mkdir "$dir/folder"
seq 2001 4000 >&9
exec 9>&-
wait "$run"
status=$?
check "write reports that its folder was deleted, and goes on when there is one again" \
        eval '[ $status = 0 ] && [ "$(sort -u "$dir/folder/out.tsv" "$dir/unhoused.tsv" | wc -l)" = 4000 ] && [ "$(sort -n "$dir/folder/out.tsv" | tail -1)" = 4000 ]'
# Its rotator reads the old file as soon as it has renamed it; a new name of it stands for what comes after.
topology rotated "path: '-', rate: 2000" "path: $dir/rotated.tsv"
held_run rotated
for i in 1 2 3 4; do
        seq $((i * 1000 - 999)) $((i * 1000)) >&9
        until_true lines "$dir/rotated.tsv" 400
        mv "$dir/rotated.tsv" "$dir/rotated.$i"
        p=$(worker out/0)
        kill -STOP "$p" && until_true grep -q "^State:.T" "/proc/$p/status"
        cp "$dir/rotated.$i" "$dir/read.$i"
        kill -CONT "$p"
done
seq 4001 5000 >&9
exec 9>&-
wait "$run"
check "what is written after a rename is in the new file" \
        eval '[ "$(sort -u "$dir/rotated.tsv" "$dir"/read.? | wc -l)" = 5000 ] && for i in 1 2 3 4; do cmp "$dir/rotated.$i" "$dir/read.$i" || exit 1; done'

# ---- stdout ----

topology piped "path: $dir/killed.yaml, repeat: 20000" "path: '-'"
gone() {
        local status
        timeout 20 "$squall" run "$dir/piped.yaml" 2>"$dir/piped.log" | head -1 >/dev/null
        status=${PIPESTATUS[0]}
        [ "$status" = 1 ] && grep -q 'stdout: its reader has gone' "$dir/piped.log"
}
check "a run whose reader of stdout has gone ends with 1 and names the cause" gone
closed() {
        timeout 20 "$squall" run "$dir/piped.yaml" 2>"$dir/piped.log" >&-
        [ $? = 1 ] && grep -q 'stdout: is closed' "$dir/piped.log"
}
check "a run whose stdout is closed ends with 1 and names the cause" closed
topology unread 'path: "-"' "path: $dir/unread.tsv"
no_stdin() {
        timeout 20 "$squall" run "$dir/unread.yaml" 2>"$dir/unread.log" <&-
        [ $? = 1 ] && grep -q 'standard input: is closed' "$dir/unread.log"
}
check "so does one that reads standard input, which is closed" no_stdin
topology small "fields: { n: seq }" "path: $dir/small.tsv" generate
too_large() {
        local said small status
        exec {said}< <(ulimit -f 1 && exec "$squall" run -c topology.message.timeout.secs=0.3 "$dir/small.yaml" 2>&1)
        small=$!
        timeout 60 grep -m 1 -q "File too large" <&"$said"
        status=$?
        kill -INT $small
        cat <&"$said" >/dev/null # until it has ended
        exec {said}<&-
        return $status
}
check "a file size limit is an error of the write, not a crash" too_large

# ---- file, followed through kills, rotations and truncations ----

topology followed "path: $dir/app.log, follow: true" "path: $dir/followed.tsv"
printf 'hello world\nhello world\n' >"$dir/app.log"
begin followed
until_true lines "$dir/followed.tsv" 2
# One whose end the supervisor had not heard of may come again: it counts once, as the two that are the same.
came() { [ "$(sort -u "$dir/followed.tsv" | wc -l)" -ge "$1" ]; }
is_back() { p=$(worker in/0); [ -n "$p" ] && [ "$p" != "${1:-}" ]; }
# strike COMMAND...: done while the spout stands still, which is then killed; LINES: what is to come out until the next one.
strike() {
        local want=$1 old
        shift
        until_true is_back
        old=$p
        nap 0.2 # a position is told within 50 ms, and nothing shows from outside that it was
        kill -STOP "$old"
        eval "$*"
        kill -KILL "$old"
        until_true is_back "$old" && until_true came "$want"
}
log=$dir/app.log
strike 2 "echo third >>$log"
strike 4 "echo fourth >>$log; mv $log $log.1; echo fifth >$log"
strike 7 "echo sixth >>$log; mv $log.1 $log.3; mv $log $log.2; echo seventh >$log.1; touch -r $log.2 $log.1; echo eighth >$log" # within one tick of the clock
strike 9 "cp $log $log.0; : >$log; printf 'ninth, longer than all that stood there before\ntenth\n' >>$log"
strike 10 "rm $log; echo eleventh >$log"
kill -INT "$run"
wait "$run"
status=$?
# Each record, in order and whole; one whose end the supervisor had not heard of when the spout was killed may come again.
check "a followed file is read on in whatever its name is, through kills and rotations" \
        eval 'diff <(printf "%s\n" "hello world" third fourth fifth sixth seventh eighth "ninth, longer than all that stood there before" tenth eleventh) <(awk "!seen[\$0]++" "$dir/followed.tsv")'
check "what cannot be found again is reported as lost" grep -q 'is gone: what came after that in it is lost' "$dir/followed.log"

# ---- file, read once ----

seq 100000 >"$dir/once.txt"
topology once "path: $dir/once.txt, rate: 20000" "path: $dir/once.tsv"
begin once
until_true lines "$dir/once.tsv" 100
: >"$dir/once.txt"
wait "$run"
status=$?
check "a file that shrinks while it is read ends the run with 1 and its name" \
        eval '[ $status = 1 ] && grep -q "once.txt: was truncated or written anew while it was read" "$dir/once.log"'
seq 5 >"$dir/data.txt"
ln "$dir/data.txt" "$dir/link.txt"
topology circle "path: $dir/data.txt" "path: $dir/link.txt"
refused() { ! timeout 20 "$squall" "$1" "$dir/circle.yaml" 2>"$dir/circle.log" && grep -q "would write the file that 'in' reads" "$dir/circle.log" && [ -s "$dir/data.txt" ]; }
check "check refuses to write the file that is read, by whatever link" refused check
check "run refuses it before the file is emptied" refused run
# What the shell has opened as standard input or output is such a file as well.
by_the_shell() { # SPOUT'S SETTINGS BOLT'S
        topology circle "$1" "$2"
        ! timeout 20 "$squall" run "$dir/circle.yaml" <"$dir/data.txt" 2>"$dir/circle.log" >>"$dir/data.txt" &&
                grep -q "would write the file that 'in' reads" "$dir/circle.log" && seq 5 | cmp - "$dir/data.txt"
}
check "so is writing to stdout the file that is read by its name" by_the_shell "path: $dir/data.txt" 'path: "-"'
check "and writing by its name the file that is stdin" by_the_shell 'path: "-"' "path: $dir/data.txt"
check "and having it as both" by_the_shell 'path: "-"' 'path: "-"'
letters() { # PATH COMPONENT
        timeout 20 "$squall" check "$dir/letters.yaml" -c "topology.dead.letter.path=$1" 2>&1 | grep -q "'$2' .* the file that gets the dead letters"
}
topology letters "path: $dir/data.txt" "path: $dir/letters.tsv"
: >"$dir/letters.tsv"
check "so is dead letters' going into a file that is read or written" eval 'letters "$dir/link.txt" in && letters "$dir/letters.tsv" out'
again() { cd "$dir" && ln -f data.txt letters.dead-letters.jsonl && timeout 20 "$squall" run letters.yaml 2>&1 | grep -q "'in' reads the file that gets the dead letters"; }
check "and reading those of the run itself, where nothing else is said" eval '(again)'

printf 'a,b\r1,2\r3,4\r' >"$dir/mac.csv"
topology mac "path: $dir/mac.csv, format: csv" "path: $dir/mac.tsv"
one_line() { ! timeout 20 "$squall" run "$dir/mac.yaml" 2>"$dir/mac.log" && grep -q 'its lines end with CR alone' "$dir/mac.log"; }
check "CSV whose rows would all be in its header is refused, with what to do" one_line

topology made "path: /proc/cpuinfo" "path: $dir/made.tsv"
no_size() { ! timeout 20 "$squall" run "$dir/made.yaml" 2>"$dir/made.log" && grep -q 'has no size' "$dir/made.log"; }
check "a file that the kernel makes as it is read, which is as if it were empty, is refused" no_size

# ---- file, compressed ----

{ echo n,text; seq 20000 | sed 's/$/,"a, b"/'; } >"$dir/plain.csv"
{ head -c 100000 "$dir/plain.csv" | gzip; tail -c +100001 "$dir/plain.csv" | gzip; } >"$dir/packed.csv.gz"
zstd -q "$dir/plain.csv" -o "$dir/packed.csv.zst"
same_as_plain() { # FILE
        topology packed "path: $dir/$1, format: csv, fields: [n], repeat: 2" "path: $dir/packed.tsv"
        timeout 60 "$squall" run "$dir/packed.yaml" >/dev/null 2>&1 && { seq 20000; seq 20000; } | sort | cmp - <(sort "$dir/packed.tsv")
}
check "a CSV file in two members of gzip is read as its text is" same_as_plain packed.csv.gz
check "so is one that zstd wrote" same_as_plain packed.csv.zst
rm -f "$dir/packed.tsv"

# Killed twice in the middle: the next incarnation decompresses up to where it goes on.
topology packed "path: $dir/packed.csv.gz, format: csv, fields: [n], rate: 8000" "path: $dir/packed.tsv"
begin packed
for until in 3000 9000; do
        until_true lines "$dir/packed.tsv" $until
        p=$(worker in/0) && [ -n "$p" ] && kill -KILL "$p"
done
wait "$run"
status=$?
check "a compressed file is read on where it was when its reader was killed, without a gap" \
        eval '[ $status = 0 ] && [ $(grep -c "in/0" "$dir/packed.log") -ge 1 ] && seq 20000 | sort | cmp - <(sort -u "$dir/packed.tsv") && [ $(lines_of "$dir/packed.tsv") -lt 30000 ]'

fails_with() { # TEXT FILE [PROPERTIES]
        topology packed "path: $dir/$2, ${3:-format: lines}" "path: $dir/packed.tsv"
        timeout 30 "$squall" run "$dir/packed.yaml" >"$dir/packed.log" 2>&1
        [ $? != 0 ] && grep -q "$2.*$1" "$dir/packed.log"
}
head -c 20000 "$dir/packed.csv.gz" >"$dir/cut.gz"
check "a compressed file that is cut short ends the run with 1 and the place" \
        fails_with "behind byte [0-9]* of the text: the gzip data ends too early, at byte 20000" cut.gz
{ head -c 9000 "$dir/packed.csv.zst"; echo; tail -c +9002 "$dir/packed.csv.zst"; } >"$dir/bad.zst"
check "so does a damaged one" fails_with "the zstd data is damaged at byte" bad.zst
printf BZh91AY >"$dir/packed.bz2"
check "a compressed file that cannot be read is refused with what to do" fails_with "compressed with bzip2.*decompress it first" packed.bz2
absent() {
        topology absent "path: '$dir/nosuch.log', follow: true" "path: $dir/absent.tsv" && begin absent
        until_true grep -q 'is not there yet: waits for it' "$dir/absent.log" && kill -INT "$run" && { wait "$run"; [ $? = 130 ]; }
}
check "a followed file that is not there is told" absent
check "one that is to be followed is refused with what to do" fails_with "cannot be followed: leave out .follow" packed.csv.gz "follow: true"
mkfifo "$dir/fifo"
check "a pipe is refused as one" fails_with "not a regular file (a pipe" fifo

# ---- file, a quote that nobody closes ----

topology open_quote "path: $dir/open.csv, format: csv, follow: true" "path: $dir/open.tsv"
printf 'a,b\n1,"x\n2,y\n' >"$dir/open.csv"
begin open_quote
until_true grep -q 'open.csv: byte 4: a quote is not closed: 9 bytes wait' "$dir/open_quote.log"
printf '3,z"\n4,w\n' >>"$dir/open.csv"
until_true lines "$dir/open.tsv" 2
kill -INT "$run"
wait "$run"
check "a quote that is not closed in a followed file is reported, and may be closed yet" \
        eval 'grep -q "a quote is not closed: 9 bytes wait" "$dir/open_quote.log" && tail -1 "$dir/open.tsv" | grep -q "^4.w$"'

# ---- file, shared by several tasks ----

# It grows all the time, so each task finds another size: they go by one.
(for ((i = 0; ; i++)); do seq $((i * 1000 + 1)) $((i * 1000 + 1000)); done >"$dir/growing.txt") &
writer=$!
on_exit kill "$writer"
topology shared "path: $dir/growing.txt" "path: $dir/shared.tsv"
sed -i 's/component: file,/component: file, parallelism: 4,/' "$dir/shared.yaml"
until_true lines "$dir/growing.txt" 10000
timeout 120 "$squall" run "$dir/shared.yaml" >/dev/null 2>"$dir/shared.log"
status=$?
kill "$writer" 2>/dev/null
wait "$writer" 2>/dev/null
# The last line may be cut where the file ended when the first task looked, and is then one that was there before.
once_each() {
        sort -nu "$dir/shared.tsv" >"$dir/shared.sorted"
        [ $status = 0 ] && lines "$dir/shared.sorted" 1000 && seq "$(lines_of "$dir/shared.sorted")" | cmp - "$dir/shared.sorted" &&
                [ $(($(lines_of "$dir/shared.tsv") - $(lines_of "$dir/shared.sorted"))) -le 1 ]
}
check "tasks that share a file that grows read every line once, up to one place" once_each
rm -f "$dir/growing.txt" "$dir/shared.tsv"

# ---- standard input ----

topology piped "path: '-'" "path: $dir/piped.tsv"
rm -f "$dir/piped.tsv"
check "file reads the standard input of run" \
        eval 'seq 50000 | timeout 60 "$squall" run "$dir/piped.yaml" >/dev/null 2>&1 && seq 50000 | cmp - "$dir/piped.tsv"'
rm -f "$dir/piped.tsv"
check "so it does at most once, by the name /dev/stdin, and CSV with the columns that are named" eval '
        topology piped "path: /dev/stdin, format: csv, fields: [n]" "path: $dir/piped.tsv"
        timeout 60 "$squall" run -c topology.delivery=at-most-once "$dir/piped.yaml" <"$dir/plain.csv" >/dev/null 2>&1 &&
                seq 20000 | cmp - "$dir/piped.tsv"'

piped_run() {
        rm -f "$dir/piped.tsv"
        held_run piped
}
topology piped "path: '-', rate: 20000" "path: $dir/piped.tsv"
piped_run
seq 5000 >&9
until_true lines "$dir/piped.tsv" 1000
p=$(worker out/0) && kill -KILL "$p"
seq 5001 10000 >&9
exec 9>&-
wait "$run"
status=$?
check "what a dead bolt had of standard input is emitted again from memory" \
        eval '[ $status = 0 ] && seq 10000 | sort | cmp - <(sort -u "$dir/piped.tsv")'
piped_run
seq 5000 >&9
until_true lines "$dir/piped.tsv" 1000
p=$(worker in/0) && kill -KILL "$p"
wait "$run"
status=$?
exec 9>&-
check "a run whose reader of standard input died ends with 1 and reports the cause" \
        eval '[ $status = 1 ] && grep -q "standard input cannot be read again" "$dir/piped.log"'
check "so is one under a supervisor, before it is submitted" eval '
        "$squall" submit "$dir/piped.yaml" 2>"$dir/two.log"
        [ $? = 2 ] && grep -q "standard input, which a supervisor does not have" "$dir/two.log"'
check "two readers of standard input are refused" eval '
        sed "s/^bolts:/  - { id: too, component: file, properties: { path: \"-\" } }\nbolts:/" "$dir/piped.yaml" >"$dir/two.yaml"
        ! "$squall" check "$dir/two.yaml" 2>"$dir/two.log" && grep -q "would read standard input, which .in. reads" "$dir/two.log"'
check "and one that the topology itself comes from" eval '
        ! "$squall" run - <"$dir/piped.yaml" 2>"$dir/two.log" && grep -q "which the topology came from" "$dir/two.log"'
check "and a compressed one, with what to do" eval '
        ! timeout 30 "$squall" run "$dir/piped.yaml" <"$dir/packed.csv.gz" >/dev/null 2>"$dir/two.log" && grep -q "decompress it first" "$dir/two.log"'


# ---- a terminal ----

on_terminal() { # [VARIABLE=VALUE]
        topology shown "count: 2, fields: { n: seq, word: const whale }" "path: '-'" generate
        timeout 60 env -u NO_COLOR ${1:-A=} TERM=xterm script -qefc "'$squall' run '$dir/shown.yaml'" "$dir/shown.tty" </dev/null >/dev/null
        tr -d '\r' <"$dir/shown.tty"
}
if command -v script >/dev/null; then
        check "write shows columns below the names of the fields on a terminal" eval 'on_terminal | grep -qx "   0  whale" && on_terminal | grep -qxF "$(printf "\033[1m   n  word\033[0m")"'
        check "write shows them without colour where that is not wanted" eval 'on_terminal NO_COLOR=1 | grep -qx "   n  word"'
else
        echo "ok - write on a terminal # skip: script is not installed"
fi
exit $failures

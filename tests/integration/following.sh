#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The spout `file` that follows the files of a pattern: all that is written is read, whoever dies and whatever the files are called by then.
# modes: release
source "$(dirname "$0")/lib"
export XDG_RUNTIME_DIR=$dir/x
mkdir -m 700 "$dir/x" && cd "$dir" && mkdir logs

# topology NAME PATTERN [DELIVERY] [PARALLELISM] [MORE]
topology() {
        cat >"$1.yaml" <<YAML
name: $1
config: { topology.delivery: ${3:-at-least-once}, topology.checkpoint.interval.ms: 60, topology.checkpoint.dir: $dir/$1.epochs }
spouts: [{ id: in, component: file, parallelism: ${4:-1}, properties: { path: '$2', follow: true, positions: $dir/$1.positions${5:-} } }]
bolts: [{ id: out, component: write, properties: { path: $dir/$1.out } }]
streams: [{ from: in, to: out, grouping: { type: global } }]
YAML
}
run=
on_exit eval '[ -z "$run" ] || kill -KILL $run'
begin() { [ -z "$run" ] || kill -KILL $run; "$squall" run "$@" 2>>"${1%.yaml}.log" & run=$!; }
end() { kill -INT "$run" && wait "$run"; run=; }
lines() { [ -f "$1" ] && [ "$(sort -u "$1" | wc -l)" -ge "$2" ]; }
came() { until_true lines "$1" "$2"; }
kill_spouts() { kill -KILL $(pgrep -P "$run" -f 'squall: worker [a-z]* in/') 2>/dev/null; }

# write_all NAME FILES ROUNDS: a line to each file in each round; in each one file is rotated, in turns under a name that
# matches, and under one that does not, to which a line is written still.
write_all() {
        local name=$1 files=$2 rounds=$3 i r
        for r in $(seq "$rounds"); do
                for i in $(seq "$files"); do echo "$i-$r" >>"logs/$name$i.log"; done
                i=$((r % files + 1))
                case $((r % 3)) in
                0) mv "logs/$name$i.log" "logs/$name$i.$r.log" ;;
                1) mv "logs/$name$i.log" "logs/$name$i.log.$r" ;;
                2) mv "logs/$name$i.log" "logs/$name$i.log.old$r" && echo "extra-$r" >>"logs/$name$i.log.old$r" ;;
                esac
                nap 0.03
        done
}
# first NAME FILES: the first line of each is read: a file that is rotated away before it was seen once is found by nobody.
first() { for i in $(seq "$2"); do echo "$i-0" >>"logs/$1$i.log"; done; came "${3:-grown}.out" "$2"; }
want() { for i in $(seq "$1"); do seq -f "$i-%.0f" 0 "$2"; done; for r in $(seq 2 3 "$2"); do echo "extra-$r"; done; }

grown() {
        topology grown 'logs/g*.log' && begin grown.yaml
        until_true grep -q 'no file matches it yet' grown.log && first g 5 && write_all g 5 20 && came grown.out 112 && end && sort grown.out | cmp - <(want 5 20 | sort)
}
check "followed: files that come are read, and on whatever they are called by then" grown

# struck NAME DELIVERY: its spouts are killed three times while files are written and rotated, then all there is; what
# was rotated and written meanwhile is read by the next run.
struck() {
        local name=$1 at
        topology "$name" "logs/$name*.log" "$2" 2
        { want 6 40; seq -f "later-%.0f" 6; } | sort >"$name.want"
        begin "$name.yaml" && first "$name" 6 "$name" || return
        write_all "$name" 6 40 & writer=$!
        for at in 40 120 200; do came "$name.out" $at && kill_spouts; done
        wait "$writer"
        came "$name.out" 220 || return
        kill -KILL "$run" && wait "$run"; run=
        for i in 1 2 3 4 5 6; do echo "later-$i" >>"logs/$name$i.log"; done
        mv "logs/${name}1.log" "logs/${name}1.log.away" && : >"logs/${name}1.log"
        [ "$2" = exactly-once ] || mv "$name.out" "$name.first"
        begin "$name.yaml" $([ "$2" = at-least-once ] || echo --from "$name.epochs")
        until_true eval "sort -u $name.out $(ls "$name.first" 2>/dev/null) | cmp -s - $name.want"
        end
}
least() { struck least at-least-once && sort -u least.first least.out | cmp - least.want; }
check "followed: at-least-once, tasks and then all are killed, files are rotated: nothing is missing" least
exact() { struck exact exactly-once && sort exact.out | cmp - exact.want; }
check "followed: exactly-once, the same: each record is there once" exact

# A copy that matches the pattern too is read once: from where the file was truncated.
copied() {
        local i
        topology copied 'logs/c.log*' && seq 100 >logs/c.log && begin copied.yaml && came copied.out 100 || return
        for i in 1 2 3; do
                cp logs/c.log "logs/c.log.$i" && echo "$i-late" >>"logs/c.log.$i" && : >logs/c.log
                until_true grep -qx "$i-late" copied.out && echo "$i-new, longer than the line before" >>logs/c.log && came copied.out $((100 + 2 * i)) || return
        done
        end && [ "$(wc -l <copied.out)" = 106 ]
}
check "followed: copytruncate, and the copies match the pattern" copied

left_out() {
        topology left_out 'logs/z*' && echo plain >logs/z.log && begin left_out.yaml && came left_out.out 1 || return
        echo packed | gzip >logs/z.log.1.gz && echo later >>logs/z.log && until_true grep -q 'z.log.1.gz: is compressed' left_out.log &&
                came left_out.out 2 && end && cmp left_out.out <(printf 'plain\nlater\n')
}
check "followed: what was rotated and compressed is left out, which is logged" left_out

headers() {
        printf 'a,b\n1,2\n' >logs/h1.csv && topology headers 'logs/h*.csv' at-least-once 1 ', format: csv, fields: [a, b]' && begin headers.yaml &&
                came headers.out 1 || return
        printf 'b,a\n20,10\n' >logs/h2.csv && came headers.out 2 && echo 3,4 >>logs/h1.csv && echo 40,30 >>logs/h2.csv && came headers.out 4 &&
                kill_spouts && echo 60,50 >>logs/h2.csv && came headers.out 5 && end && sort -nu headers.out | cmp - <(printf '1\t2\n3\t4\n10\t20\n30\t40\n50\t60\n')
}
check "followed: each file has its own header, also after a kill" headers

# More files than may be open; those that are gone make room for the others.
crowded() {
        local i
        topology crowded 'logs/many*.log' && for i in $(seq 90); do echo "$i" >"logs/many$i.log"; done
        (ulimit -n 100; exec "$squall" run crowded.yaml 2>crowded.log) & run=$!
        until_true grep -q 'Too many open files' crowded.log && came crowded.out 20 || return
        for i in $(sort -u crowded.out); do rm "logs/many$i.log"; done
        came crowded.out 90 && end && [ "$(wc -l <crowded.out)" = 90 ]
}
check "followed: with more files than may be open, those that are deleted make room" crowded

# So many turns that what is written down of them is summed up, behind which an epoch is gone on from.
summed_up() {
        local r i most=0 now
        topology summed 'logs/sum*.log' exactly-once && begin summed.yaml || return
        for r in $(seq 30); do
                for i in $(seq 300); do echo "$i-$r" >>"logs/sum$i.log"; done
                came summed.out $((r * 300)) || return
                now=$(stat -c %s summed.positions/in-0)
                [ "$now" -ge "$most" ] && most=$now || break
        done
        [ $r -lt 30 ] && kill_spouts && echo "0-0" >>logs/sum1.log && until_true grep -qx 0-0 summed.out && end &&
                sort summed.out | cmp - <({ for i in $(seq 300); do seq -f "$i-%.0f" "$r"; done; echo 0-0; } | sort)
}
check "followed: what is written down is summed up when it is long, and gone on from" summed_up

needs() {
        topology needs 'logs/*.log' exactly-once && sed -i 's/, positions: [^ ]*//' needs.yaml && ! "$squall" check needs.yaml 2>needs.log && grep -q 'set `positions`' needs.log
}
check "followed: exactly-once needs a folder for positions, and says so" needs
other() {
        topology least 'logs/least*.log' at-least-once 3 && ! timeout 20 "$squall" run least.yaml 2>other.log && grep -q 'was written with another parallelism' other.log
}
check "followed: positions of another parallelism are refused" other
damaged() {
        topology damaged 'logs/damaged*.log'
        for i in 1 2 3; do seq -f "$i-%.0f" 50 >"logs/damaged$i.log"; done
        begin damaged.yaml && came damaged.out 150 && end || return
        printf '\377' | dd of=damaged.positions/in-0 bs=1 seek=$(($(stat -c %s damaged.positions/in-0) / 2)) conv=notrunc status=none
        for i in 1 2 3; do seq -f "$i-%.0f" 51 60 >>"logs/damaged$i.log"; done
        mv damaged.out damaged.first && begin damaged.yaml
        until_true eval 'sort -u damaged.first damaged.out | cmp -s - <(for i in 1 2 3; do seq -f "$i-%.0f" 60; done | sort)'
        end && grep -q 'bytes are torn or damaged, and are cut off' damaged.log
}
check "followed: positions that are damaged in the middle are said to be, and nothing is missing" damaged
forgotten() {
        topology grown 'logs/g*.log' exactly-once && sed -i 's/name: grown/name: forgotten/; s/grown/forgotten/g' grown.yaml && begin grown.yaml && came forgotten.out 20 &&
                until_true eval '[ $(ls forgotten.epochs | wc -l) -gt 1 ]' && nap 0.3 && kill -KILL $run; wait $run; run=
        rm -r forgotten.positions && ! timeout 20 "$squall" run --from forgotten.epochs grown.yaml 2>forgotten.log2 && grep -q 'no epoch from before' forgotten.log2
}
check "followed: an epoch whose positions were removed is refused" forgotten

# A file is rotated, the next one is read, and its reader killed as soon as there is an epoch of that: again and again, for the moments differ.
at_death() {
        local i spout back
        cat >death.yaml <<YAML
name: death
config: { topology.delivery: exactly-once, topology.checkpoint.interval.ms: 10, topology.checkpoint.dir: $dir/death.epochs }
spouts: [{ id: in, component: file, properties: { path: logs/d.log, follow: true } }]
bolts: [{ id: out, component: write, properties: { path: $dir/death.out } }]
streams: [{ from: in, to: out, grouping: { type: global } }]
YAML
        echo 0 >logs/d.log && begin death.yaml && came death.out 1 || return
        for i in $(seq 8); do
                spout=$(pgrep -P "$run" -f 'squall: worker [a-z]* in/') back=$(grep -c 'are back' death.log)
                mv logs/d.log logs/d.log.$((40 - i)) && printf '%s-a\n%s-b\n' $i $i >logs/d.log
                soon has_come $((1 + 2 * i)) && soon is_after "$(newest_epoch)" && kill -KILL "$spout" && until_true are_back "$back" || return
        done
        end && sort death.out | cmp - <({ echo 0; for i in $(seq 8); do printf '%s-a\n%s-b\n' $i $i; done; } | sort)
}
# Without a process of its own for each look: the next one is some milliseconds later.
soon() { local end=$((SECONDS + 20)); until "$@"; do [ $SECONDS -lt $end ] || return 1; nap 0.002; done; }
has_come() { local lines; mapfile -t lines <death.out; [ ${#lines[@]} -ge "$1" ]; }
newest_epoch() { local path newest=0; for path in death.epochs/[0-9]*; do [ "${path#*/}" -le $newest ] || newest=${path#*/}; done; echo $newest; }
is_after() { local path; for path in death.epochs/[0-9]*; do [ "${path#*/}" -le "$1" ] || return 0; done; return 1; }
are_back() { [ "$(grep -c 'are back' death.log)" -gt "$1" ]; }
check "followed: a file that was rotated just before its reader died is gone on in" at_death

# The file is not there at the start, and is made, read and rotated away in the epoch in which its reader dies.
# brief NAME PATH
brief() {
        cat >"$1.yaml" <<YAML
name: $1
config: { topology.delivery: exactly-once, topology.checkpoint.interval.ms: 60000, topology.checkpoint.dir: $dir/$1.epochs }
spouts: [{ id: in, component: file, properties: { path: $2, follow: true } }]
bolts: [{ id: out, component: write, properties: { path: $dir/$1.out } }]
streams: [{ from: in, to: out, grouping: { type: global } }]
YAML
        begin "$1.yaml" && until_true grep -q 'is not there yet' "$1.log" && until_true ls "$1.epochs/1/manifest"
}
returns() { kill_spouts && until_true grep -q 'are back' "$1.log"; }
# Twice, in a folder that is not there either; then all are killed.
unseen() {
        local i
        brief unseen logs/late/u.log && mkdir logs/late || return
        for i in 1 2; do echo $i >logs/late/u.log && came unseen.out $i && mv logs/late/u.log logs/late/u.log.$((9 - i)) || return; done
        returns unseen && came unseen.out 2 && kill -KILL "$run" || return
        wait "$run"; run=
        begin unseen.yaml --from unseen.epochs && came unseen.out 2 && echo 3 >logs/late/u.log && came unseen.out 3 && end; cmp unseen.out <(seq 3)
}
check "followed: files that were made and rotated away in the epoch in which their reader dies are read again" unseen
# What had been rotated away before the start is not read then, though it grows; a day in a name rises.
known() {
        echo old >logs/k.log.20261125 && brief known logs/k.log && echo late >>logs/k.log.20261125 || return
        for i in 6 7; do echo $i >logs/k.log && came known.out $((i - 5)) && mv logs/k.log logs/k.log.2026112$i || return; done
        returns known && came known.out 2 && echo 8 >logs/k.log && came known.out 3 && end; cmp known.out <(seq 6 8)
}
check "followed: what was there before is not read after that" known
packed() {
        brief packed logs/p.log && echo 1 >logs/p.log && came packed.out 1 && gzip logs/p.log && mv logs/p.log.gz logs/p.log.1.gz && returns packed &&
                echo 2 >logs/p.log && came packed.out 1 && kill -INT "$run" && ! wait "$run" && run= && grep -q 'p.log.1.gz was rotated away and compressed' packed.log && grep -qx 2 packed.out
}
check "followed: one that is compressed by then counts as lost" packed
# What stands at the path cannot be read for now.
barred() {
        brief barred logs/b.log && mkdir logs/b.log && until_true grep -q 'b.log: not a regular file: trying again' barred.log && rmdir logs/b.log && echo 1 >logs/b.log && came barred.out 1 && end
}
check "followed: what stands at the path and is no file is named, and waited for" barred

exit $failures

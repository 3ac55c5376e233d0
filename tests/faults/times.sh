# SPDX-License-Identifier: Apache-2.0
# Exactly once, by event time: sessions, joins, and what thins or orders a stream, whoever dies, against awk, which looks at all rows of the input. Scenarios of tests/faults/run, which sources this.
#
# Of two inputs, a and b, each row has a key, a number and a time, in ms: 1 ms apart, and up to 200 ms out of order. It is the sources' `out-of-orderness`, so that nothing of them is late.
# What goes out is compared by the numbers of the rows in it. A window that goes out again with what came late has each tuple once: no row of it stands twice, and the largest has all.

rows_of() { # NAME
        awk -v n="${LINES:-7000}" -v name="$1" -v seed="$seed" 'BEGIN { srand(2 * seed + (name == "a")); print "k," name "n," name "t"; for (i = 0; i < n; i++) print "k" int(150 * rand()) "," i "," 10000 + i - int(200 * rand()) }' >"$dir/$1.csv"
        tail -n +2 "$dir/$1.csv" | tr ',' '\t' >"$dir/$1"
}
source_of() { # NAME
        rows_of "$1"
        echo "  - { id: $1, component: file, properties: { path: $dir/$1.csv, format: csv, rate: ${RATE:-3000}, fields: { k: str, $1n: int, $1t: int } }, event-time: { field: $1t, format: ms, out-of-orderness: 200ms } }"
}
time_config() { echo "config: { topology.delivery: exactly-once, topology.checkpoint.interval.ms: $((15 << seed % 3)), topology.workers: $((seed / 3 % 2 * 5)) }"; }
fed() { # TO FROM...: by key
        local from
        for from in "${@:2}"; do echo "  - { from: $from, to: $1, grouping: { type: fields, args: [k] } }"; done
}
# kept FROM [STREAM]: into $dir/got.FROM, or got.FROM.STREAM
kept() { echo "  - { from: $1, to: $1${2:+_$2}_kept, ${2:+streamId: $2, }grouping: { type: global } }"; }
keeper() { echo "  - { id: $1${2:+_$2}_kept, component: write, properties: { path: $dir/got.$1${2:+.$2}, visible: $([ $(((seed + ${#1}) % 2)) = 0 ] && echo written || echo commit) } }"; }
# Times as the ms that they are behind 1970.
in_ms() { awk -F '\t' -v OFS='\t' '{ for (i = 1; i <= NF; i++) if ($i ~ /^1970-01-01T/) { split(substr($i, 12), t, ":"); $i = int(1000 * (t[1] * 3600 + t[2] * 60 + t[3]) + 0.5) } print }' "$dir/got.$1"; }
# same NAME: what goes in here, sorted, as $dir/want.NAME
same() { sort | cmp - "$dir/want.$1" || { echo "in $1"; return 1; }; }

# ---- Joins -------------------------------------------------------------------------------------------

joins_topology() {
        cat >"$dir/t.yaml" <<YAML
name: faults
$(time_config)
spouts:
$(source_of a)
$(source_of b)
bolts:
  - { id: near, component: join, parallelism: 2, properties: { by: k, between: [-50ms, 100ms], type: full } }
  - { id: left, component: join, parallelism: 2, properties: { by: k, size: 100ms, type: left } }
  - { id: full, component: join, parallelism: 2, properties: { by: k, size: 100ms, slide: 50ms, type: full, lateness: 100ms } }
  - { id: gaps, component: join, parallelism: 2, properties: { by: k, gap: 60ms } }
$(keeper near; keeper left; keeper left unmatched; keeper full; keeper gaps; keeper gaps unmatched)
streams:
$(for bolt in near left full gaps; do fed $bolt a b; done)
$(kept near; kept left; kept left unmatched; kept full; kept gaps; kept gaps unmatched)
YAML
        # Lines "NAME KEY START AN BN" of what is joined. A window has the rows of each side as a list of numbers.
        awk -F '\t' -v OFS='\t' '
                function put(name, k, start, side, n) { all[name OFS k OFS start]; has[name OFS k OFS start, side] = has[name OFS k OFS start, side] " " n }
                function windows(name, size, slide, k, side, n, t, start) { for (start = int(t / slide) * slide; start > t - size; start -= slide) put(name, k, start, side, n) }
                function join_all(what, kind, a, b, na, nb, i, j) {
                        na = split(has[what, 1], a, " "); nb = split(has[what, 2], b, " ")
                        for (i = 1; i <= na; i++) for (j = 1; j <= nb; j++) print what, a[i], b[j]
                        split(what, name, OFS); alone = kind == "full" ? "" : ".unmatched"
                        sub(/^[^\t]*/, name[1] (kind == "left" && na ? "" : alone), what)
                        if (!nb) for (i = 1; i <= na; i++) print what, a[i], ""
                        if (!na) for (j = 1; j <= nb; j++) print what, "", b[j]
                }
                { side = FILENAME ~ /a$/ ? 1 : 2; windows("left", 100, 100, $1, side, $2, $3); windows("full", 100, 50, $1, side, $2, $3)
                  i = ++rows[$1, side]; keys[$1]; num[$1, side, i] = $2; time[$1, side, i] = $3; at[$1, $3] = at[$1, $3] " " side ":" $2; if (!last || $3 > last) last = $3 }
                END {
                        for (k in keys) {
                                for (i = 1; i <= rows[k, 1]; i++) for (j = 1; j <= rows[k, 2]; j++) {
                                        d = time[k, 2, j] - time[k, 1, i]
                                        if (d >= -50 && d <= 100) { print "near", k, num[k, 1, i], num[k, 2, j]; met[k, 1, i]; met[k, 2, j] }
                                }
                                for (i = 1; i <= rows[k, 1]; i++) if (!((k, 1, i) in met)) print "near", k, num[k, 1, i], ""
                                for (j = 1; j <= rows[k, 2]; j++) if (!((k, 2, j) in met)) print "near", k, "", num[k, 2, j]
                                start = 0
                                for (t = 0; t <= last; t++) if ((k, t) in at) {
                                        if (!start || t > end) start = t
                                        end = t + 60
                                        n = split(at[k, t], each, " ")
                                        for (i = 1; i <= n; i++) { split(each[i], one, ":"); put("gaps", k, start, one[1], one[2]) }
                                }
                        }
                        for (what in all) join_all(what, what ~ /^left/ ? "left" : what ~ /^full/ ? "full" : "inner")
                }' "$dir/a" "$dir/b" | sort >"$dir/want"
        for name in near left left.unmatched full gaps gaps.unmatched; do awk -F '\t' -v name="$name" '$1 == name { sub(/^[^\t]*\t/, ""); print }' "$dir/want" | sort >"$dir/want.$name"; done
}
joins_are_exact() {
        local name
        cut -f 1,2,4 "$dir/got.near" | same near || return
        for name in left left.unmatched full gaps gaps.unmatched; do in_ms $name | cut -f 1,2,4,6 | same $name || return; done
}
scenario_exact_joins() {
        joins_topology
        dies_and_ends "${1:-6}"
        check "and joins by intervals, in windows and in sessions are what they would have been" joins_are_exact
        check "and nothing is left" nothing_is_left
}
scenario_quick_joins() { LINES=3000 scenario_exact_joins 3; }

# ---- Sessions, and what thins or orders a stream ---------------------------------------------------------

# `hasty` waits for nothing that is out of order, so that much of it comes late behind it.
thins_topology() {
        cat >"$dir/t.yaml" <<YAML
name: faults
$(time_config)
spouts:
$(source_of a)
bolts:
  - { id: hasty, component: identity, event-time: { field: at, format: ms, out-of-orderness: 0ms } }
  - { id: sessions, component: window, parallelism: 2, properties: { gap: 60ms, lateness: 1s, by: [k], compute: { n: count, sum: sum an, least: min an, all: collect an } } }
  - { id: parts, component: window, parallelism: 2, properties: { gap: 40ms, lateness: 30ms, discard: true, by: [k], compute: { all: collect an } } }
  - { id: slides, component: window, parallelism: 2, properties: { size: 120ms, slide: 10ms, lateness: 1s, by: [k], compute: { n: count, sum: sum an, most: max_by an at, top: top3 an } } }
  - { id: reorder, component: reorder }
  - { id: dedupe, component: dedupe, parallelism: 2, properties: { by: [k], within: 120ms } }
  - { id: throttle, component: throttle, parallelism: 2, properties: { by: [k], rate: 5, per: 1d, surplus: stream } }
  - { id: every, component: sample, parallelism: 2, properties: { by: [k], every: 7 } }
  - { id: some, component: sample, parallelism: 2, properties: { by: [k], rate: 0.4 } }
  - { id: any, component: sample, parallelism: 2, properties: { rate: 0.4 } }
$(keeper sessions; keeper parts; keeper parts late; keeper slides; keeper reorder; keeper dedupe; keeper throttle; keeper throttle surplus; keeper every; keeper some; keeper any)
streams:
  - { from: a, to: hasty, grouping: { type: global } }
$(fed sessions hasty; fed parts hasty; fed slides hasty)
  - { from: a, to: reorder, grouping: { type: global } }
$(fed dedupe a; fed throttle a; fed every a; fed some a; fed any a)
$(kept sessions; kept parts; kept parts late; kept slides; kept reorder; kept dedupe; kept throttle; kept throttle surplus; kept every; kept some; kept any)
YAML
        sort -s -t $'\t' -k 3,3n "$dir/a" >"$dir/want.reorder"
        cut -f 2 "$dir/a" | sort >"$dir/want.numbers"
        awk -F '\t' '{ near = 0; for (i = 1; i <= n[$1]; i++) { d = $3 - at[$1, i]; if (d < 120 && d > -120) near = 1 } if (!near) { at[$1, ++n[$1]] = $3; print } }' "$dir/a" | sort >"$dir/want.dedupe"
        awk -F '\t' '++n[$1] <= 5' "$dir/a" | sort >"$dir/want.throttle"
        awk -F '\t' '++n[$1] > 5' "$dir/a" | sort >"$dir/want.surplus"
        awk -F '\t' 'n[$1]++ % 7 == 0' "$dir/a" | sort >"$dir/want.every"
        # KEY START N SUM: of each session, and of each window.
        awk -F '\t' -v OFS='\t' '$1 != key || $3 > end { if (n) print key, start, end, n, sum, least; key = $1; start = $3; n = sum = 0; least = $2 } { end = $3 + 60; n++; sum += $2; if ($2 < least) least = $2 } END { print key, start, end, n, sum, least }' \
                <(sort -t $'\t' -k 1,1 -k 3,3n "$dir/a") | sort >"$dir/want.sessions"
        awk -F '\t' -v OFS='\t' '{ for (start = int($3 / 10) * 10; start > $3 - 120; start -= 10) { n[$1 OFS start OFS start + 120]++; sum[$1 OFS start OFS start + 120] += $2 } } END { for (w in n) print w, n[w], sum[w] }' "$dir/a" | sort >"$dir/want.slides"
}
# Of what goes out again, the firing that has most. Fails when one of so many tuples stands there twice.
last_firings() { in_ms "$1" | sort -t $'\t' -k 1,3 -k 4,4n | awk -F '\t' -v OFS='\t' -v columns="$2" '
        seen[$1, $2, $3, $4]++ { print "twice: " $0 > "/dev/stderr"; exit 1 }
        { window = $1 OFS $2 OFS $3; if (window != before && before != "") print line; before = window; line = window; for (i = 4; i <= columns; i++) line = line OFS $i } END { print line }'; }
# Sessions that have joined others have gone out before as parts of these: the ones that are whole must be there, and no tuple of one may be missing.
has_all_sessions() { last_firings sessions 6 | sort | comm -13 - "$dir/want.sessions" | { ! grep .; }; }
in_sessions_once() { cut -f 7 "$dir/got.sessions" | awk '{ gsub(/[][ ]/, ""); n = split($0, v, ","); delete seen; for (i = 1; i <= n; i++) if (seen[v[i]]++) { print "twice: " $0; exit 1 } }'; }
in_parts_once() { { cut -f 4 "$dir/got.parts" | tr -d '][ ' | tr ',' '\n'; cut -f 2 "$dir/got.parts.late"; } | same numbers; }
keys_are_whole() { awk -F '\t' 'NR == FNR { n[$1]++; next } { m[$1]++ } END { for (k in m) if (m[k] != n[k]) { print k, m[k], n[k]; exit 1 } exit !length(m) }' "$dir/a" "$dir/got.some"; }
each_at_most_once() { [ -s "$dir/got.any" ] && sort "$dir/got.any" | uniq -d | { ! grep .; } && sort "$dir/got.any" | comm -23 - <(sort "$dir/a") | { ! grep .; }; }
thins_are_exact() {
        local name
        in_sessions_once && has_all_sessions && in_parts_once && last_firings slides 5 | same slides && cmp "$dir/got.reorder" "$dir/want.reorder" &&
                same surplus <"$dir/got.throttle.surplus" && keys_are_whole && each_at_most_once || return
        for name in dedupe throttle every; do same $name <"$dir/got.$name" || return; done
}
scenario_exact_thins() {
        thins_topology
        dies_and_ends "${1:-6}"
        check "and sessions, windows with late firings, reorder, dedupe, throttle and sample are what they would have been" thins_are_exact
        check "and nothing is left" nothing_is_left
}
scenario_quick_thins() { LINES=3000 scenario_exact_thins 3; }

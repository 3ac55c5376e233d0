#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What the documents say is so: links lead somewhere, keys and defaults are those of config.c, the README's topology and bolt run.
# modes: release
set -u
cd "$(dirname "$0")/../.."
squall=${SQUALL:-$PWD/build/squall}
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
bad=0

# check SENTENCE COMMAND...: its output is shown when it fails.
check() {
        local sentence=$1
        shift
        if "$@" >"$place/output" 2>&1; then
                echo "ok - $sentence"
        else
                echo "not ok - $sentence"
                sed 's/^/# /' "$place/output"
                bad=1
        fi
}

# snippet FILE LANGUAGE: the first block of the language.
snippet() { awk -v start='```'"$2" '$0 == start { on = 1; next } on && $0 == "```" { exit } on' "$1"; }

links_lead_somewhere() {
        local file link lost=0
        while IFS=: read -r file link; do
                case $link in http*) continue ;; esac
                [ -e "$(dirname "$file")/${link%%#*}" ] || { echo "$file: $link"; lost=1; }
        done < <(grep -HoE '\]\([^)#][^)]*\)' README.md CHANGELOG.md docs/*.md | sed 's/\](\(.*\))/\1/')
        return $lost
}

# "key default" of each row of the guide's table, and of each entry of config.c's.
guide_keys() { sed -n 's/^| `\([a-z.]*\)` | *\([^|]*[^| ]\)\{0,1\} *| .*/\1 \2/p' docs/guide.md; }
config_keys() {
        grep -oE 'KEY\("[a-z.]+", [A-Z]+, [a-z_]+, (NULL|"[^"]*")' runtime/topology/config.c |
                sed 's/KEY("\([^"]*\)", .*, "\{0,1\}\([^"]*\)"\{0,1\}$/\1 \2/; s/ NULL$/ /'
}
keys_are_those_of_the_code() { diff <(guide_keys) <(config_keys) && [ -n "$(guide_keys)" ]; }

readme_bolt_builds() {
        snippet README.md c >"$place/word_count.c" &&
                ${CC:-cc} -Wall -Wextra -Werror -shared -fPIC -Iruntime -o "$place/word_count.so" "$place/word_count.c"
}

# Every change of a count is written, by several tasks: the largest one of a word is its total.
readme_topology_counts() {
        snippet README.md yaml >"$place/wordcount.yaml" && cp topologies/wordcount/kjv.txt "$place" || return
        "$squall" check "$place/wordcount.yaml" && "$squall" run "$place/wordcount.yaml" || return
        diff <(awk -F '\t' '$2 > n[$1] { n[$1] = $2 } END { for (w in n) print n[w], w }' "$place/counts.tsv" | sort) \
                <(tr -s ' \t\r\n' '\n' <topologies/wordcount/kjv.txt | grep . | sort | uniq -c | awk '{ print $1, $2 }' | sort) | head
        [ "${PIPESTATUS[0]}" = 0 ]
}

guide_topology_runs() {
        snippet docs/guide.md yaml >"$place/errors.yaml"
        OUT=$place/errors.tsv "$squall" run "$place/errors.yaml" && [ -s "$place/errors.tsv" ]
}

installed_header_builds_a_bolt() {
        make -s install DESTDIR="$place/root" PREFIX=/usr >/dev/null && [ -x "$place/root/usr/bin/squall" ] || return
        export PKG_CONFIG_SYSROOT_DIR=$place/root PKG_CONFIG_LIBDIR=$place/root/usr/lib/pkgconfig PKG_CONFIG_ALLOW_SYSTEM_CFLAGS=1
        ${CC:-cc} -Wall -Wextra -Werror -shared -fPIC $(pkg-config --cflags squall) -o "$place/installed.so" "$place/word_count.c" || return
        OUT=$place/installed.tsv "$place/root/usr/bin/squall" run "$place/errors.yaml" && [ -s "$place/installed.tsv" ] || return
        make -s uninstall DESTDIR="$place/root" PREFIX=/usr && [ -z "$(find "$place/root" -type f)" ]
}

# Every block that names a file, ```LANGUAGE FILE, is that file: what is in one document is built, tested and run together.
named_snippets() {
        local document=$1 folder=$place/snippets/$(basename "$1" .md) file
        mkdir -p "$folder"
        awk -v folder="$folder" '/^```[a-z]+ [^ ]+$/ { file = folder "/" $2; next } /^```/ { file = "" } file { print >file }' "$document"
        for file in "$folder"/*.c; do
                [ -e "$file" ] || continue
                if grep -q 'squall-test.h' "$file"; then
                        ${CC:-cc} -Wall -Wextra -Werror -Iruntime -rdynamic -o "${file%.c}" "$file" -Wl,--whole-archive build/libsquall.a -Wl,--no-whole-archive \
                                $(env -u PKG_CONFIG_SYSROOT_DIR -u PKG_CONFIG_LIBDIR pkg-config --libs libczmq libzmq libfyaml libxxhash msgpack) -ldl -lpthread -lm &&
                                SQUALL_LIBDIR=$PWD/build "${file%.c}" || return
                else
                        ${CC:-cc} -Wall -Wextra -Werror -shared -fPIC -Iruntime -o "${file%.c}.so" "$file" -lm || return
                fi
        done
        for file in "$folder"/*.yaml; do
                [ -e "$file" ] || continue
                case $file in
                        *.test.yaml) "$squall" test "$file" || return ;;
                        *) OUT=$folder/out "$squall" run "$file" && [ -s "$folder/out" ] || return ;;
                esac
        done
}

# What a page of the site leads to is there, files and anchors alike.
site() {
        command -v cmark-gfm >/dev/null || return 0
        local page link file anchor lost=0
        docs/build "$squall" "$place/site" || return
        for page in "$place"/site/*.html; do
                while read -r link; do
                        case $link in http*) continue ;; ../*) [ -e "docs/$link" ] && continue ;; esac
                        file=${link%%#*} anchor=${link#"$file"}
                        [ -e "$place/site/${file:-$(basename "$page")}" ] || [ -e "$file" ] || { echo "$(basename "$page"): $link"; lost=1; continue; }
                        [ -z "$anchor" ] || grep -q "id=\"${anchor#\#}\"" "$place/site/${file:-$(basename "$page")}" || { echo "$(basename "$page"): $link"; lost=1; }
                done < <(grep -oE '(href|src)="[^"]+"' "$page" | sed 's/^[a-z]*="//; s/"$//')
        done
        [ $lost = 0 ] && [ -s "$place/site/man/squall-run.1" ] && grep -q '### *\|<h3' "$place/site/components.html"
}

check "every link in the documents leads somewhere" links_lead_somewhere
check "the guide has every configuration key with its default" keys_are_those_of_the_code
check "the README's bolt builds without a warning" readme_bolt_builds
check "the README's topology counts the book with that bolt" readme_topology_counts
check "the guide's topology runs" guide_topology_runs
check "what make install put somewhere builds a bolt, runs, and goes away again" installed_header_builds_a_bolt
for document in docs/*.md; do
        grep -qE '^```[a-z]+ [^ ]+$' "$document" && check "every snippet of $document builds, passes and runs" named_snippets "$document"
done
check "make docs: every link and anchor of the site leads somewhere" site
exit $bad

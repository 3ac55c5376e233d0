#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What the documents say is so: links lead somewhere, keys and defaults are those of config.c, the README's topology and bolt run.
# modes: release
source "$(dirname "$0")/lib"

# snippet FILE LANGUAGE: the first block of the language.
snippet() { awk -v start='```'"$2" '$0 == start { on = 1; next } on && $0 == "```" { exit } on' "$1"; }

links_lead_somewhere() {
        local file link lost=0
        while IFS=: read -r file link; do
                case $link in http*) continue ;; esac
                [ -e "$(dirname "$file")/${link%%#*}" ] || { echo "$file: $link"; lost=1; }
        done < <(grep -HoE '\]\([^)#][^)]*\)' README.md CHANGELOG.md docs/*.md topologies/*/README.md | sed 's/\](\(.*\))/\1/')
        return $lost
}

# "key default" of each row of the guide's table, and of each entry of config.c's.
guide_keys() { sed -n 's/^| `\([a-z]*\.[a-z.]*\)` | *\([^|]*[^| ]\)\{0,1\} *| .*/\1 \2/p' docs/guide.md; }
config_keys() {
        grep -oE 'KEY\("[a-z.]+", [A-Z]+, [a-z_]+, (NULL|"[^"]*")' runtime/plan/config.c |
                sed 's/KEY("\([^"]*\)", .*, "\{0,1\}\([^"]*\)"\{0,1\}$/\1 \2/; s/ NULL$/ /'
}
keys_are_those_of_the_code() { diff <(guide_keys) <(config_keys) && [ -n "$(guide_keys)" ]; }

# Every change of a count is written, by several tasks: the largest one of a word is its total.
readme_topology_counts() {
        snippet README.md yaml >"$dir/wordcount.yaml" && snippet README.md "c word_count.c" >"$dir/word_count.c" && cp topologies/wordcount/kjv.txt "$dir" || return
        ${CC:-cc} -Wall -Wextra -Werror -shared -fPIC -Iruntime -o "$dir/word_count.so" "$dir/word_count.c" || return
        "$squall" check "$dir/wordcount.yaml" && "$squall" run "$dir/wordcount.yaml" || return
        diff <(awk -F '\t' '$2 > n[$1] { n[$1] = $2 } END { for (w in n) print n[w], w }' "$dir/counts.tsv" | sort) \
                <(tr -s ' \t\r\n' '\n' <topologies/wordcount/kjv.txt | grep . | sort | uniq -c | awk '{ print $1, $2 }' | sort) | head
        [ "${PIPESTATUS[0]}" = 0 ]
}

prefix=$dir/usr
# Times differ from run to run, and with them the width of the columns.
shown() { sed -E 's/[0-9.]+ (us|ms|s)( |,|$)/T\2/g; s/ +$//; s/ +/ /g'; }
picture_is_true() {
        (cd topologies/wordcount && SQUALL_BUILD=$build "$squall" run demo.yaml 2>&1) | shown >"$dir/demo" || return
        grep '<text' docs/demo.svg | sed '1,2d; s/<[^>]*>//g; s/&gt;/>/g; s/&lt;/</g; s/&amp;/\&/g' | shown | diff - "$dir/demo"
}

# In the text (`squall run --json`) and in the blocks of commands.
verbs_are_there() {
        local file words verb word help lost=0
        while IFS=: read -r file words; do
                read -ra words <<<"${words//\`/}"
                verb=${words[1]}
                [[ $verb =~ ^[a-z]+$ ]] || continue
                help=$("$squall" "$verb" --help 2>/dev/null) || { echo "$file: no verb $verb: ${words[*]}"; lost=1; continue; }
                for word in "${words[@]:2}"; do
                        [[ $word =~ ^(--[a-z-]+) && ${BASH_REMATCH[1]} != --help ]] || continue
                        grep -qE -- "${BASH_REMATCH[1]}( |=|\$)" <<<"$help" || { echo "$file: $verb has no ${BASH_REMATCH[1]}"; lost=1; }
                done
        done < <(grep -oHE '`squall [a-z][^`|]*`|^ *squall [a-z].*' README.md CHANGELOG.md docs/*.md topologies/*/README.md | sed 's/#.*//')
        return $lost
}
installs() { make -s install PREFIX="$prefix" >/dev/null && [ -x "$prefix/bin/squall" ]; }
uninstalls() { make -s uninstall PREFIX="$prefix" && [ -z "$(find "$prefix" -type f)" ]; }

# What a page of the site leads to is there, files and anchors alike.
site() {
        command -v cmark-gfm >/dev/null || return 0
        local page link file anchor lost=0
        docs/build "$squall" "$dir/site" || return
        for page in "$dir"/site/*.html; do
                while read -r link; do
                        case $link in http*) continue ;; esac
                        file=${link%%#*} anchor=${link#"$file"}
                        [ -e "$dir/site/${file:-$(basename "$page")}" ] || { echo "$(basename "$page"): $link"; lost=1; continue; }
                        [ -z "$anchor" ] || grep -q "id=\"${anchor#\#}\"" "$dir/site/${file:-$(basename "$page")}" || { echo "$(basename "$page"): $link"; lost=1; }
                done < <(grep -oE '(href|src)="[^"]+"' "$page" | sed 's/^[a-z]*="//; s/"$//')
        done
        [ $lost = 0 ] && [ -s "$dir/site/man/squall-run.1" ] && grep -q '### *\|<h3' "$dir/site/components.html"
}

check "every link in the documents leads somewhere" links_lead_somewhere
check "the guide has every configuration key with its default" keys_are_those_of_the_code
check "the README's topology counts the book with its bolt" readme_topology_counts
check "the README's picture shows what make demo shows" picture_is_true
check "every verb and option that a document names is there" verbs_are_there
check "make install installs" installs
for document in README.md docs/*.md topologies/*/README.md; do
        check "what $document shows compiles, checks and runs with an installed Squall" tests/snippets "$prefix" "$document"
done
check "make uninstall takes away all of it" uninstalls
check "make docs: every link and anchor of the site leads somewhere" site
exit $failures

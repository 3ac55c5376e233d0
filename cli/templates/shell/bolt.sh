#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The bolt `@component@`: a running total per word.
. ./multilang.sh
words=' '

while take; do
        word=${tuple#\[\"} word=${word%\"\]}
        if [ -z "$word" ]; then
                fail 'an empty word' # the tuple comes again
                continue
        fi
        words="$words$word "
        rest=$words n=0
        while [ "${rest#* "$word" }" != "$rest" ]; do
                rest=" ${rest#* "$word" }" n=$((n + 1))
        done
        emit "[\"$word\",$n]"
        ack
done

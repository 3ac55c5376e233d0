#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The spout `@component@`: the squares of 0, 1, 2, ... 9. What fails is emitted again.
. ./multilang.sh
n=0

while take; do
        case $command in
        next)
                if [ $n -lt 10 ]; then
                        emit_id $n "[$n,$((n * n))]"
                        n=$((n + 1))
                else
                        done_with_it
                fi ;;
        fail) emit_id "$id" "[$id,$((id * id))]" ;;
        esac
        sync
done

#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Windows, joins, dedupe and reorder against models in Python, which know docs/windows.md, docs/joins.md and docs/time.md and nothing of the
# code: random cases, of rows that come out of order, late, in ties and far from 1970, with nulls and numbers of all kinds,
# while sources are idle and the bolt is begun anew.
#
#     SQUALL_MODELLED=N     so many cases of each (200; 40 with a sanitizer; 10,000 in `make faults`), from SQUALL_SEED on (1)
source "$(dirname "$0")/lib"
command -v python3 >/dev/null || { echo "ok - windows and joins are what models of them come to # skip: python3 is not installed"; exit 0; }

[ "${SQUALL_TEST_MODE:-release}" = release ] && some=200 || some=40
modelled() { PYTHONDONTWRITEBYTECODE=1 SQUALL_LIBDIR=$build tests/models/run "$build/tests/models/rig" "$1" "${SQUALL_SEED:-1}" "${SQUALL_MODELLED:-$some}"; }
check "windows are what a model of them comes to, by all aggregates" modelled windows
check "joins in windows, in sessions and by intervals are what a model of them comes to" modelled joins
check "dedupe and reorder pass on what a model of them does, in its order" modelled thins
exit $failures

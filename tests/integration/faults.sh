#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The short form of `make faults`: one seed, the scenarios that take seconds.
# alone
# modes: release
exec env QUICK=1 SEED="${SEED:-$((SRANDOM % 100000))}" tests/faults/run

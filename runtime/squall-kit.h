/* SPDX-License-Identifier: Apache-2.0 */
/*
 * squall-kit.h - what the built-in components are made of, for any component:
 *
 *     squall-formats.h   bytes into fields, and fields into bytes
 *     squall-expr.h      expressions over the fields of a tuple
 *     squall-files.h     records of files, and files that are written once
 *     squall-connect.h   what sources and sinks share that talk to others
 *     squall-sketch.h    numbers of bounded size with a bounded error
 *
 *     cc -shared -fPIC -o name.so name.c $(pkg-config --cflags --libs squall-kit)
 *
 * The kit is a library of its own, libsquall-kit.so: a worker loads it only for components that link it.
 *
 * Threads: nothing here keeps a state of its own. An object belongs to one thread at a time.
 *
 * Ownership: what a `_free` or `_close` takes may be NULL or half made. Texts and values that a reader returns are
 * views, into its input and into its own memory; they are good until its next call.
 */
#ifndef SQUALL_KIT_H
#define SQUALL_KIT_H

#include <squall-connect.h>
#include <squall-expr.h>
#include <squall-files.h>
#include <squall-formats.h>
#include <squall-sketch.h>

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * squall-test.h - a component under test, in the calling process, on a virtual clock.
 *
 * `squall test FILE` runs tests written in YAML (docs/testing.md); this is the same rig for tests in C:
 *
 *     char error[512];
 *     struct sq_rig *rig = sq_rig_new("{component: ./count.so, properties: {min: 2}}", error, sizeof(error));
 *     assert_int_equal(sq_rig_execute(rig, NULL, "{word: storm}"), SQ_ACK);
 *     assert_string_equal(sq_rig_emitted(rig, NULL), "");
 *     assert_int_equal(sq_rig_execute(rig, NULL, "{word: storm}"), SQ_ACK);
 *     assert_string_equal(sq_rig_emitted(rig, NULL), "{\"word\":\"storm\",\"count\":2}\n");
 *     sq_rig_free(&rig);
 *
 * Build: cc $(pkg-config --cflags squall-test) test.c -o test $(pkg-config --libs squall-test) -lcmocka
 *
 * The component is the .so that workers load, its task the one that they run. Nothing waits, and no thread is started
 * that runs code of the component. A rig belongs to one thread. Texts that are handed out are the rig's, good until the
 * next call with it.
 */
#ifndef SQUALL_TEST_H
#define SQUALL_TEST_H

#include "squall.h"

#ifdef __cplusplus
extern "C" {
#endif

struct sq_rig;

/* `setup` is YAML with the keys of a test: component, kind, properties, config, inputs, event-time, parallelism,
 * index, direct, epochs. Relative paths start from the working directory. NULL: see `error`, which names the place
 * in the text, or says what prepare said. */
SQ_EXPORT struct sq_rig *sq_rig_new(const char *setup, char *error, size_t size);

/* Runs the component's cleanup. Accepts a pointer to NULL, and nulls it. */
SQ_EXPORT void sq_rig_free(struct sq_rig **rig);

/* Bolts: executes one tuple, "{field: value, ...}" or "[value, ...]", of the input `source` (NULL: the first), and
 * flushes. The verdict is what became of its tuple tree: SQ_KEEP while it is neither acked nor failed. A text that is
 * no such tuple gives SQ_FAIL and sq_rig_error(). */
SQ_EXPORT enum sq_verdict sq_rig_execute(struct sq_rig *rig, const char *source, const char *tuple);

/* Bolts: one tick, whatever the time. */
SQ_EXPORT void sq_rig_tick(struct sq_rig *rig);

/* Spouts: calls `.next` at most `calls` times. True: the spout is at its end. */
SQ_EXPORT bool sq_rig_next(struct sq_rig *rig, unsigned calls);

/* Spouts: acks or fails the tuple tree `tree`; they count from 0 in the order of their first tuples. What fails comes
 * again when its retry is due: sq_rig_advance(). */
SQ_EXPORT void sq_rig_ack(struct sq_rig *rig, unsigned tree);
SQ_EXPORT void sq_rig_fail(struct sq_rig *rig, unsigned tree);

/* Time passes: ticks by topology.tick.tuple.freq.secs, message timeouts and retries happen on the way. It starts at
 * 2024-01-01 00:00:00 UTC, and sq_now() at one second. */
SQ_EXPORT void sq_rig_advance(struct sq_rig *rig, uint64_t ns);

/* Bolts with an `event-time` in their setup: `source` (NULL: each input) says that its event time has come to
 * `watermark`, in ns since 1970; or that nothing comes for now. 0, or -1: watermarks do not come by that input. */
SQ_EXPORT int sq_rig_watermark(struct sq_rig *rig, const char *source, int64_t watermark);
SQ_EXPORT int sq_rig_idle(struct sq_rig *rig, const char *source);

/* Every input comes to its natural end: event timers run, then `.finish`. */
SQ_EXPORT void sq_rig_finish(struct sq_rig *rig);

/* Bolts: the component is cleaned up, begins anew, and goes on with the keyed state that it had, read from a
 * snapshot: as after a stop of the topology, and a start that comes `ns` later. */
SQ_EXPORT void sq_rig_restart(struct sq_rig *rig, uint64_t ns);

/* How far an epoch gets: it is given up after `.precommit`; or its snapshot is written down and sealed; or also
 * committed. */
enum sq_rig_epoch { SQ_RIG_ABANDONED, SQ_RIG_SEALED, SQ_RIG_COMMITTED };

/*
 * Bolts under exactly-once, which is what a setup with `epochs` gives: an epoch ends. 0, or -1 when a callback did
 * not want: sq_rig_error(). With `epochs: true` what is sealed is in memory; with `epochs: FOLDER` it is in that
 * folder, and a rig that is made later, in another process maybe, goes on from there. The first epoch is committed
 * by sq_rig_new().
 */
SQ_EXPORT int sq_rig_checkpoint(struct sq_rig *rig, enum sq_rig_epoch until);

/* The component is cleaned up, begins anew, and goes on from the last sealed epoch, `ns` later: as after a death. */
SQ_EXPORT void sq_rig_restore(struct sq_rig *rig, uint64_t ns);

/* Tuple trees that are neither acked nor failed. */
SQ_EXPORT size_t sq_rig_pending(const struct sq_rig *rig);

/* Takes what was emitted on a stream (NULL: the default one) since it was last taken: one JSON object a line, "" when
 * nothing was. */
SQ_EXPORT const char *sq_rig_emitted(struct sq_rig *rig, const char *stream);

/* Takes what was logged, with misuses and the causes of failures: one line each, "warning: failed a tuple: empty
 * word". */
SQ_EXPORT const char *sq_rig_logged(struct sq_rig *rig);

/* Why the task could not go on (what a callback said by sq_error()), or why a tuple's text was refused; "" when all is
 * well. */
SQ_EXPORT const char *sq_rig_error(const struct sq_rig *rig);

#ifdef __cplusplus
}
#endif

#endif

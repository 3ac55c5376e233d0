/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the panes of a window come to where none can be taken off again (first, max_by, sums of floats): each pane of an
 * earlier window with all that are behind it, and what has come since.
 *
 *       a    b    c    d  |  e    f         panes
 *     abcd  bcd   cd   d  |  ef             an entry for each of that window; the front
 *            [  bcd  +  ef   )              the next window
 *
 * A window is one entry and the front. One that begins behind the entries makes them anew, of its own panes. So each
 * pane is merged twice, as in the stacks of panes.h; but these are in the memory of the process, and leave the panes as
 * they are, for windows that fire again and for what is beside them. A window before the last one, and a tuple into a
 * pane that is in them, make them anew, too.
 *
 * They are part of a total (total.h). They begin as zeroes; sqi_suffixes_clear() ends them.
 */
#ifndef SQI_WINDOWS_SUFFIXES_H
#define SQI_WINDOWS_SUFFIXES_H

#include "windows/aggregate.h"
#include "windows/timeline.h"

struct sqi_windows;

struct sqi_suffixes {
        uint8_t *entries; /* `n`, and the front behind them; NULL: there are none */
        size_t n;
        int64_t start, end; /* of the window that made them; of the last one, up to which the front goes */
};

bool sqi_aggregate_has_suffixes(const struct sqi_aggregate *aggregate);
/* The window that fires is of the panes from `first` up to `past`. 0 or -ENOMEM, and they are to be cleared. */
int sqi_suffixes_move(const struct sqi_windows *run, struct sqi_suffixes *suffixes, const struct sqi_timeline *timeline,
                      const struct sqi_fired *fired, size_t first, size_t past);
/* Puts what that window, which begins at `start`, comes to into cells of zeroes. False: no memory. */
bool sqi_suffixes_put(const struct sqi_windows *run, const struct sqi_suffixes *suffixes, int64_t start,
                      const struct sqi_blobs *blobs, uint8_t *cells);
void sqi_suffixes_clear(const struct sqi_windows *run, struct sqi_suffixes *suffixes);

#endif

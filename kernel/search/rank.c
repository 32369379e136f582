/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Distances that floats do not hold.
 *
 * Level: search (4).
 */
#include "search/rank.h"

float rank_exactly(const struct rank *rank, const void *row)
{
    const struct query query = metric_query(rank->metric, rank->vector);
    const double distance = metric_exact(rank->metric, &query, row);
    /* Finite, so that such rows are linked and found like others. */
    return distance < (double)-FLT_MAX  ? -FLT_MAX
           : distance > (double)FLT_MAX ? FLT_MAX
                                        : (float)distance;
}

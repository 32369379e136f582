/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Akin: a concurrent in-memory index for nearest-neighbor search over vectors.
 *
 * This header brings all the others. Start with akin_options_init, akin_open, akin_insert and
 * akin_search; examples/quickstart.c shows them on one page.
 */
#ifndef AKIN_AKIN_H
#define AKIN_AKIN_H

#include "akin/build.h"
#include "akin/index.h"
#include "akin/macros.h"
#include "akin/options.h"
#include "akin/search.h"
#include "akin/status.h"
#include "akin/storage.h"
#include "akin/types.h"
#include "akin/upkeep.h"
#include "akin/version.h"

#endif

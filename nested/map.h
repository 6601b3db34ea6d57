/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What faults and range operations share.
 */
#ifndef NESTED_MAP_H
#define NESTED_MAP_H

#include "nested/set.h"

/*
 * Replace the leaf at spot by a table of leaves one level down that say the
 * same. One table must be reserved.
 */
void gn_np_split_spot(struct gn_np *np, const struct gn_np_spot *spot);

#endif

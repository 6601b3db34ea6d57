/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Checks of our own preconditions, never of anything a guest controls. They
 * cost nothing unless GNOMON_DEBUG is defined; then a broken one traps.
 */
#ifndef BASE_ASSERT_H
#define BASE_ASSERT_H

#ifdef GNOMON_DEBUG
#define GN_ASSERT(cond) ((cond) ? (void)0 : __builtin_trap())
#else
#define GN_ASSERT(cond) ((void)sizeof(!(cond)))
#endif

#define GN_STATIC_ASSERT(cond, why) _Static_assert(cond, why)

#endif

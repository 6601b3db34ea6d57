/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef GN_TESTS_FAULT_THROUGH_H
#define GN_TESTS_FAULT_THROUGH_H

/*
 * A call until it is done, STEPS of its budget at a time; it may be refused
 * once, which is counted in refused. STEPS, audit() and refused are the
 * test's.
 */
#define THROUGH(call) \
	do { \
		enum gnomon_status s_; \
		unsigned nomem_ = 0; \
		do { \
			uint32_t budget = STEPS; \
			s_ = (call); \
			nomem_ += s_ == GNOMON_NOMEM; \
			audit(); \
		} while (s_ == GNOMON_MORE || \
			 (s_ == GNOMON_NOMEM && nomem_ < 2)); \
		refused += nomem_; \
		cr_assert_eq(s_, GNOMON_OK, #call ": %s", \
			     gnomon_status_text(s_)); \
	} while (0)

#endif

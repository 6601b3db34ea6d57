/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef GN_TESTS_SUPPORT_AUDITRULE_H
#define GN_TESTS_SUPPORT_AUDITRULE_H

#include <criterion/criterion.h>
#include <string.h>

#include "tests/support/fakehost.h"

/*
 * Something was damaged: the audit names the rule, and level is the lowest at
 * which it looks for it. Returns how many entries it had looked at.
 */
static inline uint64_t audit_names(struct gnomon_vm *vm, struct fakehost *fh,
				   enum gnomon_audit_level level,
				   const char *rule)
{
	struct gnomon_audit report = { 0 };

	for (unsigned l = GNOMON_AUDIT_COUNTS; l < level; l++) {
		cr_assert_eq(gnomon_audit(vm, (enum gnomon_audit_level)l,
					  &report), GNOMON_OK, "%s",
			     report.rule);
	}
	cr_assert_eq(gnomon_audit(vm, level, &report), GNOMON_BUG);
	cr_assert_str_eq(report.rule, rule);
	/* The host was told; it is what we wanted. */
	cr_assert_eq(fh->errors, 1);
	cr_assert_not_null(strstr(fh->error, rule));
	fh->errors = 0;
	return report.checked;
}

#endif

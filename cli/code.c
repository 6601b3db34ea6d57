/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "cli/code.h"

#include "cli/code_digest.h"

const char *code_digest(void)
{
	return GN_CODE_DIGEST;
}

const char *code_origin(void)
{
	return PACKAGE_VERSION " " GN_CODE_DIGEST;
}

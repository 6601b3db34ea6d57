/* SPDX-License-Identifier: BSD-2-Clause */
#include "gnomon/gnomon.h"

const char *gnomon_status_text(enum gnomon_status status)
{
	switch (status) {
	case GNOMON_OK:
		return "ok";
	case GNOMON_MORE:
		return "more work left";
	case GNOMON_GP:
		return "general protection fault";
	case GNOMON_FAULT:
		return "page fault";
	case GNOMON_ABSENT:
		return "no memory there";
	case GNOMON_NOMEM:
		return "out of pages";
	case GNOMON_INVAL:
		return "invalid request";
	case GNOMON_EXISTS:
		return "already there";
	case GNOMON_UNSUPPORTED:
		return "unsupported";
	case GNOMON_BUG:
		return "internal error";
	}
	return "unknown status";
}

const char *gnomon_version(void)
{
	return GNOMON_VERSION;
}

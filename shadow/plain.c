/* SPDX-License-Identifier: BSD-2-Clause */
#include "shadow/plain.h"

void gn_sh_plain_init(struct gn_sh *sh, struct gn_sh_page *page)
{
	union gn_sh_role role = page->role;
	bool wide = role.format == GN_GPT_PAE || role.format == GN_GPT_LONG4 ||
		    role.format == GN_GPT_LONG5;

	if (role.level != 1 || role.direct || role.top || !wide) {
		return;
	}
	page->plain_bad = gn_sh_mode(sh, role)->bad_leaf[1];
	page->plain_keep = X86_PTE_PWT | X86_PTE_PCD | X86_PTE_PAT |
			   X86_PTE_G | X86_PTE_NX |
			   (role.rights & GN_GPT_W ? X86_PTE_W : 0) |
			   (role.rights & GN_GPT_U ? X86_PTE_U : 0) |
			   (role.pke ? UINT64_C(15) << X86_PTE_PK_SHIFT : 0);
}

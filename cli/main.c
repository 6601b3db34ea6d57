/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "--version")) {
		puts("gnomon " PACKAGE_VERSION);
		return 0;
	}
	fputs("usage: gnomon --version\n", stderr);
	return 2;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which code computes results: the version and a digest of the sources of
 * engine and simulator, so that a change of code under the same version is
 * seen. The digest is made when gnomon is built.
 */
#ifndef CLI_CODE_H
#define CLI_CODE_H

/* Sixteen hexadecimal digits. */
const char *code_digest(void);
/* "VERSION DIGEST". */
const char *code_origin(void);

#endif

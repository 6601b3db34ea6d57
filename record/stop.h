/* SPDX-License-Identifier: BSD-2-Clause */
/* SIGINT, SIGTERM and SIGHUP end a recording in order. */
#ifndef RECORD_STOP_H
#define RECORD_STOP_H

/* From now on these signals are only noted. */
void stop_watch(void);
/* The one that came first, or 0. */
int stop_signal(void);
/* They act again as they do by default. */
void stop_default(void);

#endif

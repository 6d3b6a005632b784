/* SPDX-License-Identifier: Apache-2.0 */
/* A debug build (CMAKE_BUILD_TYPE=Debug) explains on standard error what recovery does. */
#ifndef SHMQ_TRACE_H
#define SHMQ_TRACE_H

#ifdef SHMQ_DEBUG
#include <stdio.h>
#include <unistd.h>
#define trace(format, ...) \
  dprintf(STDERR_FILENO, "shmq[%d]: " format "\n", (int)getpid(), __VA_ARGS__)
#else
#define trace(format, ...) ((void)0)
#endif

#endif

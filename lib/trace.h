/* SPDX-License-Identifier: Apache-2.0 */
/* A debug build (CMAKE_BUILD_TYPE=Debug) explains what recovery does, on standard error, where the
   environment has SHMQ_TRACE. */
#ifndef SHMQ_TRACE_H
#define SHMQ_TRACE_H

#ifdef SHMQ_DEBUG
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#define trace(format, ...)               \
  (void)(getenv("SHMQ_TRACE") != NULL && \
         dprintf(STDERR_FILENO, "shmq[%d]: " format "\n", (int)getpid(), __VA_ARGS__))
#else
#define trace(format, ...) ((void)0)
#endif

#endif

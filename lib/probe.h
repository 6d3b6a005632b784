/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Static probes for perf, bpftrace and the like (USDT, provider shmq): a nop each, and a note in
 * the library that says where it is. docs/tracing.md lists them. The first argument is the queue's
 * name, which is where its handle is.
 */
#ifndef SHMQ_PROBE_H
#define SHMQ_PROBE_H

#include "handle.h"

#ifdef SHMQ_USDT
#include <stddef.h>
/* perf takes a probe with several places only if their arguments are of one kind: registers. */
#define STAP_SDT_ARG_CONSTRAINT r
#include <sys/sdt.h>
#ifdef __clang__
#pragma clang diagnostic ignored "-Wgnu-zero-variadic-macro-arguments" /* in their macros */
#endif
_Static_assert(offsetof(struct shmq, name) == 0, "a handle is where its name is");
#define probe(event, q)        STAP_PROBE1(shmq, event, q)
#define probe1(event, q, a)    STAP_PROBE2(shmq, event, q, a)
#define probe2(event, q, a, b) STAP_PROBE3(shmq, event, q, a, b)
#else
#define probe(event, q)        ((void)(q))
#define probe1(event, q, a)    ((void)(q), (void)(a))
#define probe2(event, q, a, b) ((void)(q), (void)(a), (void)(b))
#endif

#endif

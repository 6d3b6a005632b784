/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHMQ_TOOLS_RECORD_CLAIM_H
#define SHMQ_TOOLS_RECORD_CLAIM_H

enum claim { CLAIM_SHARED, CLAIM_ALONE };

enum { CLAIM_PATIENCE_MS = 5000 };

/*
 * Locks a file against other drains and loads (flock(2)), until fd is closed. Returns 0 or a
 * negative errno: -EWOULDBLOCK if somebody holds it, and went on holding it for CLAIM_PATIENCE_MS.
 *
 * Patience: what a drain that was killed had on its way to the disk by io_uring ends some time
 * after its process, and holds the file till then.
 */
int claim_file(int fd, enum claim claim);

#endif

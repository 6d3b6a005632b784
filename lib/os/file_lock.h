/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Open-file-description locks on single bytes of a file (fcntl(2), F_OFD_SETLK). The kernel drops
 * them when the description's last descriptor is closed: at the latest when its process dies, by
 * whatever cause and in whatever namespace, whether or not anybody has waited for it.
 */
#ifndef SHMQ_OS_FILE_LOCK_H
#define SHMQ_OS_FILE_LOCK_H

#include <stdbool.h>
#include <stdint.h>

/* Lock the byte for this description. False: somebody else has it (or the kernel refused). */
bool file_lock_try(int fd, uint64_t byte);

/* Give the byte back. */
void file_lock_release(int fd, uint64_t byte);

/* Does another description hold the byte? A lock of fd's own description is not seen. */
bool file_lock_held(int fd, uint64_t byte);

#endif

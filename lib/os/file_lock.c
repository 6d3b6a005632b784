/* SPDX-License-Identifier: Apache-2.0 */
#include "os/file_lock.h"

#include <fcntl.h>
#include <unistd.h>

static struct flock one_byte(short type, uint64_t byte) {
  return (struct flock){
      .l_type = type, .l_whence = SEEK_SET, .l_start = (off_t)byte, .l_len = 1, .l_pid = 0};
}

bool file_lock_try(int fd, uint64_t byte) {
  struct flock lock = one_byte(F_WRLCK, byte);
  return fcntl(fd, F_OFD_SETLK, &lock) == 0;
}

void file_lock_release(int fd, uint64_t byte) {
  struct flock lock = one_byte(F_UNLCK, byte);
  fcntl(fd, F_OFD_SETLK, &lock);
}

/* Only a write lock counts: who may merely read the segment cannot make the dead look alive. When
   the kernel does not answer, the holder is taken to live: only certain death is acted upon. */
bool file_lock_held(int fd, uint64_t byte) {
  struct flock lock = one_byte(F_WRLCK, byte);
  if (fcntl(fd, F_OFD_GETLK, &lock) != 0) return true;
  return lock.l_type == F_WRLCK;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "board.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static int board_map(struct board *board) {
  void *words = mmap(NULL, board->places * sizeof *board->words, PROT_READ | PROT_WRITE, MAP_SHARED,
                     board->file, 0);
  if (words == MAP_FAILED) return -errno;
  board->words = words;
  return 0;
}

/* Reserve every byte: a page that is missing later would be a SIGBUS. */
static int board_make(struct board *board) {
  const int error = posix_fallocate(board->file, 0, (off_t)(board->places * sizeof *board->words));
  return error != 0 ? -error : board_map(board);
}

int board_create(struct board *board, const char *path, uint64_t places) {
  *board = (struct board){.places = places,
                          .file = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600)};
  if (board->file < 0) return -errno;
  const int error = board_make(board);
  if (error == 0) return 0;
  unlink(path);
  close(board->file);
  return error;
}

static int board_check(struct board *board) {
  struct stat file;
  if (fstat(board->file, &file) != 0) return -errno;
  board->places = (uint64_t)file.st_size / sizeof *board->words;
  const bool trusted = file.st_uid == geteuid() || file.st_uid == 0;
  return trusted && S_ISREG(file.st_mode) && board->places > 0 ? board_map(board) : -EPROTO;
}

int board_open(struct board *board, const char *path) {
  board->file = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
  if (board->file < 0) return -errno;
  const int error = board_check(board);
  if (error != 0) close(board->file);
  return error;
}

void board_close(struct board *board) {
  munmap(board->words, board->places * sizeof *board->words);
  close(board->file);
}

bool board_is_removed(const struct board *board) {
  struct stat file;
  return fstat(board->file, &file) != 0 || file.st_nlink == 0;
}

static _Atomic uint64_t *place_of(const struct board *board, shmq_farm_ticket ticket) {
  return &board->words[ticket % board->places];
}

void board_offer(struct board *board, shmq_farm_ticket ticket) {
  atomic_store(place_of(board, ticket), 2 * ticket);
}

bool board_withdraw(struct board *board, shmq_farm_ticket ticket) {
  uint64_t offered = 2 * ticket;
  return atomic_compare_exchange_strong(place_of(board, ticket), &offered, 0);
}

bool board_begin(struct board *board, shmq_farm_ticket ticket) {
  uint64_t offered = 2 * ticket;
  return atomic_compare_exchange_strong(place_of(board, ticket), &offered, 2 * ticket + 1) ||
         offered == 2 * ticket + 1;
}

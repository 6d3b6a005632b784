/* SPDX-License-Identifier: Apache-2.0 */
#include <err.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <unistd.h>

#include "demo.h"

static bool feed(EVP_MD_CTX *context, int fd, uint64_t *bytes) {
  static unsigned char block[256 * 1024];
  ssize_t got;
  *bytes = 0;
  while ((got = read(fd, block, sizeof block)) > 0) {
    if (!EVP_DigestUpdate(context, block, (size_t)got)) errx(1, "EVP_DigestUpdate failed");
    *bytes += (uint64_t)got;
  }
  return got == 0;
}

static void to_hex(const unsigned char *bytes, unsigned size, char *hex) {
  for (unsigned i = 0; i < size; i++)
    sprintf(hex + 2 * i, "%02x", bytes[i]);
}

static bool digest_fd(int fd, char digest[DIGEST_SIZE], uint64_t *bytes) {
  unsigned char sum[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  EVP_MD_CTX *context = EVP_MD_CTX_new();
  if (!context || !EVP_DigestInit_ex(context, EVP_sha256(), NULL)) errx(1, "no SHA-256");
  bool read_all = feed(context, fd, bytes);
  if (!EVP_DigestFinal_ex(context, sum, &size)) errx(1, "EVP_DigestFinal_ex failed");
  EVP_MD_CTX_free(context);
  if (read_all) to_hex(sum, size, digest);
  return read_all;
}

bool digest_file(const char *path, char digest[DIGEST_SIZE], uint64_t *bytes) {
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a FIFO in its place must not block */
  if (fd < 0) return false;
  bool ok = digest_fd(fd, digest, bytes);
  close(fd);
  return ok;
}

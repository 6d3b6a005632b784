/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "check.h"

SUITE(error);

static const int documented[] = {0,      EAGAIN, ETIMEDOUT, ESHUTDOWN,   EMSGSIZE, ENOENT,
                                 EEXIST, EACCES, EPERM,     EPROTO,      EBADMSG,  ENOSPC,
                                 EUSERS, ESTALE, EINVAL,    ENAMETOOLONG};

Test(error, every_documented_error_has_a_sentence_of_its_own) {
  const size_t n = sizeof documented / sizeof *documented;
  for (size_t i = 0; i < n; i++)
    for (size_t k = 0; k < i; k++)
      cr_assert(strcmp(shmq_strerror(-documented[i]), shmq_strerror(-documented[k])) != 0);
}

Test(error, sign_does_not_matter) {
  for (size_t i = 0; i < sizeof documented / sizeof *documented; i++)
    cr_assert(shmq_strerror(documented[i]) == shmq_strerror(-documented[i]));
}

Test(error, others_have_one_too) {
  cr_assert(strlen(shmq_strerror(-ENOMEM)) > 0);
  cr_assert(strlen(shmq_strerror(INT32_MIN)) > 0);
  cr_assert(strlen(shmq_strerror(INT32_MAX)) > 0);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* A user of the installed library in C++: one item in, one item out on lease. */
#include <shmq.h>
#include <unistd.h>

#include <iostream>
#include <string>

int main() {
  const std::string name = "test-user-" + std::to_string(getpid());
  shmq_options options;
  shmq *queue = nullptr;
  shmq_lease lease;
  shmq_options_init(&options);
  options.maxsize = 4;
  if (int error = shmq_create(&queue, name.c_str(), &options)) {
    std::cerr << shmq_strerror(error) << '\n';
    return 1;
  }
  shmq_put(queue, "hello", 5, SHMQ_FOREVER);
  const int taken = shmq_take(queue, &lease, SHMQ_FOREVER);
  const bool good = taken == 0 &&
                    std::string(static_cast<const char *>(lease.data), lease.size) == "hello" &&
                    shmq_done(queue, &lease) == 0;
  shmq_close(queue);
  shmq_unlink(name.c_str());
  return good ? 0 : 1;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* A pool that grows with its work: ten jobs, at most four workers. Each leaves when it is idle. */
#include "example.h"

enum { JOBS = 10, WORKERS = 4 };

static shmq *jobs;

static void work(int me) {
  struct shmq_lease job;
  int number, result;
  while ((result = shmq_take(jobs, &job, 2 * SECOND)) == 0) {
    memcpy(&number, job.data, sizeof number);
    nap(20 * MS); /* the work; if it kills us, another worker gets the job */
    printf("worker %d did job %d\n", me, number);
    must(shmq_done(jobs, &job), "done");
  }
  if (result != -ETIMEDOUT) must(result, "take");
  printf("worker %d leaves\n", me);
}

int main(void) {
  int workers = 0;
  jobs = family_queue(NULL);
  for (int i = 1; i <= JOBS; i++) {
    must(shmq_put(jobs, &i, sizeof i, SHMQ_FOREVER), "put");
    if (workers < WORKERS && shmq_qsize(jobs) > 0) start(work, ++workers);
  }
  must(shmq_join(jobs, SHMQ_FOREVER), "join");
  printf("all jobs are done\n");
  await_all(0);
  return 0;
}

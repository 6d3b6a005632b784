/* SPDX-License-Identifier: Apache-2.0 */
/* Ten thousand results of a pipeline of three stages equal those of a plain loop, with and without
   workers that are killed at random. */
#include "farms.h"

TestSuite(pipeline, .timeout = 300);

enum { ITEMS = 10000 };

struct parcel {
  uint32_t index, stage;
  uint64_t value;
};

static uint64_t mix(uint64_t value, uint64_t round) {
  value = (value ^ (value >> 31)) * 0x9e3779b97f4a7c15u + round;
  return value ^ (value >> 29);
}

static ssize_t step(const void *argument, size_t size, void *result, size_t room) {
  struct parcel parcel;
  if (size != sizeof parcel || room < sizeof parcel) return -EINVAL;
  memcpy(&parcel, argument, sizeof parcel);
  parcel.value = mix(parcel.value, ++parcel.stage);
  memcpy(result, &parcel, sizeof parcel);
  return sizeof parcel;
}

static uint64_t plain(uint64_t value) {
  return mix(mix(mix(value, 1), 2), 3);
}

static const char *const stages[] = {"read", "change", "write"};

static void send_on(shmq_farm *farm, const struct parcel *parcel) {
  shmq_farm_ticket ticket;
  check_is(shmq_farm_submit(farm, stages[parcel->stage], parcel, sizeof *parcel, &ticket, PATIENCE),
           0);
}

/* Each result is the argument of the next stage. */
static void run_pipeline(shmq_farm *farm, uint64_t *values) {
  struct shmq_farm_outcome outcome;
  struct parcel parcel;
  uint32_t begun = 0, ended = 0;
  while (ended < ITEMS) {
    for (; begun < ITEMS && begun < ended + 500; begun++) {
      send_on(farm, &(struct parcel){.index = begun, .value = begun});
    }
    check_is(shmq_farm_next(farm, &outcome, PATIENCE), 0);
    cr_assert(outcome.code == 0, "%s", (char *)outcome.data);
    memcpy(&parcel, outcome.data, sizeof parcel);
    shmq_farm_free(&outcome);
    if (parcel.stage < 3) {
      send_on(farm, &parcel);
    } else {
      values[parcel.index] = parcel.value;
      ended++;
    }
  }
}

static void check_pipeline(shmq_farm *farm) {
  static uint64_t values[ITEMS];
  for (int i = 0; i < 3; i++)
    check_is(shmq_farm_register(farm, stages[i], step), 0);
  check_is(shmq_farm_start(farm, 3), 0);
  run_pipeline(farm, values);
  for (uint64_t i = 0; i < ITEMS; i++)
    check_is(values[i], plain(i));
}

Test(pipeline, ten_thousand_results_of_three_stages) {
  shmq_farm *farm = make_farm(NULL);
  check_pipeline(farm);
  end_farm(farm);
}

/* Kill those who use the queue, but not the program that submits. */
static int64_t kill_at_random(void *submitter) {
  struct shmq_process processes[64];
  struct chance chance = chance_begin();
  shmq *tasks = open_queue();
  say(0);
  for (ssize_t n; (n = shmq_processes(tasks, processes, 64)) > 0;) {
    const struct shmq_process *chosen = &processes[chance_below(&chance, (uint64_t)n)];
    nap((shmq_ns)chance_below(&chance, 10 * MS));
    if (chosen->pid == *(pid_t *)submitter || chosen->pid == getpid()) continue;
    kill(chosen->pid, SIGKILL);
  }
  return 0;
}

Test(pipeline, while_workers_and_supervisors_are_killed) {
  struct shmq_farm_options options = default_farm_options();
  pid_t me = getpid();
  options.max_attempts = 1000;
  shmq_farm *farm = make_farm(&options);
  struct child killer = child_start(kill_at_random, &me);
  check_is(child_hear(&killer), 0);
  check_pipeline(farm);
  child_kill(&killer);
  end_farm(farm);
}

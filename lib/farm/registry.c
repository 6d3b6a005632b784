/* SPDX-License-Identifier: Apache-2.0 */
#include "registry.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

bool task_name_is_valid(const char *name) {
  return name != NULL && name[0] != '\0' && strlen(name) <= SHMQ_FARM_TASK_MAX;
}

shmq_farm_task *registry_find(const struct shmq_farm *farm, const char *name) {
  for (size_t i = 0; i < farm->registered_count; i++) {
    if (strcmp(farm->registered[i].name, name) == 0) return farm->registered[i].task;
  }
  return NULL;
}

static int registry_add(struct shmq_farm *farm, const char *name, shmq_farm_task *task) {
  if (farm->team.workers != 0) return -EBUSY;
  if (registry_find(farm, name) != NULL) return -EEXIST;
  const size_t n = farm->registered_count;
  struct registered *larger = realloc(farm->registered, (n + 1) * sizeof *larger);
  if (larger == NULL) return -ENOMEM;
  larger[n] = (struct registered){.task = task};
  strcpy(larger[n].name, name);
  farm->registered = larger;
  farm->registered_count = n + 1;
  return 0;
}

int shmq_farm_register(struct shmq_farm *farm, const char *name, shmq_farm_task *task) {
  if (!task_name_is_valid(name) || task == NULL) return -EINVAL;
  int error = farm_lock(farm);
  if (error != 0) return error;
  error = registry_add(farm, name, task);
  farm_unlock(farm);
  return error;
}

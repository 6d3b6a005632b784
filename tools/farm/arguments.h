/* SPDX-License-Identifier: Apache-2.0 */
/* The arguments of a command, and the items that stand in them. */
#ifndef SHMQ_TOOLS_FARM_ARGUMENTS_H
#define SHMQ_TOOLS_FARM_ARGUMENTS_H

#include <shmq.h>
#include <stdbool.h>
#include <stdio.h>

#define PLACE "{}" /* where the item goes */

bool has_place(const char *argument);

/* Finds a program as a shell does. Returns its path, which the caller frees; or NULL, and errno. */
char *find_program(const char *name);

/*
 * The arguments for a run on these items: each that holds {} comes once for each item, with the
 * item in every {}. One block, which the caller frees. NULL, and errno: EILSEQ, an item holds a
 * NUL, which no argument can; ENOMEM.
 */
char **substitute(const char *const *command, const struct shmq_lease *items, size_t count);

/* One word, quoted where a shell would need it. */
void print_quoted(FILE *file, const char *word, size_t size);

#endif

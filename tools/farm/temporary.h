/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHMQ_TOOLS_FARM_TEMPORARY_H
#define SHMQ_TOOLS_FARM_TEMPORARY_H

/* A file without a name, in $TMPDIR or /tmp; what is written goes to its end. Returns a descriptor,
   or -1 and errno. */
int temporary_file(void);

#endif

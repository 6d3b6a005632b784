/* SPDX-License-Identifier: Apache-2.0 */
/* page.html, which the build puts into the program. */
#ifndef SHMQ_TOOLS_EXPORTER_PAGE_H
#define SHMQ_TOOLS_EXPORTER_PAGE_H

#include <stddef.h>

extern const unsigned char page[];
extern const size_t page_size;

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* The socket of a server. */
#ifndef SHMQ_TOOLS_EXPORTER_ADDRESS_H
#define SHMQ_TOOLS_EXPORTER_ADDRESS_H

/* Room for an address and a port as text, with its NUL. */
#define ADDRESS_TEXT_MAX 64

/* Listens at ADDRESS:PORT and puts into bound what that came to be. Returns a descriptor, or says
   what is wrong and returns the negated exit status. */
int address_listen(const char *address, char bound[ADDRESS_TEXT_MAX]);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#include "address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../command.h"

/* Splits a copy of the address into host and port; an address of IPv6 stands in brackets. */
static bool split(char *address, const char **host, const char **port) {
  char *colon = strrchr(address, ':');
  if (!colon || colon == address || colon[1] == '\0') return false;
  *colon = '\0';
  *host = address;
  *port = colon + 1;
  if (*address != '[') return !strchr(address, ':');
  if (colon[-1] != ']') return false;
  colon[-1] = '\0';
  ++*host;
  return true;
}

static int bad_address(const char *address, const char *why) {
  return -bad_call("--listen %s: %s", address, why);
}

static int no_socket(const char *address) {
  complain(
      "--listen %s: %s", address,
      errno == EADDRINUSE ? "somebody listens there already; take another port" : strerror(errno));
  return -STATUS_FAILED;
}

static int listen_at(const struct addrinfo *info) {
  int one = 1;
  int fd = socket(info->ai_family, info->ai_socktype | SOCK_CLOEXEC, info->ai_protocol);
  if (fd < 0) return -1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (bind(fd, info->ai_addr, info->ai_addrlen) == 0 && listen(fd, SOMAXCONN) == 0) return fd;
  int error = errno;
  close(fd);
  errno = error;
  return -1;
}

/* Port 0 has become one that was free. */
static void name_of(int fd, char bound[ADDRESS_TEXT_MAX]) {
  struct sockaddr_storage address;
  socklen_t size = sizeof address;
  char host[INET6_ADDRSTRLEN] = "?", port[8] = "?";
  getsockname(fd, (struct sockaddr *)&address, &size);
  getnameinfo((struct sockaddr *)&address, size, host, sizeof host, port, sizeof port,
              NI_NUMERICHOST | NI_NUMERICSERV);
  bool is_v6 = address.ss_family == AF_INET6;
  snprintf(bound, ADDRESS_TEXT_MAX, is_v6 ? "[%s]:%s" : "%s:%s", host, port);
}

static bool is_port(const char *port) {
  size_t length = strlen(port);
  int number = -1;
  if (length > 5 || strspn(port, "0123456789") != length) return false;
  sscanf(port, "%d", &number);
  return number <= 65535;
}

int address_listen(const char *address, char bound[ADDRESS_TEXT_MAX]) {
  static const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
  char copy[300];
  const char *host, *port;
  struct addrinfo *info;
  if (strlen(address) >= sizeof copy) return bad_address(address, "too long for an address");
  if (!split(strcpy(copy, address), &host, &port) || !is_port(port))
    return bad_address(address,
                       "expected an address and a port, such as 127.0.0.1:9464 or [::1]:9464");
  int error = getaddrinfo(host, port, &hints, &info);
  if (error) return bad_address(address, gai_strerror(error));
  int fd = listen_at(info);
  freeaddrinfo(info);
  if (fd < 0) return no_socket(address);
  name_of(fd, bound);
  return fd;
}

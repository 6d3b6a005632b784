/* SPDX-License-Identifier: Apache-2.0 */
/* shmq exporter: what ls can say of all queues, over HTTP. It opens queues for reading only. */
#include <microhttpd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../command.h"
#include "../listing.h"
#include "../report.h"
#include "address.h"
#include "page.h"

enum { CONNECTIONS_MAX = 64, IDLE_SECONDS_MAX = 10 };

static const char *address = "127.0.0.1:9464";

static const struct command_option options[] = {
    {"listen", 0, OPTION_ADDRESS, &address, 0, 0,
     "answer there; 127.0.0.1:9464 if not given, port 0: any"},
    {0}};

/* The page needs nothing from elsewhere, and so may fetch nothing. */
#define POLICY \
  "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; connect-src 'self'"

/* ---- What there is to read ----------------------------------------------------------------------
 */

static void print_metrics(FILE *out, const struct listing *listing) {
  print_prometheus(out, listing->snapshots, listing->count);
}

static void print_queues(FILE *out, const struct listing *listing) {
  print_json(out, listing->snapshots, listing->count, true);
}

static const struct resource {
  const char *path, *type;
  void (*print)(FILE *, const struct listing *); /* NULL: the page */
} resources[] = {
    {"/", "text/html; charset=utf-8", NULL},
    {"/metrics", "text/plain; version=0.0.4; charset=utf-8", print_metrics},
    {"/queues.json", "application/json", print_queues},
    {0},
};

static const struct resource *find_resource(const char *path) {
  for (const struct resource *resource = resources; resource->path; resource++)
    if (strcmp(resource->path, path) == 0) return resource;
  return NULL;
}

/* NULL: out of memory. */
static char *print_to_memory(const struct resource *resource, const struct listing *listing,
                             size_t *size) {
  char *text = NULL;
  FILE *out = open_memstream(&text, size);
  if (!out) return NULL;
  resource->print(out, listing);
  if (fclose(out) == 0) return text;
  free(text);
  return NULL;
}

/* ---- Answers ------------------------------------------------------------------------------------
 */

/* Constant text is only read, though the type of the parameter says otherwise. */
static struct MHD_Response *respond_with(const void *text, size_t size) {
  union {
    const void *constant;
    void *given;
  } pointer = {text};
  return MHD_create_response_from_buffer(size, pointer.given, MHD_RESPMEM_PERSISTENT);
}

static enum MHD_Result answer(struct MHD_Connection *connection, unsigned status,
                              struct MHD_Response *response, const char *type) {
  if (!response) return MHD_NO; /* which closes the connection */
  MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
  MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
  MHD_add_response_header(response, "Content-Security-Policy", POLICY);
  MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
  if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
    MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
  enum MHD_Result result = MHD_queue_response(connection, status, response);
  MHD_destroy_response(response);
  return result;
}

static enum MHD_Result refuse(struct MHD_Connection *connection, unsigned status,
                              const char *text) {
  return answer(connection, status, respond_with(text, strlen(text)), "text/plain");
}

static enum MHD_Result show(struct MHD_Connection *connection, const struct resource *resource) {
  struct listing listing;
  size_t size;
  if (listing_take(&listing))
    return refuse(connection, MHD_HTTP_INTERNAL_SERVER_ERROR, "shared memory cannot be listed\n");
  char *text = print_to_memory(resource, &listing, &size);
  listing_free(&listing);
  if (!text) return MHD_NO;
  return answer(connection, MHD_HTTP_OK,
                MHD_create_response_from_buffer(size, text, MHD_RESPMEM_MUST_FREE), resource->type);
}

static bool is_read(const char *method) {
  return strcmp(method, MHD_HTTP_METHOD_GET) == 0 || strcmp(method, MHD_HTTP_METHOD_HEAD) == 0;
}

static enum MHD_Result handle(void *unused, struct MHD_Connection *connection, const char *path,
                              const char *method, const char *version, const char *upload,
                              size_t *upload_size, void **state) {
  (void)unused, (void)version, (void)upload, (void)upload_size, (void)state;
  const struct resource *resource = find_resource(path);
  if (!is_read(method))
    return refuse(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "there is nothing here to change\n");
  if (!resource)
    return refuse(connection, MHD_HTTP_NOT_FOUND, "there are /, /metrics and /queues.json\n");
  if (resource->print) return show(connection, resource);
  return answer(connection, MHD_HTTP_OK, respond_with(page, page_size), resource->type);
}

/* ---- The server ---------------------------------------------------------------------------------
 */

static int serve(int fd, const char *bound, const sigset_t *ends) {
  int received;
  struct MHD_Daemon *server = MHD_start_daemon(
      MHD_USE_INTERNAL_POLLING_THREAD, 0, NULL, NULL, handle, NULL, MHD_OPTION_LISTEN_SOCKET, fd,
      MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS_MAX, MHD_OPTION_CONNECTION_TIMEOUT,
      (unsigned)IDLE_SECONDS_MAX, MHD_OPTION_END);
  if (!server) {
    complain("the server could not be started");
    close(fd);
    return STATUS_FAILED;
  }
  printf("http://%s/\n", bound);
  int status = flush_output();
  if (status == STATUS_DONE) sigwait(ends, &received);
  MHD_stop_daemon(server);
  return status;
}

/* The server's thread inherits the mask: only sigwait gets these. */
static int run(const char *const *arguments) {
  (void)arguments;
  char bound[ADDRESS_TEXT_MAX];
  sigset_t ends;
  sigemptyset(&ends);
  sigaddset(&ends, SIGINT);
  sigaddset(&ends, SIGTERM);
  sigprocmask(SIG_BLOCK, &ends, NULL);
  int fd = address_listen(address, bound);
  return fd < 0 ? -fd : serve(fd, bound, &ends);
}

const struct command exporter_command = {
    .name = "exporter",
    .arguments = "[OPTION...]",
    .summary = "Show all queues to Prometheus and to browsers, over HTTP.",
    .details =
        "/ is a page that draws the queues, /metrics is for Prometheus, /queues.json is what\n"
        "'shmq ls --json' prints. Only this machine can ask, unless --listen says otherwise.\n"
        "Example: shmq exporter --listen 127.0.0.1:9464\n",
    .min_arguments = 0,
    .max_arguments = 0,
    .options = options,
    .run = run,
};

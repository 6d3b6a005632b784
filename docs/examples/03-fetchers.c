/* SPDX-License-Identifier: Apache-2.0 */
/* Three consumers fetch the URLs given as arguments, through a queue of five. Each leaves when
   nothing has come for two seconds. */
#include <curl/curl.h>

#include "example.h"

enum { FETCHERS = 3, WAITING = 5, URL_MAX = 2000 };

static shmq *queue;

static size_t count_bytes(char *data, size_t size, size_t n, void *total) {
  (void)data;
  *(size_t *)total += size * n;
  return size * n;
}

static void fetch(CURL *curl, const char *url) {
  size_t bytes = 0;
  long status = 0;
  curl_easy_setopt(curl, CURLOPT_URL, url);
  curl_easy_setopt(curl, CURLOPT_TIMEOUT, 10L);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, count_bytes);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &bytes);
  const CURLcode code = curl_easy_perform(curl);
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  if (code == CURLE_OK) {
    printf("%ld %zu bytes %s\n", status, bytes, url);
  } else {
    printf("%s: %s\n", url, curl_easy_strerror(code));
  }
}

static void consume(int unused) {
  char url[URL_MAX + 1];
  ssize_t size;
  CURL *curl = curl_easy_init();
  (void)unused;
  if (curl == NULL) errx(1, "no curl");
  while ((size = shmq_get(queue, url, URL_MAX, 2 * SECOND)) >= 0) {
    url[size] = '\0';
    fetch(curl, url);
    must(shmq_task_done(queue), "task_done");
  }
  if (size != -ETIMEDOUT) must(size, "get");
  curl_easy_cleanup(curl);
}

int main(int argc, char **argv) {
  struct shmq_options options;
  shmq_options_init(&options);
  options.maxsize = WAITING;
  queue = family_queue(&options);
  for (int i = 0; i < FETCHERS; i++)
    start(consume, i);
  for (int i = 1; i < argc; i++)
    must(shmq_put(queue, argv[i], strlen(argv[i]), SHMQ_FOREVER), argv[i]);
  must(shmq_join(queue, SHMQ_FOREVER), "join"); /* everything is fetched */
  await_all(0);
  return 0;
}

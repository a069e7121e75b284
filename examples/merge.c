/* SPDX-License-Identifier: Apache-2.0 */
/* usage: merge_c A.safetensors B.safetensors OUT.safetensors
 * Writes the point a quarter of the way from A to B. Ctrl-C stops it, and leaves no file behind. */
#include <ckmerge.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static volatile sig_atomic_t stop; /* an int wherever ckmerge is */

static void on_interrupt(int number) { stop = number; }

static int show(void* context, const char* event) { return fprintf(context, "%s\n", event) < 0; }

/* Appends `path` as a JSON text. */
static void append(char* json, const char* path) {
  char* to = json + strlen(json);
  for (*to++ = '"'; *path; *to++ = *path++)
    if (*path == '"' || *path == '\\') *to++ = '\\';
  strcpy(to, "\"");
}

int main(int argc, char** argv) {
  if (argc != 4) return fprintf(stderr, "usage: merge_c A.safetensors B.safetensors OUT.safetensors\n"), 2;
  signal(SIGINT, on_interrupt);
  char* request = malloc(2 * (strlen(argv[1]) + strlen(argv[2]) + strlen(argv[3])) + 200);
  strcpy(request, "{\"command\": \"merge\", \"inputs\": [");
  append(request, argv[1]);
  append(strcat(request, ", "), argv[2]);
  append(strcat(request, "], \"options\": {\"alpha\": 0.25, \"force\": true, \"output\": "), argv[3]);
  strcat(request, "}}");

  ckmerge_session* session = ckmerge_open("{\"sigbus_guard\": true}");
  ckmerge_call_options options = {
      .size = sizeof options, .context = stderr, .progress = show, .stop = (const int*)&stop};
  char* answer = NULL;
  const int code = ckmerge_call(session, request, &options, &answer);
  if (code == 0)
    puts(answer); /* the document that `ckmerge merge --json` prints */
  else
    fprintf(stderr, "merge_c: %s\n", ckmerge_last_error());
  ckmerge_free(answer);
  ckmerge_close(session);
  free(request);
  return code;
}

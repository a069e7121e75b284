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

/* Writes `text` and then `path` as a JSON text; returns where they end. */
static char* append(char* to, const char* text, const char* path) {
  for (to += sprintf(to, "%s\"", text); *path; *to++ = *path++)
    if (*path == '"' || *path == '\\') *to++ = '\\';
  return strcpy(to, "\"") + 1;
}

int main(int argc, char** argv) {
  if (argc != 4) return fprintf(stderr, "usage: merge_c A.safetensors B.safetensors OUT.safetensors\n"), 2;
  signal(SIGINT, on_interrupt);
  char* const request = malloc(2 * (strlen(argv[1]) + strlen(argv[2]) + strlen(argv[3])) + 200);
  char* const inputs = append(request, "{\"command\": \"merge\", \"inputs\": [", argv[1]);
  char* const output = append(inputs, ", ", argv[2]);
  strcpy(append(output, "], \"options\": {\"alpha\": 0.25, \"force\": true, \"output\": ", argv[3]), "}}");
  ckmerge_session* session = ckmerge_open("{\"sigbus_guard\": true}");
  ckmerge_call_options options = {
      .size = sizeof options, .context = stderr, .progress = show, .stop = (const int*)&stop};
  char* answer = NULL; /* the document that `ckmerge merge --json` prints */
  const int code = ckmerge_call(session, request, &options, &answer);
  code == 0 ? puts(answer) : fprintf(stderr, "merge_c: %s\n", ckmerge_last_error());
  ckmerge_free(answer);
  ckmerge_close(session);
  free(request);
  return code;
}

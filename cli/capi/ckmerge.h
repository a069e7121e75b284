/* SPDX-License-Identifier: Apache-2.0
 *
 * libckmerge: merge, convert, inspect and look for checkpoints of neural networks from any language that can call C.
 *
 * There is one call. It takes what to do as a JSON document (docs/request.schema.json), which says the same as a
 * command line of the program, and gives what --json prints (docs/cli.md): what the program can do, this can, under the
 * same names. docs/capi.md tells all of it with examples.
 *
 *   ckmerge_session* session = ckmerge_open(NULL);
 *   char* answer = NULL;
 *   int code = ckmerge_call(session, "{\"command\": \"inspect\", \"inputs\": [\"model.safetensors\"]}", NULL, &answer);
 *   puts(answer);
 *   ckmerge_free(answer);
 *   ckmerge_close(session);
 *
 * Texts are UTF-8 and end with a NUL byte. Any number of threads may call, on one session or on several. Nothing is
 * printed, no signal is caught unless it is asked for, no environment variable is read unless it is asked for, and no
 * function ends the process. A relative path begins in the process's current folder.
 */
#ifndef CKMERGE_H
#define CKMERGE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The interface that this header describes. Functions and members are added without a new number, members at the end
 * of structures that tell their size; a new number comes with another libckmerge.so.N. */
#define CKMERGE_INTERFACE 1

#if defined(__GNUC__)
#define CKMERGE_API __attribute__((visibility("default")))
#else
#define CKMERGE_API
#endif

/* What calls have in common: where the registry and the cache of hashes are, and which kernels compute. It never
 * changes, and no call leaves a trace in it. */
typedef struct ckmerge_session ckmerge_session;

/* Begins a session. `settings` is NULL, or a JSON object with any of these members:
 *
 *   "environment": true    what the other members do not say is as the program has it, by the environment variables
 *                          CKMERGE_ISA, CKMERGE_NOTIFY_AUTH, HOME, XDG_DATA_HOME and XDG_CACHE_HOME of this moment
 *   "registry": PATH       the database in which "@NAME" is looked up, and to which outputs are added where it is
 *                          there; "": none, as without "environment"
 *   "hash_cache": PATH     the file of known hashes; "": none, as without "environment"
 *   "home": PATH           what ~ stands for in other programs' lists of folders
 *   "isa": NAME            the CPU's kernels: "baseline", "avx2", ...; "": the best
 *   "notify_auth": TEXT    USER:PASSWORD, or @FILE, for the option "notify"
 *   "sigbus_guard": true   a mapped input that is truncated, or whose disk fails, is an error on kernels before Linux
 *                          5.14, too, where it is the signal SIGBUS else: a handler for the whole process, which hands
 *                          on what is not its own
 *
 * Returns NULL where it cannot be: ckmerge_last_error() says why. */
CKMERGE_API ckmerge_session* ckmerge_open(const char* settings);

/* Ends a session in which no call is running. NULL is nothing. */
CKMERGE_API void ckmerge_close(ckmerge_session* session);

/* "0.1.0"; CKMERGE_INTERFACE as the library has it. */
CKMERGE_API const char* ckmerge_version(void);
CKMERGE_API int ckmerge_interface(void);

/* Why the last function that failed in this thread did: one sentence, valid until the next failure in this thread. It
 * is "" where none has. The answer of a call says more. */
CKMERGE_API const char* ckmerge_last_error(void);

/* All that a binding needs to make itself, as JSON: commands, options with their types, choices and meanings, merge
 * methods, dtypes, architectures with their blocks, forms, exit codes. Equal libraries give equal texts. Free it with
 * ckmerge_free(). NULL only where memory ran out. */
CKMERGE_API char* ckmerge_describe(const ckmerge_session* session);

/* NOLINTBEGIN(readability-identifier-naming): C's spelling. */

/* In the flags of a tensor: `data` is no address but any number, by which tensors without addresses are told apart.
 * Those of the same number, dtype and shape are one (tied), which is asked for once and written once where the form
 * can. */
#define CKMERGE_TENSOR_ASKED 1u

/* A tensor that is not in a file. */
typedef struct ckmerge_tensor {
  const char* name;
  /* As safetensors spells it: "F32", "BF16", "F8_E4M3", "I64", "BOOL", ... */
  const char* dtype;
  /* `rank` sizes; may be NULL where that is 0. */
  const uint64_t* shape;
  /* `rank` distances from one element to the next, in elements; NULL: they lie in order, those of the last dimension
   * beside each other. */
  const uint64_t* strides;
  uint32_t rank;
  uint32_t flags; /* 0, or CKMERGE_TENSOR_ASKED */
  /* The first element, little-endian and aligned to nothing; NULL: asked of `read`. */
  const void* data;
} ckmerge_tensor;

/* A checkpoint that is not in a file. It, and all that it points to, must be there and stay as it is until the call
 * returns. Requests name it "memory:NAME", wherever they name a checkpoint that is read. */
typedef struct ckmerge_tensors {
  const char* name; /* NAME, another for each of a call */
  const ckmerge_tensor* tensors;
  size_t count;
  const char* metadata; /* a JSON object whose values are texts; NULL: none */
  /* For tensors without `data`: copies the bytes [offset, offset + size) of tensor number `tensor`, as if its elements
   * lay in order, to `to`. Not 0: it could not, and the call fails with code 1. Threads of the engine call it, several
   * at once. May be NULL where all tensors have data. */
  int (*read)(void* context, size_t tensor, uint64_t offset, uint64_t size, void* to);
  void* context; /* for read */
} ckmerge_tensors;

/* What a call may be told beside its request. Set all of it to 0 first; what is 0 is not there. */
typedef struct ckmerge_call_options {
  size_t size;   /* sizeof(ckmerge_call_options) */
  void* context; /* for the two functions below */
  /* How far the work is: one JSON object, as --progress json writes it: "start", then "progress" about ten times a
   * second with bytes done and bytes in all, then "finish". Called by the thread that called. Not 0: the call is to
   * end, as by `stop`. */
  int (*progress)(void* context, const char* event);
  /* What the program would say on standard error beside its result: a sentence. Called by the thread that called. */
  void (*warn)(void* context, const char* sentence);
  /* Any thread may set it to something else than 0: the call ends within about a second with code 130, the target is
   * what it was, and nothing is left behind. Where the output is complete already, the call succeeds. */
  const int* stop;
  const ckmerge_tensors* tensors; /* checkpoints in memory that the request may name */
  size_t tensors_count;
} ckmerge_call_options;

/* NOLINTEND(readability-identifier-naming) */

/* Does what `request` asks for and returns what the program would exit with:
 *
 *   0    done                                         4    the checkpoints do not fit together
 *   1    run-time error: I/O, a file is missing       5    not enough disk, memory or GPU
 *   2    the request is wrong                         6    a verification or comparison found a difference
 *   3    an input is malformed, unsafe or truncated   130  the caller ended it
 *
 * `*answer` becomes the document that --json prints, where the code is not 0 that of the failure: {"error": {"code",
 * "exit", "where", "message", "details"}}. It is NULL only where memory ran out even for that (5). Free it with
 * ckmerge_free(). `answer` may be NULL, `options` too. */
CKMERGE_API int ckmerge_call(ckmerge_session* session, const char* request, const ckmerge_call_options* options,
                             char** answer);

/* Frees what ckmerge_call() and ckmerge_describe() gave. NULL is nothing. */
CKMERGE_API void ckmerge_free(char* text);

#ifdef __cplusplus
}
#endif

#endif

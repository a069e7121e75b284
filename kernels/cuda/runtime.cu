// SPDX-License-Identifier: Apache-2.0
// The device's kernels, and the CUDA runtime behind the table of runtime.h. Compiled with -fmad=false: fused, a
// multiply and an add round once where the CPU rounds twice (invariant I2).
#include <cuda_runtime.h>

#include <cstring>

#include "kernels/cuda/runtime.h"

#define CKMERGE_INLINE __host__ __device__ inline
#define CKMERGE_COLD __host__ __device__ __noinline__

namespace ckmerge::cuda {
namespace {

CKMERGE_INLINE void add_to(uint64_t* counter, uint64_t n) {
#if defined(__CUDA_ARCH__)
  if (n) atomicAdd(reinterpret_cast<unsigned long long*>(counter), static_cast<unsigned long long>(n));
#else
  *counter += n;
#endif
}

#include "kernels/cuda/tile_threads.inl"
// After it, because they need it.
#include "kernels/cuda/fused.inl"
#include "kernels/cuda/sums.inl"

template <Kernel kKernel, typename T>
using Interpreted = InterpretedProgram<kKernel, T, shape_of(kKernel).threads>;

// Four blocks on a multiprocessor keep 64 KiB of loads in flight.
template <typename F, Kernel kKernel>
__global__ void __launch_bounds__(shape_of(kKernel).threads, 4) fused(const __grid_constant__ Launch launch) {
  run_alike<F, kKernel>(launch, blockIdx.x, threadIdx.x);
}

__global__ void __launch_bounds__(shape_of(Kernel::mixed32).threads, 3) mixed(const __grid_constant__ Launch launch) {
  run_mixed(launch, blockIdx.x, threadIdx.x);
}

// Registers are columns of shared memory: an array that is indexed at run time would lie in device memory.
template <Kernel kKernel, typename T>
__global__ void __launch_bounds__(shape_of(kKernel).threads) interpret(const __grid_constant__ Launch launch) {
  constexpr KernelShape kShape = shape_of(kKernel);
  __shared__ T registers[kRegisters * kShape.vector * kShape.threads];
  run_part<Interpreted<kKernel, T>>(launch, part_of_block(launch, blockIdx.x), blockIdx.x, threadIdx.x,
                                    registers + threadIdx.x);
}

template <typename T>
__global__ void __launch_bounds__(kSumsPerBlock* kLanes) sum(const __grid_constant__ Launch launch) {
  const uint32_t index = blockIdx.x * kSumsPerBlock + threadIdx.x / kLanes;
  if (index < launch.part_count) run_sum<T>(launch, index, threadIdx.x % kLanes);
}

// ---- the table ----

using KernelFunction = void (*)(Launch);
constexpr KernelFunction kFunctions[kKernelCount] = {fused<Bfloat, Kernel::fused_bf16>,
                                                     fused<Half, Kernel::fused_f16>,
                                                     fused<Single, Kernel::fused_f32>,
                                                     mixed,
                                                     interpret<Kernel::interpret32, float>,
                                                     interpret<Kernel::interpret64, double>,
                                                     sum<float>,
                                                     sum<double>};

Status status_of(cudaError_t error) {
  // A failed launch is reported once more by the next call that asks; nobody should find it there.
  if (error != cudaSuccess) cudaGetLastError();
  return static_cast<Status>(error);
}

cudaStream_t stream_of(void* stream) { return static_cast<cudaStream_t>(stream); }
cudaEvent_t event_of(void* event) { return static_cast<cudaEvent_t>(event); }

// Without a driver the runtime says that its version is insufficient, which sends people looking for a newer one.
constexpr Status kNoDriver = -1;

Status device_count(int* count) {
  int driver = 0;
  if (const cudaError_t error = cudaDriverGetVersion(&driver)) return status_of(error);
  return driver == 0 ? kNoDriver : status_of(cudaGetDeviceCount(count));
}
Status use_device(int device) { return status_of(cudaSetDevice(device)); }

Status device_info(int device, DeviceInfo* info) {
  cudaDeviceProp properties;
  if (const cudaError_t error = cudaGetDeviceProperties(&properties, device)) return status_of(error);
  if (const cudaError_t error = cudaSetDevice(device)) return status_of(error);
  size_t free = 0, total = 0;
  if (const cudaError_t error = cudaMemGetInfo(&free, &total)) return status_of(error);
  if (const cudaError_t error = cudaDriverGetVersion(&info->driver)) return status_of(error);
  // A card for which the program holds no code would show it only when the first kernel starts.
  cudaFuncAttributes attributes;
  if (const cudaError_t error = cudaFuncGetAttributes(&attributes, kFunctions[0])) return status_of(error);
  std::memcpy(info->name, properties.name, sizeof info->name - 1);
  info->major = properties.major;
  info->minor = properties.minor;
  info->memory = total;
  info->free = free;
  info->toolkit = CUDART_VERSION;
  return 0;
}

Status allocate(void** memory, size_t size) { return status_of(cudaMalloc(memory, size)); }
Status release(void* memory) { return status_of(cudaFree(memory)); }
Status pin(void* memory, size_t size) { return status_of(cudaHostRegister(memory, size, cudaHostRegisterPortable)); }
Status unpin(void* memory) { return status_of(cudaHostUnregister(memory)); }

Status create_stream(void** stream) {
  cudaStream_t made = nullptr;
  const cudaError_t error = cudaStreamCreateWithFlags(&made, cudaStreamNonBlocking);
  *stream = made;
  return status_of(error);
}
Status destroy_stream(void* stream) { return status_of(cudaStreamDestroy(stream_of(stream))); }

// A thread that waits for an event sleeps: spinning, as the runtime does otherwise, would take cores from those that
// fill the next tiles.
Status create_event(void** event, bool timed) {
  cudaEvent_t made = nullptr;
  const cudaError_t error =
      cudaEventCreateWithFlags(&made, cudaEventBlockingSync | (timed ? 0u : unsigned{cudaEventDisableTiming}));
  *event = made;
  return status_of(error);
}
Status destroy_event(void* event) { return status_of(cudaEventDestroy(event_of(event))); }

Status copy_in(void* device, const void* host, size_t size, void* stream) {
  return status_of(cudaMemcpyAsync(device, host, size, cudaMemcpyHostToDevice, stream_of(stream)));
}
Status copy_out(void* host, const void* device, size_t size, void* stream) {
  return status_of(cudaMemcpyAsync(host, device, size, cudaMemcpyDeviceToHost, stream_of(stream)));
}
Status copy_within(void* to, const void* from, size_t size, void* stream) {
  return status_of(cudaMemcpyAsync(to, from, size, cudaMemcpyDeviceToDevice, stream_of(stream)));
}

Status launch(const Launch& launch, void* stream) {
  const KernelFunction function = kFunctions[static_cast<size_t>(launch.kernel)];
  function<<<launch.blocks, shape_of(launch.kernel).threads, 0, stream_of(stream)>>>(launch);
  return status_of(cudaGetLastError());
}

Status record(void* event, void* stream) { return status_of(cudaEventRecord(event_of(event), stream_of(stream))); }
Status wait_for(void* stream, void* event) {
  return status_of(cudaStreamWaitEvent(stream_of(stream), event_of(event), 0));
}
Status synchronize(void* event) { return status_of(cudaEventSynchronize(event_of(event))); }
Status drain(void* stream) { return status_of(cudaStreamSynchronize(stream_of(stream))); }
Status elapsed(float* milliseconds, void* begin, void* end) {
  return status_of(cudaEventElapsedTime(milliseconds, event_of(begin), event_of(end)));
}
const char* message(Status status) {
  return status == kNoDriver ? "no NVIDIA driver is installed" : cudaGetErrorString(static_cast<cudaError_t>(status));
}

}  // namespace

const Runtime* runtime() noexcept {
  static constexpr Runtime kRuntime = {
      .device_count = device_count,
      .use_device = use_device,
      .device_info = device_info,
      .allocate = allocate,
      .release = release,
      .pin = pin,
      .unpin = unpin,
      .create_stream = create_stream,
      .destroy_stream = destroy_stream,
      .create_event = create_event,
      .destroy_event = destroy_event,
      .copy_in = copy_in,
      .copy_out = copy_out,
      .copy_within = copy_within,
      .launch = launch,
      .record = record,
      .wait_for = wait_for,
      .synchronize = synchronize,
      .drain = drain,
      .elapsed = elapsed,
      .message = message,
  };
  return &kRuntime;
}

}  // namespace ckmerge::cuda

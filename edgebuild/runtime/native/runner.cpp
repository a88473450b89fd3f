// The measured process of the executorch runtime: loads one .pte and runs it, without Python and without torch.
//
//   runner serve MODEL THREADS
//       writes one line of JSON that describes the file, then answers requests on stdin until it closes:
//       request  = the raw bytes of every input, one after the other
//       response = uint32 error code (0 = ok), then the raw bytes of every output
//   runner run MODEL THREADS CPUS COUNT OUTPUT INPUT...
//       every INPUT holds at least COUNT raw samples; writes the raw bytes of every output of the first sample, then of
//       the second, and so on
//   runner time MODEL THREADS CPUS RUNS OUTPUT ETDUMP INPUT...
//       CPUS is a comma-separated list to pin the process to; every INPUT holds one or more raw samples, used in turn;
//       "-" for CPUS pins nowhere, for OUTPUT or ETDUMP writes none;
//       writes one line of JSON with the duration of each run and the memory of this process
//
// Everything is little-endian and contiguous. Exit code 0, or 1 with one line on stderr.

#include <executorch/devtools/etdump/etdump_flatcc.h>
#include <executorch/extension/module/module.h>
#include <executorch/extension/tensor/tensor.h>
#include <executorch/runtime/platform/runtime.h>

#include <sched.h>

#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

namespace executorch::extension::threadpool {  // the wheel ships the library, but not this header
class ThreadPool {
 public:
  bool _unsafe_reset_threadpool(uint32_t count);
};
ThreadPool* get_threadpool();
}  // namespace executorch::extension::threadpool

namespace {

using executorch::aten::DimOrderType;
using executorch::aten::ScalarType;
using executorch::aten::SizesType;
using executorch::aten::StridesType;
using executorch::etdump::ETDumpGen;
using executorch::extension::Module;
using executorch::runtime::Error;
using executorch::runtime::EValue;
using executorch::runtime::TensorInfo;
using Clock = std::chrono::steady_clock;

constexpr const char* kMethod = "forward";

struct Failure {
  std::string message;
};

[[noreturn]] void fail(const std::string& message) {
  throw Failure{message};
}

template <typename T>
T unwrap(executorch::runtime::Result<T> result, const std::string& doing) {
  if (!result.ok()) {
    fail(doing + ": error " + std::to_string(static_cast<int>(result.error())));
  }
  return std::move(*result);
}

std::string dtype_name(ScalarType type) {
  switch (type) {
    case ScalarType::Float: return "float32";
    case ScalarType::Half: return "float16";
    case ScalarType::Char: return "int8";
    case ScalarType::Byte: return "uint8";
    case ScalarType::Short: return "int16";
    case ScalarType::Int: return "int32";
    case ScalarType::Long: return "int64";
    case ScalarType::Double: return "float64";
    case ScalarType::Bool: return "bool";
    default: return "code" + std::to_string(static_cast<int>(type));
  }
}

// One tensor at the border of the file: what a caller must know to feed or read it.
struct Port {
  ScalarType type;
  std::vector<SizesType> shape;
  std::vector<DimOrderType> dim_order;  // how the dimensions lie in memory: 0, 2, 3, 1 is channels last
  size_t bytes;

  explicit Port(const TensorInfo& info)
      : type(info.scalar_type()),
        shape(info.sizes().begin(), info.sizes().end()),
        dim_order(info.dim_order().begin(), info.dim_order().end()),
        bytes(info.nbytes()) {}

  std::vector<StridesType> strides() const {
    std::vector<StridesType> result(shape.size());
    StridesType step = 1;
    for (size_t i = shape.size(); i-- > 0;) {
      result[dim_order[i]] = step;
      step *= shape[dim_order[i]];
    }
    return result;
  }

  executorch::extension::TensorPtr tensor(void* data) const {
    return executorch::extension::for_blob(data, shape, type).dim_order(dim_order).strides(strides()).make_tensor_ptr();
  }

  std::string json() const {
    std::ostringstream text;
    text << "{\"dtype\":\"" << dtype_name(type) << "\",\"shape\":[";
    for (size_t i = 0; i < shape.size(); ++i) {
      text << (i ? "," : "") << shape[dim_order[i]];  // as the bytes lie
    }
    text << "],\"dim_order\":[";
    for (size_t i = 0; i < dim_order.size(); ++i) {
      text << (i ? "," : "") << static_cast<int>(dim_order[i]);
    }
    text << "]}";
    return text.str();
  }
};

std::string json_list(const std::vector<Port>& ports) {
  std::string text = "[";
  for (const auto& port : ports) {
    text += (text.size() > 1 ? "," : "") + port.json();
  }
  return text + "]";
}

// Bytes of one line of /proc/self/status, such as VmHWM or VmRSS.
size_t memory_status(const std::string& key) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.rfind(key + ":", 0) == 0) {
      return std::strtoull(line.c_str() + key.size() + 1, nullptr, 10) * 1024;
    }
  }
  fail("/proc/self/status has no " + key);
}

double milliseconds_since(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

// A loaded file with one buffer per input.
class LoadedFile {
 public:
  LoadedFile(const std::string& path, int threads, std::unique_ptr<ETDumpGen> tracer) : tracer_(tracer.get()) {
    executorch::extension::threadpool::get_threadpool()->_unsafe_reset_threadpool(threads);
    idle_bytes_ = memory_status("VmRSS");
    const auto start = Clock::now();
    module_ = std::make_unique<Module>(path, Module::LoadMode::Mmap, std::move(tracer));
    const Error error = module_->load_method(kMethod);
    if (error != Error::Ok) {
      fail("cannot load " + path + ": error " + std::to_string(static_cast<int>(error)));
    }
    load_ms_ = milliseconds_since(start);
    describe();
  }

  Error run() {
    auto result = module_->execute(kMethod, values_);
    if (!result.ok()) {
      return result.error();
    }
    results_ = std::move(*result);
    return Error::Ok;
  }

  std::string header() const {
    return "{\"inputs\":" + json_list(inputs_) + ",\"outputs\":" + json_list(outputs_) + "}\n";
  }

  void write_outputs(std::FILE* file) const {
    for (const auto& value : results_) {
      const auto& tensor = value.toTensor();
      if (std::fwrite(tensor.const_data_ptr(), 1, tensor.nbytes(), file) != tensor.nbytes()) {
        fail("cannot write the outputs");
      }
    }
  }

  void write_etdump(const std::string& path) const {
    const auto dump = tracer_->get_etdump_data();
    std::ofstream(path, std::ios::binary).write(static_cast<const char*>(dump.buf), dump.size);
    std::free(dump.buf);
  }

  const std::vector<Port>& inputs() const { return inputs_; }
  uint8_t* buffer(size_t index) { return buffers_[index].data(); }
  double load_ms() const { return load_ms_; }
  size_t idle_bytes() const { return idle_bytes_; }

 private:
  void describe() {
    const auto meta = unwrap(module_->method_meta(kMethod), "reading the method");
    for (size_t i = 0; i < meta.num_inputs(); ++i) {
      inputs_.emplace_back(unwrap(meta.input_tensor_meta(i), "input " + std::to_string(i)));
    }
    for (size_t i = 0; i < meta.num_outputs(); ++i) {
      outputs_.emplace_back(unwrap(meta.output_tensor_meta(i), "output " + std::to_string(i)));
    }
    for (const auto& port : inputs_) {
      buffers_.emplace_back(port.bytes);
    }
    for (size_t i = 0; i < inputs_.size(); ++i) {
      tensors_.push_back(inputs_[i].tensor(buffers_[i].data()));
      values_.emplace_back(tensors_.back());
    }
  }

  ETDumpGen* tracer_;
  std::unique_ptr<Module> module_;
  std::vector<Port> inputs_;
  std::vector<Port> outputs_;
  std::vector<std::vector<uint8_t>> buffers_;
  std::vector<executorch::extension::TensorPtr> tensors_;
  std::vector<EValue> values_;
  std::vector<EValue> results_;
  double load_ms_ = 0;
  size_t idle_bytes_ = 0;
};

int serve(const std::string& path, int threads) {
  LoadedFile file(path, threads, nullptr);
  const std::string header = file.header();
  std::fwrite(header.data(), 1, header.size(), stdout);
  std::fflush(stdout);
  while (true) {
    for (size_t i = 0; i < file.inputs().size(); ++i) {
      const size_t wanted = file.inputs()[i].bytes;
      if (std::fread(file.buffer(i), 1, wanted, stdin) != wanted) {
        return 0;
      }
    }
    const auto code = static_cast<uint32_t>(file.run());
    std::fwrite(&code, sizeof(code), 1, stdout);
    if (code == 0) {
      file.write_outputs(stdout);
    }
    std::fflush(stdout);
  }
}

std::vector<uint8_t> read_samples(const std::string& path, size_t sample_bytes) {
  std::ifstream stream(path, std::ios::binary);
  std::vector<uint8_t> data((std::istreambuf_iterator<char>(stream)), std::istreambuf_iterator<char>());
  if (data.empty() || data.size() % sample_bytes != 0) {
    fail(path + " has " + std::to_string(data.size()) + " bytes, expected a multiple of " + std::to_string(sample_bytes));
  }
  return data;
}

// The cores that this process may run on, as JSON.
std::string json_cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  sched_getaffinity(0, sizeof(set), &set);
  std::string text = "[";
  for (int core = 0; core < CPU_SETSIZE; ++core) {
    if (CPU_ISSET(core, &set)) {
      text += (text.size() > 1 ? "," : "") + std::to_string(core);
    }
  }
  return text + "]";
}

// The system passes over cores that are offline or not for us, and says so for the last of them only.
void pin_to(const std::string& cpus) {
  cpu_set_t set, found;
  CPU_ZERO(&set);
  CPU_ZERO(&found);
  std::istringstream list(cpus);
  for (std::string cpu; std::getline(list, cpu, ',');) {
    CPU_SET(std::stoi(cpu), &set);
  }
  const int error = sched_setaffinity(0, sizeof(set), &set) != 0 ? errno : 0;
  sched_getaffinity(0, sizeof(found), &found);
  if (error != 0 || !CPU_EQUAL(&set, &found)) {
    fail("cannot pin to cores " + cpus + ": " + (error != 0 ? std::strerror(error) : "only " + json_cores() + " are to be had"));
  }
}

// Says to whoever counts instructions where we are: a call that fails, and that nobody else makes.
void mark(int number) { sched_get_priority_max(0x5eed0000 + number); }

using Samples = std::vector<std::vector<uint8_t>>;  // of each input, one after the other

Samples read_inputs(const LoadedFile& file, const std::vector<std::string>& paths) {
  if (paths.size() != file.inputs().size()) {
    fail("the file has " + std::to_string(file.inputs().size()) + " inputs, " + std::to_string(paths.size()) + " are given");
  }
  Samples samples;
  for (size_t i = 0; i < paths.size(); ++i) {
    samples.push_back(read_samples(paths[i], file.inputs()[i].bytes));
  }
  return samples;
}

// Puts sample `number` in, beginning anew where there are fewer.
void feed(LoadedFile& file, const Samples& samples, size_t number) {
  for (size_t i = 0; i < samples.size(); ++i) {
    const size_t size = file.inputs()[i].bytes;
    std::memcpy(file.buffer(i), samples[i].data() + (number % (samples[i].size() / size)) * size, size);
  }
}

void require_run(LoadedFile& file, int number) {
  const Error error = file.run();
  if (error != Error::Ok) {
    fail("run " + std::to_string(number) + ": error " + std::to_string(static_cast<int>(error)));
  }
}

std::FILE* open_output(const std::string& path) {
  std::FILE* output = std::fopen(path.c_str(), "wb");
  if (output == nullptr) {
    fail("cannot write " + path);
  }
  return output;
}

void close_output(std::FILE* output, const std::string& path) {
  if (std::fclose(output) != 0) {
    fail("cannot write " + path);
  }
}

constexpr size_t kFixedOfRun = 5;   // arguments of `run` before the inputs
constexpr size_t kFixedOfTime = 6;  // arguments of `time` before the inputs

int run_samples(const std::vector<std::string>& arguments) {
  if (arguments[2] != "-") {
    pin_to(arguments[2]);
  }
  LoadedFile file(arguments[0], std::stoi(arguments[1]), nullptr);
  const Samples samples = read_inputs(file, {arguments.begin() + kFixedOfRun, arguments.end()});
  const int count = std::stoi(arguments[3]);
  std::FILE* output = open_output(arguments[4]);
  for (int number = 0; number < count; ++number) {
    feed(file, samples, number);
    require_run(file, number);
    file.write_outputs(output);
  }
  close_output(output, arguments[4]);
  return 0;
}

int time_runs(const std::vector<std::string>& arguments) {
  const std::string& output_path = arguments[4];
  const std::string& etdump = arguments[5];
  if (arguments[2] != "-") {
    pin_to(arguments[2]);
  }
  LoadedFile file(arguments[0], std::stoi(arguments[1]), etdump == "-" ? nullptr : std::make_unique<ETDumpGen>());
  const Samples samples = read_inputs(file, {arguments.begin() + kFixedOfTime, arguments.end()});
  const int runs = std::stoi(arguments[3]);
  std::vector<double> durations;
  durations.reserve(runs);
  for (int run = 0; run < runs; ++run) {
    feed(file, samples, run);
    mark(2 * run);
    const auto start = Clock::now();
    const Error error = file.run();
    durations.push_back(milliseconds_since(start));
    mark(2 * run + 1);
    if (error != Error::Ok) {
      fail("run " + std::to_string(run) + ": error " + std::to_string(static_cast<int>(error)));
    }
  }
  mark(2 * runs);  // nothing between these two: what the marks add to a run
  milliseconds_since(Clock::now());
  mark(2 * runs + 1);
  const size_t peak_bytes = memory_status("VmHWM");
  if (output_path != "-") {
    std::FILE* output = open_output(output_path);
    file.write_outputs(output);
    close_output(output, output_path);
  }
  if (etdump != "-") {
    file.write_etdump(etdump);
  }
  std::printf("{\"load_ms\":%.6f,\"peak_bytes\":%zu,\"idle_bytes\":%zu,\"milliseconds\":[", file.load_ms(), peak_bytes,
              file.idle_bytes());
  for (size_t i = 0; i < durations.size(); ++i) {
    std::printf("%s%.6f", i ? "," : "", durations[i]);
  }
  std::printf("],\"cores\":%s}\n", json_cores().c_str());
  return 0;
}

}  // namespace

int main(int count, char** values) {
  const std::vector<std::string> arguments(values + 1, values + count);
  executorch::runtime::runtime_init();
  try {
    if (arguments.size() == 3 && arguments[0] == "serve") {
      return serve(arguments[1], std::stoi(arguments[2]));
    }
    if (arguments.size() > kFixedOfRun && arguments[0] == "run") {
      return run_samples({arguments.begin() + 1, arguments.end()});
    }
    if (arguments.size() > kFixedOfTime && arguments[0] == "time") {
      return time_runs({arguments.begin() + 1, arguments.end()});
    }
    fail("usage: runner serve MODEL THREADS | runner run MODEL THREADS CPUS COUNT OUTPUT INPUT... | "
         "runner time MODEL THREADS CPUS RUNS OUTPUT ETDUMP INPUT...");
  } catch (const Failure& failure) {
    std::fprintf(stderr, "runner: %s\n", failure.message.c_str());
  } catch (const std::exception& error) {
    std::fprintf(stderr, "runner: %s\n", error.what());
  }
  return 1;
}

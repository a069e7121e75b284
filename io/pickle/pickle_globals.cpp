// SPDX-License-Identifier: Apache-2.0
#include "io/pickle/pickle_globals.h"

#include <algorithm>
#include <unordered_set>

namespace ckmerge {
namespace {

using std::string_view;

// Lists are words with a space before and behind each.
bool is_word_of(string_view list, string_view word) {
  if (word.empty() || word.find(' ') != word.npos) return false;
  for (size_t at = list.find(word); at != list.npos; at = list.find(word, at + 1))
    if (list[at - 1] == ' ' && list[at + word.size()] == ' ') return true;
  return false;
}

// Modules of which nothing belongs into a checkpoint, their submodules included: processes, files, network, code made
// from text, loaders of pickles inside of pickles. Python's own are all here, save those that hold data, because no
// list of the single functions of a growing library is ever complete. Python reads the oldest protocols with the names
// that Python 2 had; a class is here for its methods, which a name with a dot can reach.
constexpr string_view kUnsafeModules =
    " _aix_support _android_support _apple_support _ast _ast_unparse _asyncio _bootlocale _bootsubprocess _bz2"
    " _codecs_cn _codecs_hk _codecs_iso2022 _codecs_jp _codecs_kr _codecs_tw _colorize _compat_pickle _compression"
    " _contextvars _crypt _csv _ctypes _curses _curses_panel _dbm _dummy_thread _elementtree _frozen_importlib"
    " _frozen_importlib_external _gdbm _imp _interpchannels _interpqueues _interpreters _ios_support _locale _lsprof"
    " _lzma _markupbase _msi _multibytecodec _multiprocessing _opcode _opcode_metadata _osx_support _overlapped"
    " _peg_parser _pickle _posixshmem _posixsubprocess _py_warnings _pyio _pylong _pyrepl _remote_debugging _scproxy"
    " _signal _sitebuiltins _socket _sqlite3 _ssl _stat _strptime _suggestions _symtable _sysconfig _testcapi _thread"
    " _threading_local _tkinter _tokenize _tracemalloc _types _uuid _warnings _winapi _winreg _xxsubinterpreters _zstd"
    " aifc aiohttp annotationlib antigravity anydbm ast asynchat asyncio asyncore atexit audioop BaseHTTPServer bdb"
    " binhex bz2 cffi cgi CGIHTTPServer cgitb chunk cloudpickle cmd code codeop commands compileall compression"
    " concurrent configparser ConfigParser contextlib Cookie cookielib cPickle cppyy cProfile crypt csv ctypes curses"
    " dbhash dbm Dialog difflib dill dis distutils doctest DocXMLRPCServer dumbdbm dummy_thread dummy_threading email"
    " encodings ensurepip faulthandler fcntl filecmp FileDialog fileinput fnmatch formatter fsspec ftplib gc gdbm"
    " genericpath getopt getpass gettext glob graphlib grp gzip html htmlentitydefs HTMLParser http httplib httpx hydra"
    " idlelib imaplib imghdr imp importlib inspect IPython jax.experimental joblib jsonpickle lib2to3 linecache locale"
    " logging.config logging.handlers lzma macpath mailbox mailcap markupbase marshal mimetypes mmap modulefinder"
    " msilib msvcrt multiprocessing netrc nis nntplib nt ntpath nturl2path numpy._core.memmap numpy.compat"
    " numpy.core.memmap numpy.ctypeslib numpy.distutils numpy.f2py numpy.lib numpy.testing opcode os ossaudiodev"
    " pandas.io paramiko parser pathlib._abc pathlib._local.Path pathlib._local.PosixPath pathlib._local.PurePath"
    " pathlib._local.WindowsPath pathlib._os pathlib.Path pathlib.PosixPath pathlib.PurePath pathlib.types"
    " pathlib.WindowsPath pdb pexpect pickle pickletools pip pipes pkg_resources pkgutil platform plistlib popen2"
    " poplib posix posixpath profile pstats pty ptyprocess pwd py_compile pyclbr pydoc pydoc_data pyexpat quopri"
    " readline requests resource rlcompleter robotparser ruamel runpy sched ScrolledText secrets select selectors"
    " setuptools shelve shlex shutil signal SimpleDialog SimpleHTTPServer SimpleXMLRPCServer site six smtpd smtplib"
    " sndhdr socket socketserver SocketServer spwd sqlite3 ssl stringprep subprocess sunau symbol symtable sys"
    " sysconfig syslog tabnanny tarfile telnetlib tempfile termios test this thread threading timeit Tix tkColorChooser"
    " tkCommonDialog Tkconstants Tkdnd tkFileDialog tkFont Tkinter tkinter tkMessageBox tkSimpleDialog token tokenize"
    " tomllib torch._C._jit torch._classes torch._dynamo torch._inductor torch.classes torch.distributed.elastic"
    " torch.distributed.launcher torch.distributed.rpc torch.distributed.run torch.export torch.fx torch.hub torch.jit"
    " torch.multiprocessing torch.onnx torch.ops torch.package torch.serialization torch.testing._internal"
    " torch.utils._config_module torch.utils.bottleneck torch.utils.collect_env torch.utils.cpp_extension"
    " torch.utils.data.datapipes torch.utils.model_zoo trace traceback tracemalloc ttk tty turtle turtledemo unittest"
    " urllib urllib2 urllib3 urlparse uu uuid venv warnings wave webbrowser whichdb winreg winsound wsgiref xdrlib xml"
    " xmlrpc xmlrpclib yaml zipapp zipfile zipimport"
    " ";

// Of modules that checkpoints do use: what must not be called.
struct Function {
  string_view module, name;
};
constexpr Function kUnsafeFunctions[] = {
    {"torch", "load"},
    {"torch", "save"},
    {"torch", "compile"},
    {"torch", "from_file"},
    {"torch.storage", "_load_from_bytes"},
    {"torch._utils", "_import_dotted_name"},
    {"numpy", "load"},
    {"numpy", "loadtxt"},
    {"numpy", "genfromtxt"},
    {"numpy", "fromfile"},
    {"numpy", "memmap"},
    {"numpy", "save"},
    {"numpy", "savez"},
    {"numpy", "savetxt"},
    {"numpy", "DataSource"},
    {"numpy", "fromregex"},
    {"numpy.core.records", "fromfile"},
    {"numpy._core.records", "fromfile"},
    {"numpy.rec", "fromfile"},
    {"pandas", "eval"},
    {"pandas", "read_pickle"},
    {"codecs", "open"},
    {"io", "open"},
    {"io", "open_code"},
    {"io", "FileIO"},
    {"_io", "open"},
    {"_io", "open_code"},
    {"_io", "FileIO"},
    {"functools", "partial"},
    {"functools", "partialmethod"},
    {"functools", "reduce"},
    {"functools", "singledispatch"},
    {"operator", "attrgetter"},
    {"operator", "itemgetter"},
    {"operator", "methodcaller"},
    {"operator", "call"},
    {"_operator", "attrgetter"},
    {"_operator", "itemgetter"},
    {"_operator", "methodcaller"},
    {"_operator", "call"},
    {"types", "CodeType"},
    {"types", "FunctionType"},
    {"types", "LambdaType"},
    {"types", "MethodType"},
    {"types", "ModuleType"},
    {"types", "new_class"},
    {"copyreg", "__newobj__"},
    {"copyreg", "add_extension"},
    {"itertools", "starmap"},
    {"itertools", "imap"},
    {"typing", "_eval_type"},
    {"typing", "ForwardRef"},
    {"typing", "get_type_hints"},
    {"argparse", "FileType"},
    {"logging", "FileHandler"},
    {"logging", "basicConfig"},
    {"weakref", "finalize"},
    {"collections", "namedtuple"},
    {"dataclasses", "make_dataclass"},
};

// Of builtins what is data; the others look up, open, import or evaluate.
constexpr string_view kBuiltinModules =
    " builtins __builtin__ __builtins__"
    " ";
constexpr string_view kPlainBuiltins =
    " bool bytearray bytes complex dict Ellipsis float frozenset int list long NotImplemented object range set slice"
    " str tuple unicode xrange Exception ValueError"
    " ";

// Methods that write a file, of whatever class: those of storages, tensors and arrays are inherited.
constexpr string_view kWriters =
    " dump from_file tofile"
    " ";

// Modules of Python 2 that Python takes for others in protocols 0 to 2, where those are not unsafe as a whole.
constexpr Function kPython2Modules[] = {
    {"copy_reg", "copyreg"},     {"cStringIO", "io"},         {"StringIO", "io"},
    {"UserDict", "collections"}, {"UserList", "collections"}, {"UserString", "collections"},
};

constexpr Function kHarmless[] = {
    {"collections", "OrderedDict"},
    {"collections", "defaultdict"},
    {"collections", "Counter"},
    {"torch._utils", "_rebuild_tensor"},
    {"torch._utils", "_rebuild_tensor_v2"},
    {"torch._utils", "_rebuild_tensor_v3"},
    {"torch._utils", "_rebuild_parameter"},
    {"torch._utils", "_rebuild_parameter_with_state"},
    {"torch._utils", "_rebuild_qtensor"},
    {"torch._utils", "_rebuild_sparse_tensor"},
    {"torch._utils", "_rebuild_nested_tensor"},
    {"torch._utils", "_rebuild_meta_tensor_no_storage"},
    {"torch._utils", "_rebuild_device_tensor_from_cpu_tensor"},
    {"torch._utils", "_rebuild_device_tensor_from_numpy"},
    {"torch._utils", "_rebuild_wrapper_subclass"},
    {"torch._tensor", "_rebuild_from_type"},
    {"torch.tensor", "_rebuild_from_type"},
    {"torch._tensor", "_rebuild_from_type_v2"},
    {"torch", "Size"},
    {"torch", "Tensor"},
    {"torch", "device"},
    {"torch.nn.parameter", "Parameter"},
    {"torch.nn.parameter", "Buffer"},
    {"torch.storage", "TypedStorage"},
    {"torch.storage", "UntypedStorage"},
    {"torch.storage", "_TypedStorage"},
    {"torch.storage", "_UntypedStorage"},
    {"torch", "UntypedStorage"},
    {"torch.serialization", "_get_layout"},
    {"numpy", "dtype"},
    {"numpy", "ndarray"},
    {"numpy.core.multiarray", "scalar"},
    {"numpy.core.multiarray", "_reconstruct"},
    {"numpy._core.multiarray", "scalar"},
    {"numpy._core.multiarray", "_reconstruct"},
    // States of random numbers, which trainers keep: numpy names their makers with two underscores.
    {"numpy.random", "__RandomState_ctor"},
    {"numpy.random._pickle", "__randomstate_ctor"},
    {"numpy.random._pickle", "__generator_ctor"},
    {"numpy.random._pickle", "__bit_generator_ctor"},
    {"numpy.random.bit_generator", "__pyx_unpickle_SeedSequence"},
    {"numpy.random.bit_generator", "SeedSequence"},
    {"numpy.random._mt19937", "MT19937"},
    {"numpy.random._pcg64", "PCG64"},
    {"numpy.random._pcg64", "PCG64DXSM"},
    {"numpy.random._philox", "Philox"},
    {"numpy.random._sfc64", "SFC64"},
    {"numpy.random.mtrand", "RandomState"},
    {"uuid", "UUID"},  // of a module that looks for the machine's address by running programs
    {"uuid", "SafeUUID"},
    {"_codecs", "encode"},
};

constexpr string_view kTorchDtypes =
    " bfloat16 bits16 bits1x8 bits2x4 bits4x2 bits8 bool cdouble cfloat chalf complex128 complex32 complex64"
    " double float float16 float32 float4_e2m1fn_x2 float64 float8_e4m3fn float8_e4m3fnuz float8_e5m2"
    " float8_e5m2fnuz float8_e8m0fnu half int int16 int32 int64 int8 long qint32 qint8 quint2x4 quint4x2"
    " quint8 short uint16 uint32 uint64 uint8 strided per_tensor_affine per_channel_affine"
    " ";

constexpr bool contains(const auto& list, string_view module, string_view name) {
  return std::ranges::any_of(list, [&](const Function& row) { return row.module == module && row.name == name; });
}

bool is_unsafe_module(string_view module) {
  static const std::unordered_set<string_view> modules = [] {
    std::unordered_set<string_view> words;
    for (size_t at = 1; at < kUnsafeModules.size();) {
      const size_t end = kUnsafeModules.find(' ', at);
      words.insert(kUnsafeModules.substr(at, end - at));
      at = end + 1;
    }
    return words;
  }();
  return modules.contains(module);
}

// A module, or one that it lies in.
bool in_unsafe_module(string_view module) {
  constexpr size_t kLongest = 64;  // of those listed
  for (size_t end = module.find('.'); end <= kLongest; end = module.find('.', end + 1))
    if (is_unsafe_module(module.substr(0, end))) return true;
  return module.size() <= kLongest && is_unsafe_module(module);
}

// What modules import is an attribute of theirs, often behind an underscore: `random` and `_os.system`, `foo` and
// `builtins.eval`, `foo` and `numpy.memmap`.
bool goes_through_unsafe_module(string_view name) {
  const size_t last = name.rfind('.');
  for (size_t begin = 0, dot; (dot = name.find('.', begin)) != name.npos; begin = dot + 1) {
    const string_view part = name.substr(begin, dot - begin);
    if (is_unsafe_module(part) || (part.starts_with('_') && is_unsafe_module(part.substr(1)))) return true;
    if (is_word_of(kBuiltinModules, part)) return true;
    if (contains(kUnsafeFunctions, name.substr(begin, last - begin), name.substr(last + 1))) return true;
  }
  return false;
}

string_view module_today(string_view module) {
  const auto row = std::ranges::find(kPython2Modules, module, &Function::module);
  return row == std::end(kPython2Modules) ? module : row->name;
}

// six.moves.builtins, past.builtins
bool is_copy_of_builtins(string_view module) {
  const size_t dot = module.rfind('.');
  return dot != module.npos && is_word_of(kBuiltinModules, module.substr(dot + 1));
}

bool is_torch_data(string_view module, string_view name) {
  const bool is_storage = name.ends_with("Storage") && name.find('.') == name.npos;  // not torch and hub.load_Storage
  return (module == "torch" && (is_word_of(kTorchDtypes, name) || is_storage)) ||
         (module == "torch.cuda" && is_storage);
}

}  // namespace

// A dot in a name reaches through what it begins with: `torch` and `hub.load`, or, from protocol 4 on, any attribute
// of anything. Both parts are looked at together.
PickleDanger danger_of(string_view module, string_view name) {
  module = module_today(module);
  if (contains(kHarmless, module, name) || is_torch_data(module, name)) return PickleDanger::harmless;
  if (is_word_of(kBuiltinModules, module))
    return is_word_of(kPlainBuiltins, name) ? PickleDanger::harmless : PickleDanger::unsafe;
  if (is_copy_of_builtins(module) && !is_word_of(kPlainBuiltins, name)) return PickleDanger::unsafe;
  const size_t dot = name.rfind('.');
  const string_view last = dot == name.npos ? name : name.substr(dot + 1);
  std::string whole(module);
  if (dot != name.npos) whole.append(".").append(name.substr(0, dot));
  if (in_unsafe_module(whole) || goes_through_unsafe_module(name)) return PickleDanger::unsafe;
  if (contains(kUnsafeFunctions, whole, last)) return PickleDanger::unsafe;
  if (is_word_of(kWriters, last)) return PickleDanger::unsafe;
  // Names that Python keeps for the machinery of objects are the way around every list.
  if (whole.find(".__") != whole.npos || last.starts_with("__") || module.empty() || name.empty())
    return PickleDanger::unsafe;
  return PickleDanger::unknown;
}

}  // namespace ckmerge

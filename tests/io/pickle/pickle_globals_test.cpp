// SPDX-License-Identifier: Apache-2.0
// Verdicts on names, which are texts here: no test makes a file that names any of them.
#include "io/pickle/pickle_globals.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <span>
#include <string>
#include <string_view>

using namespace ckmerge;

namespace {

// What scanners of pickles list as dangerous, as module and name with a dot between.
constexpr std::string_view kDangerous =
    " os.system os.popen os.execv posix.system nt.system subprocess.Popen subprocess.run"
    " subprocess.check_output builtins.eval builtins.exec builtins.compile builtins.getattr builtins.open"
    " builtins.__import__ builtins.breakpoint __builtin__.eval __builtin__.exec __builtin__.apply"
    " __builtin__.getattr __builtin__.open builtins.globals builtins.input runpy.run_path runpy._run_code"
    " pty.spawn socket.socket socket.create_connection sys.exit sys.settrace webbrowser.open shutil.rmtree"
    " shutil.copyfile pickle.loads _pickle.loads pickle.load dill.loads cloudpickle.loads joblib.load"
    " marshal.loads importlib.import_module importlib.reload pkgutil.resolve_name imp.load_source"
    " zipimport.zipimporter operator.attrgetter operator.methodcaller operator.itemgetter _operator.attrgetter"
    " functools.partial functools.reduce ctypes.CDLL ctypes.util.find_library code.interact"
    " code.InteractiveInterpreter codeop.compile_command torch.load torch.hub.load"
    " torch.storage._load_from_bytes torch.serialization.load torch.jit.load torch.package.PackageImporter"
    " torch.utils.cpp_extension.load torch.utils.bottleneck.__main__ torch.utils.collect_env.run"
    " torch.utils._config_module.load_config torch._dynamo.guards.GuardBuilder.get"
    " torch._inductor.codecache.compile_file torch.fx.experimental.symbolic_shapes.ShapeEnv"
    " torch.testing._internal.common_utils.run_tests torch.distributed.rpc.rpc_sync"
    " torch.multiprocessing.spawn torch.ops.load_library"
    " torch.utils.data.datapipes.utils.decoder.basichandlers torch.jit.unsupported_tensor_ops.execWrapper"
    " types.CodeType types.FunctionType bdb.Bdb.run pdb.run pdb.set_trace trace.Trace.run profile.run"
    " cProfile.run timeit.timeit doctest.debug_script pydoc.pipepager cgitb.lookup"
    " idlelib.pyshell.ModifiedInterpreter.runcode lib2to3.pgen2.pgen.ParserGenerator ensurepip._run_pip"
    " venv.create distutils.file_util.write_file setuptools.setup pip.main pip._internal.main"
    " urllib.request.urlopen urllib.request.urlretrieve urllib2.urlopen http.client.HTTPConnection"
    " httplib.HTTPSConnection requests.get requests.api.get aiohttp.client.ClientSession httpx.get ftplib.FTP"
    " smtplib.SMTP telnetlib.Telnet imaplib.IMAP4 xmlrpc.client.ServerProxy ssl.create_default_context"
    " asyncio.create_subprocess_shell asyncio.unix_events._UnixSubprocessTransport._start"
    " multiprocessing.Process multiprocessing.util.spawnv_passfds signal.signal threading.Thread"
    " thread.start_new_thread tempfile.mktemp tempfile.NamedTemporaryFile io.open io.FileIO _io.FileIO"
    " codecs.open gzip.open bz2.open lzma.open tarfile.open zipfile.ZipFile fileinput.input linecache.getline"
    " glob.glob sqlite3.connect dbm.open shelve.open logging.config.fileConfig numpy.load numpy.fromfile"
    " numpy.memmap numpy.testing._private.utils.runstring numpy.f2py.crackfortran.getlincoef"
    " numpy.ctypeslib.load_library numpy.distutils.exec_command pandas.read_pickle pandas.eval"
    " pandas.io.pickle.read_pickle platform.popen commands.getoutput uuid._get_command_stdout"
    " _aix_support._read_cmd_output _osx_support._read_output test.support.script_helper.assert_python_ok"
    " _pyrepl.pager.pipe_pager pexpect.spawn ptyprocess.PtyProcess.spawn paramiko.SSHClient cffi.FFI"
    " cppyy.cppexec jax.experimental.host_callback.call site.main sysconfig.get_config_vars gc.get_objects"
    " inspect.getsource ast.literal_eval atexit.register copyreg.__newobj__ cPickle.loads copy_reg.__newobj__"
    " anydbm.open SocketServer.TCPServer Tkinter.Tk _winreg.CreateKey numpy.lib.npyio.load"
    " numpy.lib._npyio_impl.load numpy.core.records.fromfile numpy.lib._datasource.DataSource yaml.unsafe_load"
    " ruamel.yaml.unsafe_load jsonpickle.decode hydra.utils.instantiate fsspec.open logging.FileHandler"
    " logging.handlers.SMTPHandler weakref.finalize collections.namedtuple dataclasses.make_dataclass"
    " _ctypes.dlopen _frozen_importlib.spec_from_loader typing._eval_type mailcap.findmatch"
    " _bootsubprocess.check_output _pyio.open uu.decode argparse.FileType wave.open numpy.core.memmap.memmap"
    " numpy.compat.py3k.open_latin1 torch.classes.load_library torch.export.load pathlib.Path.write_text"
    " uuid.uuid1 test.regrtest itertools.starmap rlcompleter.Completer compileall.compile_file"
    " pathlib._local.Path.write_text pathlib._local.PosixPath.unlink six.moves.builtins.eval six.moves.getoutput"
    " six.exec_ past.builtins.execfile StringIO.open cStringIO.FileIO copy_reg.add_extension UserDict.namedtuple"
    " numpy.ndarray.tofile numpy.ndarray.dump numpy.ma.MaskedArray.tofile";

// The functions of modules that are not unsafe as a whole, as far as they are not above.
constexpr std::string_view kFunctions =
    " torch.save torch.compile torch.from_file torch._utils._import_dotted_name numpy.loadtxt numpy.genfromtxt"
    " numpy.save numpy.savez numpy.savetxt numpy.DataSource numpy.fromregex numpy._core.records.fromfile"
    " numpy.rec.fromfile io.open_code _io.open _io.open_code functools.partialmethod functools.singledispatch"
    " operator.call _operator.methodcaller _operator.itemgetter _operator.call types.LambdaType"
    " types.MethodType types.ModuleType types.new_class copyreg.add_extension itertools.imap typing.ForwardRef"
    " typing.get_type_hints logging.basicConfig";

struct Row {
  std::string_view module, name;
  PickleDanger danger;
};

constexpr PickleDanger kHarmless = PickleDanger::harmless, kUnknown = PickleDanger::unknown,
                       kUnsafe = PickleDanger::unsafe;

void check(std::span<const Row> rows) {
  for (const Row& row : rows) {
    INFO("module '" << row.module << "', name '" << row.name << "'");
    CHECK(name(danger_of(row.module, row.name)) == std::string(name(row.danger)));
  }
}

size_t check_unsafe(std::string_view words) {
  size_t count = 0;
  for (size_t at = 1; at < words.size(); ++count) {
    const size_t end = std::min(words.find(' ', at), words.size());
    const std::string_view word = words.substr(at, end - at);
    const size_t dot = word.rfind('.');
    const Row row{word.substr(0, dot), word.substr(dot + 1), kUnsafe};
    check({&row, 1});
    at = end + 1;
  }
  return count;
}

}  // namespace

TEST_CASE("what scanners list as dangerous is unsafe") {
  CHECK(check_unsafe(kDangerous) == 216);
  CHECK(check_unsafe(kFunctions) == 31);
}

TEST_CASE("what checkpoints are made of is harmless") {
  constexpr Row kRows[] = {
      {"collections", "OrderedDict", kHarmless},
      {"torch", "HalfStorage", kHarmless},
      {"torch.cuda", "FloatStorage", kHarmless},
      {"torch", "float16", kHarmless},
      {"torch", "Size", kHarmless},
      {"torch._utils", "_rebuild_tensor_v2", kHarmless},
      {"torch.serialization", "_get_layout", kHarmless},  // of a module that is unsafe else
      {"numpy.core.multiarray", "_reconstruct", kHarmless},
      {"_codecs", "encode", kHarmless},
      {"builtins", "set", kHarmless},
      {"__builtin__", "Ellipsis", kHarmless},
      {"torch._utils", "_rebuild_device_tensor_from_cpu_tensor", kHarmless},
      {"numpy.random._pickle", "__randomstate_ctor", kHarmless},
      {"numpy.random._mt19937", "MT19937", kHarmless},
      {"numpy.random.bit_generator", "__pyx_unpickle_SeedSequence", kHarmless},
      {"uuid", "UUID", kHarmless},  // of a module that is unsafe else
      {"__builtin__", "set", kHarmless},
  };
  check(kRows);
}

TEST_CASE("a class of some program is unknown, however much its name looks like another") {
  constexpr Row kRows[] = {
      {"ckmerge_test_absent", "Thing", kUnknown},
      {"__main__", "Model", kUnknown},
      {"oslo", "thing", kUnknown},
      {" os", "system", kUnknown},
      {"torch.nn", "Linear", kUnknown},
      {"FloatStorage", "torch", kUnknown},
      {"torch", "float16 half", kUnknown},
      {"numpy", "loadtxts", kUnknown},
      {"torch.load", "x", kUnknown},
      {"foo", "_private", kUnknown},
      {"foo", "Bar.method", kUnknown},
      {"future.builtins", "str", kUnknown},
      {"pathlib._local", "PosixPath", kUnknown},
      {"StringIO", "StringIO", kUnknown},
      {"torch.distributed._shard.sharded_tensor.api", "ShardedTensor", kUnknown},
  };
  check(kRows);
  const std::string long_name(100, 'x');
  const Row row{long_name, long_name, kUnknown};
  check({&row, 1});
}

TEST_CASE("an unsafe module is unsafe with all that lies in it") {
  const std::string deep = "os." + std::string(100, 'x');
  const Row rows[] = {
      {"os", "path", kUnsafe},           {"os.path", "join", kUnsafe},   {"os", "os", kUnsafe},
      {deep, "thing", kUnsafe},          {"torch.hub", "load", kUnsafe}, {"jax.experimental", "x", kUnsafe},
      {"pathlib.Path", "home", kUnsafe},
  };
  check(rows);
}

TEST_CASE("a dot in a name reaches through what it begins with") {
  constexpr Row kRows[] = {
      {"torch", "hub.load", kUnsafe},                  // a module in a module
      {"torch", "hub.sub.load", kUnsafe},              //
      {"pathlib", "Path.write_text", kUnsafe},         // a method of a class
      {"torch", "FloatStorage.from_file", kUnsafe},    //
      {"torch", "storage._load_from_bytes", kUnsafe},  // a function
      {"torch", "hub.load_Storage", kUnsafe},          // however it ends
      {"torch", "os.systemStorage", kUnsafe},          //
      {"torch.cuda", "some.Storage", kUnknown},        //
      {"numpy", "ndarray.tofile", kUnsafe},            // what writes a file
      {"foo", "os.system", kUnsafe},                   // what a module imports
      {"random", "_os.system", kUnsafe},               // often behind an underscore
      {"torch", "functional.sys.modules", kUnsafe},    // or two steps away
      {"torch", "functional._sys.modules", kUnsafe},   //
      {"foo", "numpy.memmap", kUnsafe},                // a function of what it imports
      {"foo", "torch.storage._load_from_bytes", kUnsafe},
      {"foo", "builtins.eval", kUnsafe},
      {"foo", "os_like.system", kUnknown},
      {"uuid", "UUID.thing", kUnsafe},
  };
  check(kRows);
}

TEST_CASE("of builtins only data is harmless, the rest unsafe") {
  constexpr Row kRows[] = {
      {"builtins", "eval", kUnsafe},           {"__builtins__", "dict", kHarmless}, {"__builtin__", "thing", kUnsafe},
      {"builtins", "bool bytearray", kUnsafe}, {"builtins", "dict.get", kUnsafe},   {"builtins", "", kUnsafe},
  };
  check(kRows);
}

TEST_CASE("names of Python's machinery are unsafe in whatever module") {
  constexpr Row kRows[] = {
      {"ckmerge_test_absent", "__call__", kUnsafe},  // the stand-in of tests/pickles
      {"ckmerge_test_absent", "part.__call__", kUnsafe},
      {"__call__", "__call__", kUnsafe},
      {"foo", "__reduce__", kUnsafe},
      {"foo", "__dict__.thing", kUnsafe},
      {"foo", "Bar.__init__", kUnsafe},
      {"foo", "Bar.__init__.thing", kUnsafe},
      {"foo.__init__", "thing", kUnsafe},
      {"collections.OrderedDict.__init__", "__globals__", kUnsafe},
      {"foo", "Bar.__init__.__globals__", kUnsafe},
      {"torch._utils", "__builtins__.eval", kUnsafe},
      {"torch._utils.__builtins__", "eval", kUnsafe},
  };
  check(kRows);
}

TEST_CASE("a name without a part is unsafe") {
  constexpr Row kRows[] = {{"", "", kUnsafe}, {"", "thing", kUnsafe}, {"foo", "", kUnsafe}};
  check(kRows);
}

# SPDX-License-Identifier: Apache-2.0
"""PyTorch files that would run something when Python loads them, and the pieces that such files are made of."""
import pathlib
import pickle
import struct
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from torch_files import MAGIC, Storage, Tensor, pickled, zip_bytes

PROTO = b"\x80\x02"
F32 = struct.pack("<4f", 1, 2, 3, 4)


def text(word):
    raw = word.encode() if isinstance(word, str) else word
    return b"X" + struct.pack("<I", len(raw)) + raw


def state():
    return {"w": Tensor(Storage("Float", F32), (2, 2))}


def zipped(data, records=(("0", F32),), **options):
    """data.pkl as it is given, and storages."""
    entries = [("archive/data.pkl", data)] + [(f"archive/data/{key}", raw) for key, raw in records]
    return zip_bytes(entries + [("archive/version", b"3\n")], **options)


def in_dict(payload):
    data, _ = pickled(state())
    return PROTO + b"}(" + text("state_dict") + data[2:-1] + text("x") + payload + b"u."


def tensor_words(offset=b"K\0", size=b"K\x02K\x02\x86", stride=b"K\x02K\x01\x86", numel=b"K\x04", cls=b"ctorch\nFloatStorage\n", key="0",
                 maker=b"ctorch._utils\n_rebuild_tensor_v2\n", tail=b"\x89ccollections\nOrderedDict\n)R"):
    return PROTO + b"}" + text("w") + maker + b"((" + text("storage") + cls + text(key) + text("cpu") + numel + b"tQ" + offset + size + stride + tail + b"tRs."


def call(module, name, argument=b"Vid\n"):
    return f"c{module}\n{name}\n".encode() + text("id") + b"\x85R"


def stack_call(module, name):
    return text(module) + text(name) + b"\x93" + text("id") + b"\x85R"


# What scanners of pickles list as dangerous, by the names under which attacks have been seen or described.
UNSAFE = """
os.system os.popen os.execv posix.system nt.system subprocess.Popen subprocess.run subprocess.check_output
builtins.eval builtins.exec builtins.compile builtins.getattr builtins.open builtins.__import__ builtins.breakpoint
__builtin__.eval __builtin__.exec __builtin__.apply __builtin__.getattr __builtin__.open builtins.globals builtins.input
runpy.run_path runpy._run_code pty.spawn socket.socket socket.create_connection sys.exit sys.settrace webbrowser.open
shutil.rmtree shutil.copyfile pickle.loads _pickle.loads pickle.load dill.loads cloudpickle.loads joblib.load marshal.loads
importlib.import_module importlib.reload pkgutil.resolve_name imp.load_source zipimport.zipimporter
operator.attrgetter operator.methodcaller operator.itemgetter _operator.attrgetter functools.partial functools.reduce
ctypes.CDLL ctypes.util.find_library code.interact code.InteractiveInterpreter codeop.compile_command
torch.load torch.hub.load torch.storage._load_from_bytes torch.serialization.load torch.jit.load torch.package.PackageImporter
torch.utils.cpp_extension.load torch.utils.bottleneck.__main__ torch.utils.collect_env.run torch.utils._config_module.load_config
torch._dynamo.guards.GuardBuilder.get torch._inductor.codecache.compile_file torch.fx.experimental.symbolic_shapes.ShapeEnv
torch.testing._internal.common_utils.run_tests torch.distributed.rpc.rpc_sync torch.multiprocessing.spawn
torch.ops.load_library torch.utils.data.datapipes.utils.decoder.basichandlers torch.jit.unsupported_tensor_ops.execWrapper
types.CodeType types.FunctionType bdb.Bdb.run pdb.run pdb.set_trace trace.Trace.run profile.run cProfile.run timeit.timeit
doctest.debug_script pydoc.pipepager cgitb.lookup idlelib.pyshell.ModifiedInterpreter.runcode lib2to3.pgen2.pgen.ParserGenerator
ensurepip._run_pip venv.create distutils.file_util.write_file setuptools.setup pip.main pip._internal.main
urllib.request.urlopen urllib.request.urlretrieve urllib2.urlopen http.client.HTTPConnection httplib.HTTPSConnection
requests.get requests.api.get aiohttp.client.ClientSession httpx.get ftplib.FTP smtplib.SMTP telnetlib.Telnet imaplib.IMAP4
xmlrpc.client.ServerProxy ssl.create_default_context asyncio.create_subprocess_shell asyncio.unix_events._UnixSubprocessTransport._start
multiprocessing.Process multiprocessing.util.spawnv_passfds signal.signal threading.Thread thread.start_new_thread
tempfile.mktemp tempfile.NamedTemporaryFile io.open io.FileIO _io.FileIO codecs.open gzip.open bz2.open lzma.open tarfile.open
zipfile.ZipFile fileinput.input linecache.getline glob.glob sqlite3.connect dbm.open shelve.open logging.config.fileConfig
numpy.load numpy.fromfile numpy.memmap numpy.testing._private.utils.runstring numpy.f2py.crackfortran.getlincoef numpy.ctypeslib.load_library
numpy.distutils.exec_command pandas.read_pickle pandas.eval pandas.io.pickle.read_pickle platform.popen commands.getoutput
uuid._get_command_stdout _aix_support._read_cmd_output _osx_support._read_output test.support.script_helper.assert_python_ok
_pyrepl.pager.pipe_pager pexpect.spawn ptyprocess.PtyProcess.spawn paramiko.SSHClient cffi.FFI cppyy.cppexec jax.experimental.host_callback.call
site.main sysconfig.get_config_vars gc.get_objects inspect.getsource ast.literal_eval atexit.register copyreg.__newobj__
cPickle.loads copy_reg.__newobj__ anydbm.open SocketServer.TCPServer Tkinter.Tk commands.getoutput _winreg.CreateKey
numpy.lib.npyio.load numpy.lib._npyio_impl.load numpy.core.records.fromfile numpy.lib._datasource.DataSource yaml.unsafe_load
ruamel.yaml.unsafe_load jsonpickle.decode hydra.utils.instantiate fsspec.open logging.FileHandler logging.handlers.SMTPHandler
weakref.finalize collections.namedtuple dataclasses.make_dataclass _ctypes.dlopen _frozen_importlib.spec_from_loader
typing._eval_type mailcap.findmatch _bootsubprocess.check_output _pyio.open uu.decode argparse.FileType wave.open
numpy.core.memmap.memmap numpy.compat.py3k.open_latin1 torch.classes.load_library torch.export.load pathlib.Path.write_text uuid.uuid1 test.regrtest
collections.OrderedDict.__init__.__globals__ torch._utils.__builtins__.eval itertools.starmap rlcompleter.Completer compileall.compile_file
""".split()


def payloads():
    """Files that would run something in Python, each name in one of the ways to name it."""
    ways = [
        ("zip", lambda m, n: zipped(in_dict(call(m, n)))),
        ("stack", lambda m, n: zipped(b"\x80\x04" + in_dict(stack_call(m, n))[2:])),
        ("stream", lambda m, n: stream(in_dict(call(m, n)))),
        ("plain", lambda m, n: PROTO + call(m, n) + b"."),
        ("named only", lambda m, n: zipped(in_dict(f"c{m}\n{n}\n".encode()))),
        ("inst", lambda m, n: zipped(in_dict(b"(" + text("id") + f"i{m}\n{n}\n".encode()))),
        ("broken off", lambda m, n: zipped(PROTO + call(m, n))),
        ("newobj", lambda m, n: zipped(in_dict(f"c{m}\n{n}\n".encode() + b")\x81"))),
        ("protocol 0", lambda m, n: f"c{m}\n{n}\n(S'id'\ntR.".encode()),
        ("garbage behind", lambda m, n: zipped(in_dict(call(m, n))[:-1] + b"\xff" * 20)),
    ]
    for index, unsafe in enumerate(UNSAFE):
        module, name = unsafe.rsplit(".", 1)
        way, make = ways[index % len(ways)]
        yield f"runs {unsafe} ({way})", make(module, name), unsafe
    # A dotted name reaches through a harmless module; a memo hides where the words come from.
    yield "dotted name", zipped(b"\x80\x04" + in_dict(stack_call("torch", "hub.load"))[2:]), "torch.hub.load"
    yield "through what a module imports", zipped(b"\x80\x04" + in_dict(stack_call("random", "_os.system"))[2:]), "random._os.system"
    yield "through what a module imports, twice", zipped(b"\x80\x04" + in_dict(stack_call("torch", "functional.sys.modules"))[2:]), "torch.functional.sys.modules"
    yield "words from the memo", zipped(in_dict(text("os") + b"q\x01" + b"0" + text("system") + b"q\x02" + b"0h\x01h\x02\x93" + text("id") + b"\x85R")), "os.system"
    yield "words by DUP", zipped(in_dict(text("os") + b"2\x93" + text("id") + b"\x85R")), "os.os"
    yield "behind 900 lists", zipped(in_dict(b"]" * 900 + call("os", "system") + b"a" * 900)), "os.system"
    yield "in BUILD's state", zipped(in_dict(b"ccollections\nOrderedDict\n)R" + call("os", "system") + b"b")), "os.system"
    yield "as a key", zipped(PROTO + b"}" + call("os", "system") + b"K\x01s."), "os.system"
    yield "popped again", zipped(in_dict(call("os", "system") + b"0N")), "os.system"
    yield "in the fifth pickle", stream(in_dict(b"N"), keys=PROTO + b"]" + call("os", "system") + b"a."), "os.system"
    yield "in sys_info", stream(in_dict(b"N"), info=PROTO + call("os", "system") + b"."), "os.system"


def stream(data, keys=None, info=None, body=struct.pack("<q", 4) + F32, magic=MAGIC, protocol=1001):
    front = pickle.dumps(magic, 2) + pickle.dumps(protocol, 2)
    front += info or pickle.dumps({"protocol_version": 1001, "little_endian": True, "type_sizes": {}}, 2)
    data = data.replace(b"tQ", b"NtQ")
    return front + data + (keys if keys is not None else pickle.dumps(["0"], 2)) + body

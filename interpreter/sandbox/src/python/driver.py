# The driver's side: runs the tests against functions that live in another process.
#
# A call goes to the candidate's process with its arguments; what comes back is JSON that is turned into exact built-in
# types here. So `==`, `abs` and `assert` are this process's own, whatever the program did to its copies, and an answer
# is right only when it is the right plain value.


class CandidateGone(BaseException):
    """The candidate's process ended while an answer was awaited."""


class Remote:
    """An object that stays in the candidate's process: it can be called and looked into, never compared."""

    __slots__ = ("_number", "_peer")

    def __init__(self, number, peer):
        self._number, self._peer = number, peer

    def __call__(self, *args, **kwargs):
        return self._peer.call(self, args, kwargs)

    def __iter__(self):
        return self._peer.ask("iter", self)

    def __next__(self):
        return self._peer.ask("next", self)

    def __len__(self):
        return self._peer.ask("len", self)

    def __bool__(self):
        return bool(self._peer.ask("bool", self))

    def __str__(self):
        return self._peer.ask("str", self)

    def __repr__(self):
        return self._peer.ask("repr", self)

    def __getitem__(self, key):
        return self._peer.ask("getitem", self, key)

    def __setitem__(self, key, value):
        self._peer.ask("setitem", self, key, value)

    def __contains__(self, key):
        return bool(self._peer.ask("contains", self, key))

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return self._peer.ask("getattr", self, name)


def object_of_the_program(number):
    raise RuntimeError("only the candidate's process has it")


def function_of_the_tests(number):
    raise RuntimeError("only the candidate's process calls it")


class Arguments(pickle.Pickler):
    def __init__(self, file, peer):
        super().__init__(file, 4)
        self.peer = peer

    def reducer_override(self, value):
        if type(value) is Remote:
            return object_of_the_program, (value._number,)
        if isinstance(value, types.GeneratorType):
            return iter, (list(value),)
        if isinstance(value, (types.FunctionType, types.MethodType)) and value not in (
            object_of_the_program,
            function_of_the_tests,
        ):
            self.peer.functions.append(value)
            return function_of_the_tests, (len(self.peer.functions) - 1,)
        return NotImplemented


def number_type(text):
    import numpy, re
    if not re.fullmatch(r"[<>|=]?[biufcSU]\d{1,9}", text):
        raise ValueError("no such element type")
    return numpy.dtype(text)


def built(tag, value, peer):
    """The plain value that a tagged JSON object stands for; anything unexpected is an error."""
    if tag == "t":
        return tuple(value)
    if tag == "d":
        return {key: item for key, item in value}
    if tag == "i":
        return int(value, 16)
    if tag == "s":
        return set(value)
    if tag == "f":
        return frozenset(value)
    if tag == "b":
        return value.encode("latin-1")
    if tag == "B":
        return bytearray(value.encode("latin-1"))
    if tag == "c":
        return complex(*value)
    if tag == "r":
        return range(*value)
    if tag == "k":
        return dict.fromkeys(value).keys()
    if tag == "h" and type(value) is int:
        return Remote(value, peer)
    if tag == "q":
        import collections
        return collections.deque(value)
    if tag == "D":
        import decimal
        return decimal.Decimal(value)
    if tag == "F":
        import fractions
        return fractions.Fraction(*value)
    if tag == "a":
        return array.array(value[0], value[1].encode("latin-1"))
    if tag == "T":
        import datetime
        return {"datetime": datetime.datetime, "date": datetime.date, "timedelta": datetime.timedelta}[value[0]](*value[1])
    if tag == "n":
        import numpy
        flat = numpy.frombuffer(value[2].encode("latin-1"), dtype=number_type(value[0]))
        return flat.reshape(value[1]).copy()
    if tag == "N":
        import numpy
        return numpy.frombuffer(value[1].encode("latin-1"), dtype=number_type(value[0]))[0]
    raise ValueError("no such kind of value")


PLAIN_KEYS = {"v", "x", "w", "cb", "stop"}


class Peer:
    """The candidate's process as the tests see it."""

    def __init__(self, link):
        self.link, self.functions, self.calls = link, [], 0
        # Only objects with one key are tagged values; the outer answer is read apart.
        self.decoder = json.JSONDecoder(object_hook=self.hook)

    def hook(self, value):
        if len(value) == 1:
            (tag, inner), = value.items()
            if tag not in PLAIN_KEYS:
                return built(tag, inner, self)
        return value

    def dump(self, value):
        import io
        file = io.BytesIO()
        Arguments(file, self).dump(value)
        return file.getvalue()

    def exchange(self, message):
        try:
            self.link.send(self.dump(message))
            while True:
                answer = self.decoder.decode(self.link.receive().decode())
                if type(answer) is dict and "cb" in answer:
                    self.link.send(self.answer_callback(answer["cb"]))
                    continue
                if type(answer) is not dict:
                    raise ValueError("no answer")
                return answer
        except (EOFError, OSError):
            raise CandidateGone from None

    def answer_callback(self, request):
        number, args, kwargs = request
        try:
            return self.dump((self.functions[number](*args, **kwargs), None))
        except Exception as error:
            return self.dump((None, f"{type(error).__name__}: {error}"))

    def ask(self, operation, *rest):
        answer = self.exchange((operation, *rest))
        if "x" in answer:
            self.fail(answer["x"])
        if "stop" in answer:
            raise StopIteration
        return answer.get("v")

    def call(self, target, args, kwargs):
        self.calls += 1
        mutable = [i for i, value in enumerate(args) if type(value) in (list, dict, set, bytearray)]
        answer = self.exchange(("call", target, args, kwargs, mutable))
        if "x" in answer:
            self.fail(answer["x"])
        for index, value in answer.get("w", ()):
            # A function may change its arguments in place, and tests may look at them afterwards.
            if type(value) is not type(args[index]):
                continue
            if type(value) in (list, bytearray):
                args[index][:] = value
            else:
                args[index].clear()
                args[index].update(value)
        return answer.get("v")

    def fail(self, about):
        """Raises what the program raised: as the built-in exception of that name, so that tests can expect it."""
        kind = getattr(builtins, str(about.get("type")), None)
        if not (isinstance(kind, type) and issubclass(kind, Exception)):
            kind = RuntimeError
        error = kind.__new__(kind)
        error.args = (str(about.get("text")),)
        error.__dict__["about"] = about
        raise error


def names_of(code):
    """All names that a code object and those in it look up."""
    names = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            names |= names_of(constant)
    return names


def trusted_functions(prompt):
    """The helper functions that a prompt defines by its own text: all but the last, which is to be written."""
    import ast
    try:
        tree = ast.parse(prompt)
        helpers = [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]
        open_one = helpers.pop() if helpers else None
        helpers = [name for name in helpers if name != open_one]
        if not helpers:
            return {}
        namespace = {"__name__": "prompt"}
        exec(compile(tree, "<prompt>", "exec", dont_inherit=True), namespace)
        return {name: namespace[name] for name in helpers}
    except Exception:
        return {}


def assert_style(spec, peer):
    code = spec["code"]
    namespace = {"__name__": "tests"}
    if spec.get("setup"):
        exec(compile(spec["setup"], "<setup>", "exec", dont_inherit=True), namespace)
    used = names_of(code)
    wanted = sorted(name for name in used if not hasattr(builtins, name))
    found = peer.ask("names", wanted)
    if type(found) is not list:
        raise CandidateGone
    if not any(kind == "function" for _, kind, _ in found):
        # Some problems ask for a function with the name of a built-in one (`sum`). Where the program has any other
        # function that the tests use, the built-in names stay those of this process.
        wanted = sorted(used)
        found = peer.ask("names", wanted)
    for name, kind, value in found:
        if name not in wanted or name in namespace:
            continue
        if kind == "module":
            if str(value).partition(".")[0] in sys.stdlib_module_names or str(value).partition(".")[0] == "numpy":
                namespace[name] = __import__(value, fromlist=["_"])
        elif name in sys.stdlib_module_names:
            continue
        elif kind == "function" and type(value) is int:
            namespace[name] = Remote(value, peer)
        elif kind == "value":
            namespace[name] = value
    if spec.get("prompt"):
        namespace.update(trusted_functions(spec["prompt"]))
    exec(code, namespace)


def as_json(value):
    """A result as JSON would carry it: tuples are lists, keys are texts."""
    if isinstance(value, (list, tuple)):
        return [as_json(item) for item in value]
    if isinstance(value, dict):
        return {key if isinstance(key, str) else json.dumps(key): as_json(item) for key, item in value.items()}
    return value


def functional(spec, peer):
    method = peer.ask("method", spec.get("method"))
    for number, (args, expected) in enumerate(spec["cases"], 1):
        got = method(*args)
        if isinstance(got, Remote):
            got = list(got) if isinstance(expected, list) else got
        if as_json(got) != expected:
            text = repr(got)
            raise AssertionError(f"test {number}: got {text[:200]}")


def driver(job, named, spec):
    status = socket.socket(fileno=named["status"])
    rpc = named["rpc"]
    null = os.open("/dev/null", os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(null, fd)
    status.send(b"{}")
    confine(job)
    sys.setrecursionlimit(20_000)
    peer = Peer(Link(rpc))
    try:
        functional(spec, peer) if "cases" in spec else assert_style(spec, peer)
        final = {"verdict": "pass", "calls": peer.calls}
    except CandidateGone:
        final = {"verdict": "gone", "calls": peer.calls}
    except BaseException as error:
        final = {"verdict": "raised", "calls": peer.calls, "about": describe(error), "remote": False}
        about = getattr(error, "__dict__", {}).get("about")
        if type(about) is dict:
            final["remote"] = True
            final["about"] = {
                key: value if type(value) in (str, int) else None
                for key, value in ((k, about.get(k)) for k in ("type", "text", "errno", "path"))
            }
        trace, line = error.__traceback__, None
        while trace is not None:
            if trace.tb_frame.f_code.co_filename == "<tests>":
                line = trace.tb_lineno
            trace = trace.tb_next
        final["line"] = line
    text = json.dumps(final).encode()
    status.send(text[:60_000] if len(text) > 60_000 else text)
    os._exit(0)


CACHE, CACHED_BYTES = {}, 256 << 20


def prepare(job, named):
    """The tests of a problem, compiled; kept, since a problem is judged once for each of its samples."""
    kept = CACHE.get(job["tests"])
    if kept is None:
        text = read_all(named.pop("spec"))
        spec = json.loads(text)
        if "cases" in spec:
            spec["cases"] = [
                ([json.loads(line) for line in case["input"].split("\n") if line.strip()], json.loads(case["output"]))
                for case in spec["cases"]
            ]
        else:
            spec["code"] = compile(spec["tests"], "<tests>", "exec", dont_inherit=True)
            if "numpy" in spec["tests"]:
                import numpy
        if sum(size for size, _ in CACHE.values()) + len(text) > CACHED_BYTES:
            CACHE.clear()
        CACHE[job["tests"]] = kept = (len(text), spec)
    return kept[1]


sys.path[:] = [entry for entry in sys.path if entry]
if hasattr(sys, "set_int_max_str_digits"):
    sys.set_int_max_str_digits(0)
import ast, collections, copy, dataclasses, datetime, decimal, fractions, io, itertools, math, re, typing
zygote(driver, prepare)

# The candidate's side: runs a program, and answers the driver's calls with plain data.
#
# Nothing here is trusted once the program has started: it can read and change all of it. What it can reach holds no
# test and no expected value, and what it sends is read by the driver as data.

PRELUDE = """
from string import *
from re import *
from datetime import *
from collections import *
from heapq import *
from bisect import *
from copy import *
from math import *
from random import *
from statistics import *
from itertools import *
from functools import *
from operator import *
from io import *
from sys import *
from json import *
from builtins import *
from typing import *
import string, re, datetime, collections, heapq, bisect, copy, math, random, statistics, itertools, functools, operator, io, sys, json
"""


def encode(value, objects):
    """Plain data as JSON can carry it; what is not plain stays here and gets a number."""
    kind = type(value)
    if value is None or kind in (str, float, bool):
        return value
    if kind is int:
        # Long numbers in a base that takes no quadratic time.
        return value if -(1 << 64) < value < 1 << 64 else {"i": hex(value)}
    if kind is list:
        return [encode(item, objects) for item in value]
    if kind is tuple:
        return {"t": [encode(item, objects) for item in value]}
    if kind is dict:
        return {"d": [[encode(key, objects), encode(item, objects)] for key, item in value.items()]}
    if kind is set:
        return {"s": [encode(item, objects) for item in value]}
    if kind is frozenset:
        return {"f": [encode(item, objects) for item in value]}
    if kind is bytes:
        return {"b": value.decode("latin-1")}
    if kind is bytearray:
        return {"B": value.decode("latin-1")}
    if kind is complex:
        return {"c": [value.real, value.imag]}
    if kind is range:
        return {"r": [value.start, value.stop, value.step]}
    # Subclasses of plain types count as the plain value in them, whatever their own methods say.
    if isinstance(value, int):
        return encode(int.__add__(value, 0), objects)
    if isinstance(value, float):
        return float.__add__(value, 0.0)
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, dict):
        return {"d": [[encode(key, objects), encode(item, objects)] for key, item in dict.items(value)]}
    if isinstance(value, list):
        return [encode(item, objects) for item in list.__iter__(value)]
    if isinstance(value, tuple):
        return {"t": [encode(item, objects) for item in tuple.__iter__(value)]}
    if isinstance(value, set):
        return {"s": [encode(item, objects) for item in set.__iter__(value)]}
    if isinstance(value, frozenset):
        return {"f": [encode(item, objects) for item in frozenset.__iter__(value)]}
    if isinstance(value, type({}.keys())):
        return {"k": [encode(item, objects) for item in value]}
    home = kind.__module__
    if home in ("collections", "decimal", "fractions", "datetime", "array", "numpy"):
        import collections, decimal, fractions, datetime
        if kind is collections.deque:
            return {"q": [encode(item, objects) for item in value]}
        if kind is decimal.Decimal:
            return {"D": str(value)}
        if kind is fractions.Fraction:
            return {"F": [value.numerator, value.denominator]}
        if kind is array.array:
            return {"a": [value.typecode, value.tobytes().decode("latin-1")]}
        if kind is datetime.datetime and value.tzinfo is None:
            return {"T": ["datetime", [*value.timetuple()[:6], value.microsecond]]}
        if kind is datetime.date:
            return {"T": ["date", [value.year, value.month, value.day]]}
        if kind is datetime.timedelta:
            return {"T": ["timedelta", [value.days, value.seconds, value.microseconds]]}
        if home == "numpy":
            import numpy
            if kind is numpy.ndarray and value.dtype.kind in "biufcSU":
                whole = numpy.ascontiguousarray(value)
                return {"n": [whole.dtype.str, list(value.shape), whole.tobytes().decode("latin-1")]}
            if isinstance(value, numpy.generic) and value.dtype.kind in "biufcSU":
                return {"N": [value.dtype.str, value.tobytes().decode("latin-1")]}
    number = len(objects)
    objects.append(value)
    return {"h": number}


class Arguments(pickle.Unpickler):
    """The driver's arguments; numbers of objects that are here become the objects again."""

    def __init__(self, file, objects, link):
        super().__init__(file)
        self.objects, self.link = objects, link

    def find_class(self, module, name):
        if name == "object_of_the_program":
            return lambda number: self.objects[number]
        if name == "function_of_the_tests":
            return lambda number: callback(number, self.objects, self.link)
        return super().find_class(module, name)


def callback(number, objects, link):
    import io

    def function(*args, **kwargs):
        link.send(json.dumps({"cb": [number, encode(args, objects), encode(kwargs, objects)]}).encode())
        value, problem = Arguments(io.BytesIO(link.receive()), objects, link).load()
        if problem is not None:
            raise RuntimeError(problem)
        return value

    return function


def serve(link, namespace):
    """Answers calls until the driver ends."""
    import io
    objects = []
    while True:
        try:
            data = link.receive()
        except EOFError:
            os._exit(0)
        answer = None
        try:
            operation, *rest = Arguments(io.BytesIO(data), objects, link).load()
            if operation == "call":
                target, args, kwargs, mutable = rest
                result = target(*args, **kwargs)
                answer = {"v": encode(result, objects)}
                if mutable:
                    _, _, before, _, _ = Arguments(io.BytesIO(data), objects, link).load()
                    changed = [[i, encode(args[i], objects)] for i in mutable if args[i] != before[i]]
                    if changed:
                        answer["w"] = changed
            elif operation == "names":
                answer = {"v": []}
                for name in rest[0]:
                    if name in namespace:
                        value = namespace[name]
                        if isinstance(value, types.ModuleType):
                            answer["v"].append([name, "module", value.__name__])
                        elif callable(value):
                            objects.append(value)
                            answer["v"].append([name, "function", len(objects) - 1])
                        else:
                            answer["v"].append([name, "value", encode(value, objects)])
            elif operation == "method":
                answer = {"v": encode(method(namespace, rest[0]), objects)}
            elif operation == "next":
                try:
                    answer = {"v": encode(next(rest[0]), objects)}
                except StopIteration:
                    answer = {"stop": True}
            else:
                simple = {
                    "iter": iter, "len": len, "bool": bool, "str": str, "repr": repr, "getattr": getattr,
                    "getitem": lambda o, k: o[k], "setitem": lambda o, k, v: o.__setitem__(k, v),
                    "contains": lambda o, k: k in o,
                }[operation]
                answer = {"v": encode(simple(*rest), objects)}
            text = json.dumps(answer)
        except BaseException as error:
            text = json.dumps({"x": describe(error)})
        link.send(text.encode())


def method(namespace, name):
    """The function of a LiveCodeBench problem: of a fresh `Solution`, or at the top of the program."""
    if "Solution" in namespace:
        solution = namespace["Solution"]()
        if name is None:
            own = [n for n, v in vars(namespace["Solution"]).items() if callable(v) and not n.startswith("_")]
            name = own[-1] if own else None
        return getattr(solution, name or "solve")
    if name in namespace:
        return namespace[name]
    raise NameError(f"neither a class Solution nor a function {name} is defined")


def run_program(job, source, name):
    """Executes setup and program in a module of their own; returns its names."""
    module = types.ModuleType(name)
    sys.modules[name] = module
    namespace = module.__dict__
    sys.setrecursionlimit(CONFIG["recursion"])
    if job["prelude"]:
        exec(PRELUDE_CODE, namespace)
    for part in ("setup", "given"):
        if source.get(part):
            try:
                exec(compile(source[part], f"<{part}>", "exec", dont_inherit=True), namespace)
            except SyntaxError:
                if part == "setup":
                    raise
    text = source["program"]
    linecache.cache["<program>"] = (len(text), None, text.splitlines(True), "<program>")
    exec(compile(text, "<program>", "exec", dont_inherit=True), namespace)
    return namespace


def leave(code):
    """The end of a script: other threads first, then what it registered, then what it printed."""
    threading._shutdown()
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError, AttributeError):
            code = code or 120
    os._exit(code)


def become(job, image, source, status):
    """Replaces this process by another program. It has no way back, and the filter lets no other program follow."""
    arguments = source["arguments"]
    os.dup2(image, CONFIG["image"], inheritable=False)
    for fd in range(3, CONFIG["image"]):
        try:
            os.set_inheritable(fd, False)
        except OSError:
            pass  # not open
    confine(job, becoming=True)
    if source["script"] is not None:
        try:
            with open("judge", "x") as file:
                file.write(source["script"])
        except OSError as error:
            status.send(json.dumps({"x": describe(error)}).encode())
            leave(1)
        arguments = arguments + ["judge"]

    def texts(all):
        return (ctypes.c_char_p * (len(all) + 1))(*[text.encode() for text in all], None)

    environment = [f"{name}={value}" for name, value in os.environ.items()]
    LIBC.syscall(
        ctypes.c_long(CONFIG["execveat"]), ctypes.c_long(CONFIG["image"]), ctypes.c_char_p(b""),
        texts(arguments), texts(environment), ctypes.c_long(0x1000),
    )
    error = OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    status.send(json.dumps({"x": describe(error)}).encode())
    leave(1)


def candidate(job, named, extra):
    status = socket.socket(fileno=named["status"])
    null = os.open("/dev/null", os.O_RDWR)
    os.dup2(named.get("stdin", null), 0)
    os.dup2(named.get("stdout", null), 1)
    os.dup2(null, 2)
    for name in ("stdin", "stdout"):
        if name in named:
            os.close(named[name])
    source_fd, rpc = named["program"], named.get("rpc")
    random.seed(0)
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed(0)
    status.send(b"{}")
    if "image" in named:
        become(job, named["image"], json.loads(read_all(source_fd)), status)
    confine(job)
    source = json.loads(read_all(source_fd))
    if rpc is None:
        try:
            run_program(job, source, "__main__")
            code = 0
        except SystemExit as error:
            code = error.code
            code = 0 if code is None else code & 255 if isinstance(code, int) else 1
        except BaseException as error:
            code = 1
            status.send(json.dumps({"x": describe(error)}).encode())
        leave(code)
    status.close()
    link = Link(rpc)
    try:
        namespace = run_program(job, source, "solution")
    except BaseException as error:
        failure = json.dumps({"x": describe(error)}).encode()
        link.receive()
        link.send(failure)
        os._exit(1)
    serve(link, namespace)


def warm(job, named):
    for name in job.get("import", ()):
        try:
            __import__(name)
        except Exception:
            pass


sys.path[:] = [entry for entry in sys.path if entry]
if hasattr(sys, "set_int_max_str_digits"):
    sys.set_int_max_str_digits(0)
import abc, calendar, cmath, dataclasses, decimal, enum, fractions, queue, shutil, statistics, string, textwrap, traceback, typing
PRELUDE_CODE = compile(PRELUDE, "<prelude>", "exec")
exec(PRELUDE_CODE, {})
zygote(candidate, warm)
